"""The random patient: every number that shapes a healthy chest, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.geometry import Square
from .canvas import SIZE, Frame


@dataclass(frozen=True)
class Patient:
    """Lengths are fractions of the canvas in the patient's frame; `r_`/`l_` are the patient's right and left."""

    frame: Frame
    square: Square  # what the collimator leaves of the canvas
    view: str
    sex: str
    age: int
    half_width: float  # of the lungs at their widest
    apex: float
    r_base: float  # top of the right dome of the diaphragm
    l_base: float
    costophrenic: float  # how far the angles reach below the domes
    heart_ratio: float  # heart width over thorax width
    heart_shift: float
    inspiration: float  # 0 shallow to 1 deep
    girth: float  # soft tissue
    rotation: float  # of the patient about the long axis, moves the midline structures
    arms_down: bool
    breast: float
    kyphosis: float


def sample_patient(generator: np.random.Generator, cardiomegaly: str, emphysema: bool) -> Patient:
    """Draws a patient. `cardiomegaly` is empty or a severity; `emphysema` brings its large, flat-based lungs."""
    g = generator
    view = "AP" if g.random() < 0.4 else "PA"
    sex = "F" if g.random() < 0.48 else "M"
    supine = view == "AP"
    inspiration = float(np.clip(g.normal(0.42 if supine else 0.62, 0.2), 0, 1))
    if emphysema:
        inspiration = float(g.uniform(0.95, 1.15))
    zoom = g.normal(0.94, 0.06) * (1.06 if supine else 1.0)
    angle = np.radians(g.normal(0, 2.6 if supine else 1.2))
    # Detectors are used lying or standing; the shares are those of the real images.
    aspect = float(g.choice([1.2, 1.0, 0.82], p=[0.62, 0.22, 0.16]))
    square = Square(width=round(SIZE * min(1.0, aspect)), height=round(SIZE * min(1.0, 1 / aspect)))
    squeeze = (1.04, 0.88) if aspect > 1.1 else (0.87, 1.02) if aspect < 0.9 else (1.0, 0.97)
    frame = Frame(
        centre=(0.5 + g.normal(0, 0.018), (0.385 if aspect > 1.1 else 0.375) + g.normal(0.0, 0.022)),
        angle=float(angle),
        scale=(float(zoom * squeeze[0] * g.normal(1, 0.035)), float(zoom * squeeze[1] * g.normal(1, 0.035))),
    )
    half_width = g.normal(0.355, 0.018) + 0.02 * inspiration
    base = 0.60 + 0.15 * inspiration + g.normal(0, 0.018)
    apex = 0.135 + g.normal(0, 0.018)
    ratio = {
        "": g.uniform(0.39, 0.48),
        "small": g.uniform(0.53, 0.57),
        "moderate": g.uniform(0.57, 0.64),
        "large": g.uniform(0.64, 0.75),
    }[cardiomegaly]
    if emphysema:
        ratio = min(ratio, g.uniform(0.33, 0.40))
    return Patient(
        frame=frame,
        square=square,
        view=view,
        sex=sex,
        age=int(np.clip(g.normal(50, 17), 18, 92)),
        half_width=float(half_width),
        apex=float(apex),
        r_base=float(base),
        l_base=float(base + g.normal(0.022, 0.012)),
        costophrenic=float(g.uniform(0.03, 0.05) if emphysema else g.uniform(0.075, 0.12)),
        heart_ratio=float(ratio),
        heart_shift=float(g.normal(0.0, 0.012)),
        inspiration=inspiration,
        girth=float(np.clip(g.normal(1.0, 0.2), 0.65, 1.6)),
        rotation=float(g.normal(0, 0.012)),
        arms_down=bool(g.random() < (0.75 if supine else 0.25)),
        breast=float(g.uniform(0.3, 1.0)) if sex == "F" else float(max(0.0, g.normal(0, 0.12))),
        kyphosis=float(g.normal(0, 1)),
    )
