"""Ribs from curves in space, clavicles, spine, shoulder blades; and their fractures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.geometry import Box
from .canvas import SIZE, Canvas, blur, power4, spline
from .patient import Patient


@dataclass(frozen=True)
class Break:
    """A displaced rib fracture: the rib steps by `offset` at `at` (0 spine to 1 lateral wall)."""

    side: int  # -1 right, 1 left
    rib: int
    at: float
    offset: float


RIBS = 10
_PHI = np.linspace(0.08, np.pi * 0.80, 44)


def rib_curve(patient: Patient, side: int, rib: int, jitter: np.ndarray) -> np.ndarray:
    """Projected rib from the spine round the chest wall to its anterior end, `[44, 2]`."""
    depth = (rib + 0.6) / RIBS
    span = max(patient.r_base, patient.l_base) + patient.costophrenic - patient.apex
    start = patient.apex - 0.035 + span * 0.96 * (rib / RIBS) ** 0.98
    envelope = np.interp(depth, [0, 0.12, 0.3, 0.5, 0.75, 1.1], [0.45, 0.62, 0.84, 0.95, 1.02, 1.03])
    width = envelope * (patient.half_width + 0.006)
    drop = (0.046 + 0.055 * depth) * (1.15 - 0.3 * (patient.inspiration - 0.5)) * (0.8 if patient.view == "AP" else 1)
    rise = 0.018 * np.sin(np.minimum(_PHI, np.pi / 2) * 2)
    x = side * (0.030 + (width - 0.030) * np.sin(_PHI) ** 0.85)
    y = start + drop * (1 - np.cos(_PHI)) * 1.25 - rise + jitter[rib] * 0.004
    return np.stack([x + patient.rotation * np.cos(_PHI), y], -1)


def _stroke(canvas: Canvas, curve: np.ndarray, width: float, value: float) -> None:
    canvas.curve(curve, width, value)


def draw_bones(
    patient: Patient, generator: np.random.Generator, breaks: list[Break]
) -> tuple[np.ndarray, dict[Break, Box]]:
    """Bone attenuation `[SIZE, SIZE]` and, for every fracture, its box."""
    frame = patient.frame
    jitter = generator.standard_normal(RIBS + 1)
    tilt = generator.normal(0, 0.01, 2)
    contrast = generator.uniform(0.55, 1.0)
    width = 0.0185 * generator.normal(1, 0.10)
    layers = {key: Canvas(frame) for key in ("outer0", "outer1", "inner0", "inner1", "front", "other")}
    boxes: dict[Break, Box] = {}
    for side in (-1, 1):
        for rib in range(RIBS):
            curve = rib_curve(patient, side, rib, jitter)
            half = int(len(curve) * 0.62)
            for found in (b for b in breaks if b.side == side and b.rib == rib):
                at = max(2, int(found.at * half))
                curve = curve.copy()
                curve[at + 1 :, 1] += found.offset
                boxes[found] = _break_box(patient, curve[at - 1 : at + 3], width)
                for a, b in ((curve[: at + 1], 0), (curve[at + 2 : half], 0)):
                    _stroke(layers[f"outer{(rib + b) % 2}"], a, width, 1)
                    _stroke(layers[f"inner{(rib + b) % 2}"], a, width * 0.55, 1)
                break
            else:
                _stroke(layers[f"outer{rib % 2}"], curve[:half], width, 1)
                _stroke(layers[f"inner{rib % 2}"], curve[:half], width * 0.55, 1)
            _stroke(layers["front"], curve[half - 1 :], width * 1.15, 0.8)
        _shoulder(layers["other"], patient, side, tilt[max(side, 0)])
    outer = layers["outer0"].read() + layers["outer1"].read()
    inner = layers["inner0"].read() + layers["inner1"].read()
    ribs = contrast * (0.34 * outer - 0.17 * inner + 0.20 * layers["front"].read())
    calcified = 0.7 + 0.006 * patient.age
    bones = blur(ribs, 0.7) * calcified + 0.72 * blur(layers["other"].read(), 0.8)
    return (bones + _spine(patient, generator)).astype(np.float32), boxes


def _break_box(patient: Patient, piece: np.ndarray, width: float) -> Box:
    """Box of a fracture: the step with one rib width around it."""
    points = patient.frame.to_canvas(piece)
    low, high = points.min(0) - 1.3 * width, points.max(0) + 1.3 * width
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _shoulder(canvas: Canvas, patient: Patient, side: int, tilt: float) -> None:
    top = patient.apex
    rise = 0.015 if patient.view == "PA" else -0.03
    clavicle = [
        (side * 0.028 + patient.rotation * 2, top + 0.075),
        (side * 0.11, top + 0.055 + tilt),
        (side * 0.22, top + 0.005 + rise * 0.3 + tilt),
        (side * 0.36, top - 0.012 + rise + tilt),
    ]
    canvas.curve(spline(clavicle, closed=False), 0.025, 1.0)
    out = 0.0 if patient.arms_down else 0.035
    blade = [
        (side * (0.30 + out), top + 0.06),
        (side * (0.335 + out), top + 0.24),
        (side * (0.37 + out), top + 0.36),
        (side * (0.42 + out), top + 0.22),
        (side * 0.44, top + 0.07),
        (side * 0.40, top + 0.02),
    ]
    canvas.area(spline(blade, closed=True), 0.27)
    canvas.curve(spline(blade, closed=True), 0.008, 0.38)
    canvas.disc((side * 0.455, top + 0.06), 0.052, 0.7)
    arm_x = 0.50 if patient.arms_down else 0.62
    canvas.curve(np.array([(side * 0.465, top + 0.07), (side * (2 * arm_x - 0.465), top + 1.43)]), 0.045, 0.6)


def _spine(patient: Patient, generator: np.random.Generator) -> np.ndarray:
    x, y = patient.frame.grid()
    bend = 0.006 * patient.kyphosis * np.sin(y * 4 + generator.uniform(0, 6))
    across = np.clip(1 - power4((x - patient.rotation * 0.6 - bend) / 0.034), 0, 1)
    period = 0.050 * (1 + 0.25 * y)
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / period)
    pedicles = np.exp(-(((np.abs(x - bend) - 0.02) / 0.006) ** 2)) * (discs > 0.6)
    return (across * (0.16 + 0.05 * discs) + 0.04 * pedicles).astype(np.float32).reshape(SIZE, SIZE)
