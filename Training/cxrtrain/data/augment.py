"""Batched augmentation on tensors, and the training-time form of the preprocessing.

There is no horizontal flip anywhere: it would turn left into right, move the heart, and make every sided word a lie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .geometry import CLIP_VALUE, PAD_VALUE, STD_FLOOR, Square


@dataclass(frozen=True)
class Strength:
    """Limits of the random changes; all zero means the inference preprocessing."""

    rotation: float = 0.0  # degrees, either way
    zoom: float = 0.0  # natural logarithm of the scale, either way
    aspect: float = 0.0  # natural logarithm of width over height, either way
    shift: float = 0.0  # fraction of the side, either way
    gamma: float = 0.0  # natural logarithm of the exponent, either way
    noise: float = 0.0  # standard deviation added, in standardised units
    erase: float = 0.0  # probability of one grey rectangle


NONE = Strength()
MILD = Strength(rotation=4, zoom=0.08, aspect=0.04, shift=0.03, gamma=0.25, noise=0.05)
STRONG = Strength(rotation=10, zoom=0.16, aspect=0.10, shift=0.06, gamma=0.4, noise=0.08, erase=0.3)


def content_masks(squares: list[Square], side: int) -> Tensor:
    """1 where the padded square holds image, `[batch, 1, side, side]`."""
    mask = torch.zeros(len(squares), 1, side, side)
    for index, square in enumerate(squares):
        mask[index, 0, square.top : square.top + square.height, square.left : square.left + square.width] = 1
    return mask


def random_affine(count: int, strength: Strength, generator: torch.Generator) -> Tensor:
    """Sampling matrices `[count, 2, 3]` (output to input, coordinates -1...1)."""

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle = uniform(math.radians(strength.rotation))
    zoom, aspect = uniform(strength.zoom), uniform(strength.aspect)
    sx, sy = torch.exp(zoom + aspect / 2), torch.exp(zoom - aspect / 2)
    tx, ty = uniform(2 * strength.shift), uniform(2 * strength.shift)
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = [torch.stack([sx * cos, -sy * sin, tx], -1), torch.stack([sx * sin, sy * cos, ty], -1)]
    return torch.stack(rows, 1)


def to_input(
    pixels: Tensor, masks: Tensor, size: int, strength: Strength, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Padded images `[batch, 1, side, side]` in [0, 1] to network input `[batch, 1, size, size]`, with the matrices used.

    With `NONE` this equals `geometry.preprocess` up to the resampling filter.
    """
    count = pixels.shape[0]
    exponent = torch.exp((torch.rand(count, 1, 1, 1, generator=generator) * 2 - 1) * strength.gamma)
    x = pixels.clamp_min(1e-4) ** exponent
    area = masks.sum((1, 2, 3), keepdim=True)
    mean = (x * masks).sum((1, 2, 3), keepdim=True) / area
    spread = (((x - mean) ** 2 * masks).sum((1, 2, 3), keepdim=True) / area).sqrt()
    z = torch.where(masks > 0, (x - mean) / spread.clamp_min(STD_FLOOR), PAD_VALUE)
    matrices = random_affine(count, strength, generator)
    if size < z.shape[-1]:
        z = F.interpolate(z, size=(size, size), mode="bilinear", antialias=True)
    if strength != NONE:
        grid = F.affine_grid(matrices, [count, 1, size, size], align_corners=False)
        z = F.grid_sample(z - PAD_VALUE, grid, align_corners=False) + PAD_VALUE
        z = z + torch.randn(z.shape, generator=generator) * strength.noise
        z = _erase(z, strength.erase, generator)
    return z.clamp(-CLIP_VALUE, CLIP_VALUE), matrices


def _erase(z: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    size = z.shape[-1]
    draws = torch.rand(z.shape[0], 5, generator=generator)
    for index in torch.nonzero(draws[:, 0] < probability).flatten().tolist():
        height, width = (int(size * (0.08 + 0.2 * draws[index, k].item())) for k in (1, 2))
        top, left = (int((size - s) * draws[index, k].item()) for s, k in ((height, 3), (width, 4)))
        z[index, :, top : top + height, left : left + width] = z[index].mean()
    return z


def move_box(box: tuple[float, float, float, float], matrix: Tensor) -> tuple[float, float, float, float]:
    """The box that encloses `box` (fractions of the square) after the resampling by `matrix`."""
    linear, offset = matrix[:, :2].double(), matrix[:, 2].double()
    inverse = torch.linalg.inv(linear)
    corners = torch.tensor([[x, y] for x in (box[0], box[2]) for y in (box[1], box[3])], dtype=torch.float64) * 2 - 1
    moved = ((corners - offset) @ inverse.T + 1) / 2
    low, high = moved.amin(0).clamp(0, 1), moved.amax(0).clamp(0, 1)
    return (low[0].item(), low[1].item(), high[0].item(), high[1].item())
