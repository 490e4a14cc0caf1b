"""Pulmonary vessels: trees that branch from the hila, and the texture of the lung between them."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, blur, smooth_noise
from .patient import Patient

GENERATIONS = 6


def draw_vessels(patient: Patient, generator: np.random.Generator, density: float) -> np.ndarray:
    """Attenuation of vessels, `[SIZE, SIZE]`, before it is limited to the lungs. `density` scales their number."""
    canvas, fine = Canvas(patient.frame), Canvas(patient.frame)
    span = patient.r_base - patient.apex
    for side in (-1, 1):
        height = patient.apex + span * (0.47 if side < 0 else 0.44)
        roots = max(5, int(generator.normal(13, 1.5) * density))
        angles = np.linspace(-1.35, 1.45, roots) + generator.normal(0, 0.12, roots)
        position = np.tile([side * 0.052, height], (roots, 1)) + generator.normal(0, 0.014, (roots, 2))
        width = generator.uniform(0.009, 0.017, roots)
        length = generator.uniform(0.055, 0.085, roots)
        for _ in range(GENERATIONS):
            bend = angles + generator.normal(0, 0.16, len(angles))
            step = np.stack([side * np.cos(bend), np.sin(bend)], -1) * length[:, None]
            middle = position + step * 0.5 + generator.normal(0, 0.004, position.shape)
            end = position + step
            curves = np.stack([position, middle, end], 1)
            values = np.minimum(1.0, 0.35 + 45 * width)
            for target, chosen in ((canvas, width > 0.004), (fine, width <= 0.004)):
                target.strokes(curves[chosen], width[chosen], values[chosen])
            spread = generator.uniform(0.2, 0.55, len(angles))
            position = np.concatenate([end, end])
            angles = np.concatenate([bend + spread, bend - spread])
            width = np.concatenate([width * 0.78, width * 0.60])
            length = np.concatenate([length, length]) * generator.uniform(0.66, 0.9, len(angles))
            keep = generator.random(len(angles)) < 0.80
            position, angles, width, length = position[keep], angles[keep], width[keep], length[keep]
    hila = blur(canvas.read(), 0.6) * 0.34
    return hila + blur(fine.read(), 0.5) * 0.14


def lung_texture(generator: np.random.Generator) -> np.ndarray:
    """Interstitial texture, zero mean, `[SIZE, SIZE]`."""
    return 0.5 * smooth_noise(generator, 96) + 0.35 * smooth_noise(generator, 48) + 0.4 * smooth_noise(generator, 16)
