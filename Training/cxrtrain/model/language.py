"""Llama-type decoder with grouped-query attention and a tied head; Hugging Face key names."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import TextConfig

Cache = list[tuple[Tensor, Tensor]]  # per layer: keys and values, [batch, kv heads, positions, head]


class RMSNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotary(positions: Tensor, head: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine, `[positions, head]`, halves repeated (rotate-half form)."""
    frequency = theta ** (-torch.arange(0, head, 2, dtype=torch.float32, device=positions.device) / head)
    angle = positions[:, None].float() * frequency[None]
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Attention(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        width, head = config.hidden_size, config.head_dim
        self.q_proj = nn.Linear(width, config.num_attention_heads * head, bias=False)
        self.k_proj = nn.Linear(width, config.num_key_value_heads * head, bias=False)
        self.v_proj = nn.Linear(width, config.num_key_value_heads * head, bias=False)
        self.o_proj = nn.Linear(config.num_attention_heads * head, width, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        q, k, v = (
            f(x).unflatten(-1, (-1, self.config.head_dim)).transpose(1, 2)
            for f in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        share = q.shape[1] // k.shape[1]
        keys, values = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
        # Either the whole prompt at once (causal) or one token after a cached past (sees everything).
        out = F.scaled_dot_product_attention(q, keys, values, is_causal=past is None and q.shape[2] > 1)
        return self.o_proj(out.transpose(1, 2).flatten(2)), (k, v)


class GatedFeedForward(nn.Module):
    def __init__(self, width: int, intermediate: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, intermediate, bias=False)
        self.up_proj = nn.Linear(width, intermediate, bias=False)
        self.down_proj = nn.Linear(intermediate, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = GatedFeedForward(config.hidden_size, config.intermediate_size)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        attended, present = self.self_attn(self.input_layernorm(x), cos, sin, past)
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x)), present


class Decoder(nn.Module):
    def __init__(self, config: TextConfig, vocabulary: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, config.hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class LanguageModel(nn.Module):
    """`language_model.model.*` in the checkpoint; the head is the embedding."""

    def __init__(self, config: TextConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config, vocabulary)
        depth = config.num_hidden_layers
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                scale = (2 * depth) ** -0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
                nn.init.normal_(parameter, std=0.02 * scale)

    def forward(self, embeddings: Tensor, past: Cache | None = None) -> tuple[Tensor, Cache]:
        """`[batch, new, hidden]` after `past` to hidden states `[batch, new, hidden]` and the longer cache."""
        start = past[0][0].shape[2] if past else 0
        positions = torch.arange(start, start + embeddings.shape[1], device=embeddings.device)
        cos, sin = rotary(positions, self.config.head_dim, self.config.rope_theta)
        x, cache = embeddings, []
        for index, layer in enumerate(self.model.layers):
            x, present = layer(x, cos, sin, past[index] if past else None)
            cache.append(present)
        return self.model.norm(x), cache

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.model.embed_tokens.weight)
