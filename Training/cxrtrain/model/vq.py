"""Vector-quantised image tokenizer: encoder (training only), codebook, decoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import VQConfig


class Residual(nn.Module):
    def __init__(self, channels: int, config: VQConfig) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(config.norm_num_groups, channels, eps=config.norm_eps)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(config.norm_num_groups, channels, eps=config.norm_eps)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))


class DecoderLevel(nn.Module):
    def __init__(self, channels: int, following: int | None, blocks: int, config: VQConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Residual(channels, config) for _ in range(blocks))
        self.upsample = nn.Conv2d(channels, following, 3, padding=1) if following else None

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.upsample(F.interpolate(x, scale_factor=2, mode="nearest")) if self.upsample else x


class VQDecoder(nn.Module):
    """`[batch, code_dim, grid, grid]` to pixels `[batch, 1, side, side]`, not yet clamped to [0, 1]."""

    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        widths = config.decoder_channels
        self.conv_in = nn.Conv2d(config.code_dim, widths[0], 3, padding=1)
        self.levels = nn.ModuleList(
            DecoderLevel(width, widths[i + 1] if i + 1 < len(widths) else None, config.decoder_blocks[i], config)
            for i, width in enumerate(widths)
        )
        self.norm_out = nn.GroupNorm(config.norm_num_groups, widths[-1], eps=config.norm_eps)
        self.conv_out = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, codes: Tensor) -> Tensor:
        x = self.conv_in(codes)
        for level in self.levels:
            x = level(x)
        return (self.conv_out(F.silu(self.norm_out(x))) + 1) / 2


class VQEncoder(nn.Module):
    """Pixels `[batch, 1, side, side]` in [0, 1] to `[batch, code_dim, grid, grid]`."""

    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        widths = config.decoder_channels[::-1]
        self.conv_in = nn.Conv2d(1, widths[0], 3, padding=1)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths, widths[1:]))
        self.blocks = nn.ModuleList(Residual(b, config) for b in widths[1:])
        self.conv_out = nn.Conv2d(widths[-1], config.code_dim, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.conv_in(pixels * 2 - 1)
        for down, block in zip(self.downs, self.blocks):
            x = block(down(F.silu(x)))
        return self.conv_out(x)


class Codebook(nn.Module):
    """Nearest-vector quantisation; vectors follow moving averages, and unused ones restart at random inputs."""

    decay = 0.97
    restart_below = 0.05  # of the average use

    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        self.register_buffer("weight", torch.randn(config.codebook_size, config.code_dim) * 0.5)
        self.register_buffer("use", torch.ones(config.codebook_size))
        self.register_buffer("total", self.weight.clone())

    def nearest(self, z: Tensor) -> Tensor:
        """`[n, code_dim]` to indices `[n]`."""
        return (self.weight.pow(2).sum(1)[None] - 2 * z @ self.weight.T).argmin(1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`[batch, code_dim, grid, grid]` to the quantised input (straight-through gradient), indices `[batch, grid^2]`, and
        the commitment loss."""
        flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
        indices = self.nearest(flat.detach())
        if self.training:
            self._follow(flat.detach(), indices)
        chosen = self.weight[indices].reshape(z.shape[0], z.shape[2], z.shape[3], -1).permute(0, 3, 1, 2)
        commitment = F.mse_loss(z, chosen)
        return z + (chosen - z).detach(), indices.reshape(z.shape[0], -1), commitment

    @torch.no_grad()
    def _follow(self, flat: Tensor, indices: Tensor) -> None:
        hot = F.one_hot(indices, self.weight.shape[0]).float()
        self.use.mul_(self.decay).add_(hot.sum(0), alpha=1 - self.decay)
        self.total.mul_(self.decay).add_(hot.T @ flat, alpha=1 - self.decay)
        self.weight.copy_(self.total / self.use.clamp_min(1e-3)[:, None])
        dead = torch.nonzero(self.use < self.restart_below * self.use.mean()).flatten()
        if len(dead):
            fresh = flat[torch.randint(len(flat), (len(dead),), device=flat.device)]
            self.weight[dead] = fresh
            self.total[dead] = fresh * self.use.mean()
            self.use[dead] = self.use.mean()


class VQModel(nn.Module):
    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = VQEncoder(config)
        self.codebook = Codebook(config)
        self.decoder = VQDecoder(config)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, indices, commitment loss."""
        quantised, indices, commitment = self.codebook(self.encoder(pixels))
        return self.decoder(quantised), indices, commitment

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """Indices `[batch, grid^2]`."""
        z = self.encoder(pixels)
        return self.codebook.nearest(z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])).reshape(z.shape[0], -1)

    @torch.no_grad()
    def decode(self, indices: Tensor) -> Tensor:
        """Pixels `[batch, 1, side, side]` in [0, 1]."""
        grid = self.config.grid
        vectors = self.codebook.weight[indices].reshape(-1, grid, grid, self.config.code_dim).permute(0, 3, 1, 2)
        return self.decoder(vectors).clamp(0, 1)
