"""Padding to a square and the mapping of boxes between an image and its padded square."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

PAD_VALUE = -2.0
CLIP_VALUE = 3.0
STD_FLOOR = 0.001

Box = tuple[float, float, float, float]  # x1, y1, x2, y2


@dataclass(frozen=True)
class Square:
    """Where an image of `width` x `height` pixels lies in its padded square."""

    width: int
    height: int

    @property
    def side(self) -> int:
        return max(self.width, self.height)

    @property
    def left(self) -> int:
        return (self.side - self.width) // 2

    @property
    def top(self) -> int:
        return (self.side - self.height) // 2

    def to_fraction(self, box: Box) -> Box:
        """From source pixels to fractions of the padded square."""
        x1, y1, x2, y2 = box
        return (
            (x1 + self.left) / self.side,
            (y1 + self.top) / self.side,
            (x2 + self.left) / self.side,
            (y2 + self.top) / self.side,
        )

    def to_source(self, box: Box) -> Box:
        """From fractions of the padded square to source pixels, clamped to the image."""
        x1, y1, x2, y2 = (v * self.side for v in box)
        return (
            min(max(x1 - self.left, 0.0), self.width),
            min(max(y1 - self.top, 0.0), self.height),
            min(max(x2 - self.left, 0.0), self.width),
            min(max(y2 - self.top, 0.0), self.height),
        )


def preprocess(image: np.ndarray, size: int) -> np.ndarray:
    """The inference preprocessing of LAYOUT.md.

    `image`: `[height, width]`, values in [0, 1], bright bone. Returns F32 `[size, size]`.
    """
    pixels = image.astype(np.float64)
    z = ((pixels - pixels.mean()) / max(float(pixels.std()), STD_FLOOR)).astype(np.float32)
    square = Square(width=image.shape[1], height=image.shape[0])
    padded = np.full((square.side, square.side), PAD_VALUE, np.float32)
    padded[square.top : square.top + square.height, square.left : square.left + square.width] = z
    resized = Image.fromarray(padded).resize((size, size), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(resized, np.float32), -CLIP_VALUE, CLIP_VALUE)


def intersection_over_union(a: Box, b: Box) -> float:
    """Area of the intersection over area of the union, 0 for empty boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    inner = width * height
    outer = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner
    return inner / outer if outer > 0 else 0.0
