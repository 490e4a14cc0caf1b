"""Drawing of curves and areas in the patient's frame on a pixel canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

SIZE = 256
SUPERSAMPLING = 2


@dataclass(frozen=True)
class Frame:
    """The patient's frame: x from the midline (positive to the patient's left, the image's right), y downwards from the
    top, both in fractions of the canvas for a patient of average size."""

    centre: tuple[float, float]
    angle: float  # radians
    scale: tuple[float, float]

    def to_canvas(self, points: np.ndarray) -> np.ndarray:
        """`[n, 2]` patient coordinates to fractions of the canvas."""
        x, y = points[:, 0] * self.scale[0], (points[:, 1] - 0.45) * self.scale[1]
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.stack([self.centre[0] + cos * x - sin * y, self.centre[1] + sin * x + cos * y], -1)

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Patient coordinates of the pixel centres, two `[SIZE, SIZE]` arrays."""
        axis = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
        dx, dy = axis[None, :] - self.centre[0], axis[:, None] - self.centre[1]
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return (cos * dx + sin * dy) / self.scale[0], (-sin * dx + cos * dy) / self.scale[1] + 0.45


def spline(points: list[tuple[float, float]], closed: bool, steps: int = 8) -> np.ndarray:
    """Catmull-Rom curve through `points`, `[n, 2]`."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = (np.arange(steps) / steps)[:, None]
    pieces = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:]):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    if not closed:
        pieces.append(p[-2:-1])
    return np.concatenate(pieces)


class Canvas:
    """A grey canvas that is drawn on with supersampling and read once."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.side = SIZE * SUPERSAMPLING
        self.image = Image.new("L", (self.side, self.side))
        self.pen = ImageDraw.Draw(self.image)

    def _pixels(self, points: np.ndarray) -> list[tuple[float, float]]:
        return [tuple(p) for p in (self.frame.to_canvas(points) * self.side).tolist()]

    def area(self, points: np.ndarray, value: float = 1.0) -> None:
        self.pen.polygon(self._pixels(points), fill=int(255 * value))

    def curve(self, points: np.ndarray, width: float, value: float = 1.0) -> None:
        """A line of constant `width` (fraction of the canvas)."""
        pixels = max(1, round(width * self.side))
        self.pen.line(self._pixels(points), int(255 * value), pixels, joint="curve" if pixels > 4 else None)

    def strokes(self, curves: np.ndarray, widths: np.ndarray, values: np.ndarray) -> None:
        """Many short lines at once, `[n, points, 2]`, with plain joints: much faster than one by one."""
        points = self.frame.to_canvas(curves.reshape(-1, 2)).reshape(len(curves), 2 * curves.shape[1]) * self.side
        pixels = np.maximum(1, np.round(widths * self.side)).astype(int).tolist()
        for line, width, value in zip(points.tolist(), pixels, (values * 255).astype(int).tolist()):
            self.pen.line(line, value, width)

    def disc(self, centre: tuple[float, float], radius: float, value: float = 1.0) -> None:
        (x, y), r = self._pixels(np.array([centre]))[0], radius * self.side
        self.pen.ellipse([x - r, y - r, x + r, y + r], fill=int(255 * value))

    def read(self) -> np.ndarray:
        """`[SIZE, SIZE]` in [0, 1]."""
        return np.asarray(self.image.reduce(SUPERSAMPLING), np.float32) / 255


def power4(x: np.ndarray) -> np.ndarray:
    """x^4, much faster than the general power."""
    square = x * x
    return square * square


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, `sigma` in pixels; wide ones are made on a quarter of the resolution."""
    if sigma < 4:
        return gaussian_filter(image.astype(np.float32, copy=False), sigma, truncate=3)
    coarse = image.reshape(SIZE // 4, 4, SIZE // 4, 4).mean((1, 3), dtype=np.float32)
    coarse = gaussian_filter(coarse, sigma / 4, truncate=3)
    return np.asarray(Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def area(frame: Frame, points: np.ndarray) -> np.ndarray:
    """Coverage of one filled outline, `[SIZE, SIZE]` in [0, 1]."""
    canvas = Canvas(frame)
    canvas.area(points)
    return canvas.read()


def dome(frame: Frame, centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0) -> np.ndarray:
    """Path length through an ellipsoid, 1 at its centre, `[SIZE, SIZE]`."""
    x, y = frame.grid()
    dx, dy = x - centre[0], y - centre[1]
    cos, sin = math.cos(angle), math.sin(angle)
    q = ((cos * dx + sin * dy) / radii[0]) ** 2 + ((-sin * dx + cos * dy) / radii[1]) ** 2
    return np.sqrt(np.clip(1 - q, 0, None)).astype(np.float32)


def smooth_noise(generator: np.random.Generator, cells: int) -> np.ndarray:
    """Gaussian noise with about `cells` bumps across the canvas, unit variance, `[SIZE, SIZE]`."""
    coarse = Image.fromarray(generator.standard_normal((cells, cells)).astype(np.float32))
    noise = np.asarray(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    return noise / max(float(noise.std()), 1e-6)


BOX_MARGIN = 0.01
LEAST_SIDE = 0.06


def lesion_box(mask: np.ndarray) -> tuple[float, float, float, float] | None:
    """The box of a lesion as radiologists draw it: with a margin, and never a sliver. Fractions of the canvas."""
    tight = bounding_box(mask)
    return None if tight is None else loosen(tight)


def loosen(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A box with `BOX_MARGIN` around it, at least `LEAST_SIDE` wide and high, inside the canvas."""
    edges = []
    for low, high in ((box[0], box[2]), (box[1], box[3])):
        grow = max(BOX_MARGIN, (LEAST_SIDE - (high - low)) / 2)
        edges.append((max(low - grow, 0.0), min(high + grow, 1.0)))
    return (edges[0][0], edges[1][0], edges[0][1], edges[1][1])


def bounding_box(mask: np.ndarray) -> tuple[float, float, float, float] | None:
    """Smallest box around the true pixels, fractions of the canvas; nothing for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    return tuple(float(v) / SIZE for v in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
