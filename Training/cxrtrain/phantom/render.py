"""From attenuation to a displayed image: beam, scatter, noise, processing, borders and markers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, rotate, zoom

from .canvas import SIZE, blur


@dataclass(frozen=True)
class Exposure:
    scatter: float  # scattered over primary intensity
    photons: float
    sharpness: float  # strength of the unsharp mask
    window: tuple[float, float]  # grey of the darkest and the brightest tissue
    gamma: float
    tilt: tuple[float, float]  # heel effect and grid cut-off, per canvas
    blur: float  # pixels
    grid: float  # amplitude of grid lines


def sample_exposure(generator: np.random.Generator, view: str) -> Exposure:
    portable = view == "AP"
    flat = generator.random() < (0.4 if portable else 0.12)
    return Exposure(
        scatter=float(generator.uniform(0.10, 0.30) if portable else generator.uniform(0.03, 0.14)),
        photons=float(10 ** generator.uniform(3.6, 4.9)),
        sharpness=float(generator.uniform(0.0, 0.9)),
        window=(
            float(generator.uniform(0.12, 0.34) if flat else generator.uniform(0.0, 0.14)),
            float(generator.uniform(0.72, 0.92) if flat else generator.uniform(0.90, 1.12)),
        ),
        gamma=float(np.exp(generator.normal(-0.08, 0.20))),
        tilt=(float(generator.normal(0, 0.10)), float(generator.normal(0, 0.10))),
        blur=float(generator.uniform(0.3, 0.8)),
        grid=float(generator.uniform(0.0, 0.006)) if generator.random() < 0.15 else 0.0,
    )


def display(attenuation: np.ndarray, exposure: Exposure, generator: np.random.Generator) -> np.ndarray:
    """Beer-Lambert transmission with scatter and quantum noise, then the logarithmic display of a detector.

    `attenuation`: line integrals, `[SIZE, SIZE]`, about 0 (air) to 4. Returns `[SIZE, SIZE]` in [0, 1].
    """
    axis = np.linspace(-0.5, 0.5, SIZE, dtype=np.float32)
    beam = 1 + exposure.tilt[0] * axis[:, None] + exposure.tilt[1] * axis[None, :]
    primary = np.exp(-attenuation) * beam
    coarse = gaussian_filter(primary[::8, ::8], 3.0)
    scatter = zoom(coarse, 8, order=1) * exposure.scatter
    intensity = blur(primary, exposure.blur) + scatter
    noise = generator.standard_normal((SIZE, SIZE)).astype(np.float32)
    noise = blur(noise, 0.45) * 1.6
    intensity = intensity + noise * np.sqrt(np.clip(intensity, 0, None) / exposure.photons)
    signal = -np.log(np.clip(intensity, 0.004, None))
    if exposure.grid:
        signal = signal + exposure.grid * np.sin(np.arange(SIZE) * 2.1)[None, :]
    signal = signal + exposure.sharpness * (signal - blur(signal, 7.0))
    dark, bright = np.quantile(signal[24:-24:4, 24:-24:4], [0.04, 0.97])
    low, high = exposure.window
    value = (signal - dark) / max(float(bright - dark), 0.2)
    value = low + (high - low) * value
    value = value * np.clip(attenuation / 0.30, 0, 1)  # beside the patient the film is black, whatever the window
    # The shoulder of the display curve: dense tissue saturates softly.
    value = np.where(value > 0.8, 0.8 + 0.2 * np.tanh((value - 0.8) / 0.2), value)
    return np.clip(value, 0, 1) ** exposure.gamma


def borders(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Collimation: black edges, sometimes crooked, sometimes a bright rim."""
    if generator.random() > 0.30:
        return image
    cover = np.ones((SIZE, SIZE), np.float32)
    for edge in range(4):
        if generator.random() < 0.5:
            width = int(generator.integers(1, 13))
            cover = np.rot90(cover, edge).copy()
            cover[:width] = 0
            cover = np.rot90(cover, -edge)
    if generator.random() < 0.35:
        cover = rotate(cover, generator.normal(0, 1.8), reshape=False, order=1, cval=0)
    outside = 0.0 if generator.random() < 0.85 else float(generator.uniform(0.6, 1.0))
    return image * cover + outside * (1 - cover)


def markers(image: np.ndarray, view: str, generator: np.random.Generator) -> np.ndarray:
    """Side letters on their own side, and what portable units print."""
    canvas = Image.fromarray((image * 255).astype(np.uint8))
    pen = ImageDraw.Draw(canvas)
    if generator.random() < 0.75:
        left = generator.random() < 0.75
        text = "L" if left else "R"
        x = generator.uniform(0.86, 0.95) if left else generator.uniform(0.03, 0.11)
        y = generator.uniform(0.02, 0.16)
        font = ImageFont.load_default(size=int(generator.integers(7, 15)))
        pen.text((x * SIZE, y * SIZE), text, fill=int(generator.integers(190, 256)), font=font)
    if view == "AP" and generator.random() < 0.5:
        x, y = generator.uniform(0.02, 0.8), generator.uniform(0.01, 0.10)
        font = ImageFont.load_default(size=int(generator.integers(5, 8)))
        pen.text((x * SIZE, y * SIZE), "PORTABLE", fill=int(generator.integers(170, 256)), font=font)
    return np.asarray(canvas, np.float32) / 255
