"""Vision encoder: convolutional stem, pre-norm transformer, and the classification head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import VisionConfig


class ConvNorm(nn.Module):
    """3x3 convolution; BatchNorm while training stage 0, folded into the convolution for everything after."""

    def __init__(self, inputs: int, outputs: int, stride: int, normalise: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=not normalise)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        self.norm = nn.BatchNorm2d(outputs) if normalise else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution that equals this module in evaluation mode."""
        if isinstance(self.norm, nn.Identity):
            return self.conv.weight, self.conv.bias
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        return self.conv.weight * scale[:, None, None, None], self.norm.bias - self.norm.running_mean * scale


class ResidualBlock(nn.Module):
    """relu(x + conv2(relu(conv1(x))))."""

    def __init__(self, channels: int, normalise: bool) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, 1, normalise)
        self.conv2 = ConvNorm(channels, channels, 1, normalise)
        if normalise:
            nn.init.zeros_(self.conv2.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class StemStage(nn.Module):
    """Halves the resolution, then refines."""

    def __init__(self, inputs: int, outputs: int, blocks: int, normalise: bool) -> None:
        super().__init__()
        self.conv = ConvNorm(inputs, outputs, 2, normalise)
        self.blocks = nn.ModuleList(ResidualBlock(outputs, normalise) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(x))
        for block in self.blocks:
            x = block(x)
        return x


class SelfAttention(nn.Module):
    """Unmasked multi-head attention, `[batch, tokens, hidden]`."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(hidden, hidden)
        self.k_proj = nn.Linear(hidden, hidden)
        self.v_proj = nn.Linear(hidden, hidden)
        self.out_proj = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, hidden: int, intermediate: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden, intermediate)
        self.fc2 = nn.Linear(intermediate, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer; `drop_path` skips whole branches of single examples while training."""

    def __init__(self, config: VisionConfig, drop_path: float) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = SelfAttention(config.hidden_size, config.num_attention_heads)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = FeedForward(config.hidden_size, config.intermediate_size)
        self.drop_path = drop_path

    def _keep(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return branch
        keep = torch.rand(branch.shape[0], 1, 1, device=branch.device) >= self.drop_path
        return branch * keep / (1 - self.drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._keep(self.self_attn(self.layer_norm1(x)))
        return x + self._keep(self.mlp(self.layer_norm2(x)))


class Encoder(nn.Module):
    def __init__(self, config: VisionConfig, drop_path: float) -> None:
        super().__init__()
        count = config.num_hidden_layers
        self.layers = nn.ModuleList(EncoderLayer(config, drop_path * i / max(count - 1, 1)) for i in range(count))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class VisionTower(nn.Module):
    """`[batch, 1, side, side]` standardised pixels to `[batch, tokens, hidden]`.

    Sides other than `image_size` (training starts on smaller images) use an interpolated position embedding.
    """

    def __init__(self, config: VisionConfig, normalise: bool, drop_path: float = 0.0) -> None:
        super().__init__()
        self.config = config
        widths = (1, *config.stem_channels)
        self.stem = nn.ModuleList(
            StemStage(widths[i], widths[i + 1], config.stem_blocks[i], normalise)
            for i in range(len(config.stem_channels))
        )
        self.position_embedding = nn.Parameter(torch.randn(config.grid**2, config.hidden_size) * 0.02)
        self.encoder = Encoder(config, drop_path)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def _positions(self, grid: int) -> Tensor:
        own = self.config.grid
        if grid == own:
            return self.position_embedding
        planes = self.position_embedding.T.reshape(1, -1, own, own)
        return F.interpolate(planes, size=(grid, grid), mode="bilinear", antialias=True).flatten(2)[0].T

    def forward(self, pixels: Tensor) -> Tensor:
        return self.features(pixels)[1]

    def features(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The stem's last map but one `[batch, channels, side, side]`, twice as fine as the tokens, and the tokens."""
        x = pixels
        for stage in self.stem[:-1]:
            x = stage(x)
        fine = x
        x = self.stem[-1](x)
        tokens = x.flatten(2).transpose(1, 2) + self._positions(x.shape[-1])
        return fine, self.post_layernorm(self.encoder(tokens))

    def folded(self) -> VisionTower:
        """The same function with BatchNorm folded into the convolutions: the form that is shipped."""
        plain = VisionTower(self.config, normalise=False)
        state = {k: v for k, v in self.state_dict().items() if ".norm." not in k}
        for name, module in self.named_modules():
            if isinstance(module, ConvNorm):
                state[f"{name}.conv.weight"], state[f"{name}.conv.bias"] = module.folded()
        plain.load_state_dict({k: v.detach().clone() for k, v in state.items()})
        return plain


def pool(tokens: Tensor) -> Tensor:
    """Mean and maximum over tokens, `[batch, 2 * hidden]`."""
    return torch.cat([tokens.mean(1), tokens.amax(1)], dim=-1)
