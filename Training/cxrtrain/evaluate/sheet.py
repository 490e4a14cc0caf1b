"""A contact sheet of real images and phantoms, to see how far apart they still are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.pool import real_pool
from ..phantom.generator import make_phantom
from .synthesis import contact_sheet

COLUMNS, ROWS = 8, 4


def mixed_sheet(data: Path, cache: Path, output: Path, seed: int) -> None:
    """Writes the sheet and prints, row by row, `r` for a real image and `p` for a phantom."""
    generator = np.random.default_rng(seed)
    real = real_pool(data, cache, "train")
    is_real = generator.random(COLUMNS * ROWS) < 0.5
    images = [
        real.pixels[generator.integers(len(real))] / 255 if own else make_phantom(int(generator.integers(2**31))).pixels
        for own in is_real
    ]
    contact_sheet(images, output, COLUMNS, side=188)
    for row in is_real.reshape(ROWS, COLUMNS):
        print(" ".join("r" if own else "p" for own in row))
