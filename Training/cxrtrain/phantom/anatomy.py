"""Shapes of the healthy chest: lungs, heart, mediastinum, diaphragm, and the body around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.geometry import Box
from .canvas import Frame, area, blur, bounding_box, power4, spline
from .patient import Patient

SIDES = {"right": -1, "left": 1}


@dataclass
class Anatomy:
    """Coverage masks `[SIZE, SIZE]` in [0, 1]."""

    aerated: np.ndarray  # both lungs with the parts before and behind the heart
    right_lung: np.ndarray
    left_lung: np.ndarray
    heart: np.ndarray
    mediastinum: np.ndarray
    body: np.ndarray
    abdomen: np.ndarray

    @property
    def lungs(self) -> np.ndarray:
        return np.maximum(self.right_lung, self.left_lung)

    def lung(self, side: str) -> np.ndarray:
        return self.right_lung if side == "right" else self.left_lung


def lung_outline(patient: Patient, side: str, deepening: float = 0.0) -> np.ndarray:
    """Closed outline of a lung. `deepening` lowers the base: the part of the lung behind the dome."""
    s = SIDES[side]
    base = (patient.r_base if side == "right" else patient.l_base) + deepening
    top, w = patient.apex, patient.half_width
    span = base - top
    angle = base + patient.costophrenic
    medial = 0.035 + (0.012 if side == "left" else 0.0)
    points = [
        (s * 0.105, top),
        (s * w * 0.44, top + 0.045 * span),
        (s * w * 0.63, top + 0.16 * span),
        (s * w * 0.79, top + 0.34 * span),
        (s * w * 0.91, top + 0.58 * span),
        (s * w * 0.995, top + 0.85 * span),
        (s * w, angle - 0.035),
        (s * w * 0.985, angle),
        (s * w * 0.88, base + 0.55 * patient.costophrenic),
        (s * w * 0.68, base + 0.08 * patient.costophrenic),
        (s * w * 0.48, base),
        (s * w * 0.28, base + 0.10 * patient.costophrenic),
        (s * (medial + 0.012), base + 0.38 * patient.costophrenic),
        (s * medial, base - 0.10 * span),
        (s * medial, top + 0.45 * span),
        (s * (medial + 0.005), top + 0.22 * span),
        (s * 0.055, top + 0.08 * span),
    ]
    return spline(points, closed=True)


def heart_outline(patient: Patient) -> np.ndarray:
    """The cardiac silhouette from the aortic root to the diaphragm."""
    width = patient.heart_ratio * 2 * patient.half_width
    right = 0.30 * width - patient.heart_shift
    left = width - right
    bottom = max(patient.r_base, patient.l_base) + 0.05
    top = patient.apex + 0.40 * (patient.r_base - patient.apex)
    h = bottom - top
    shift = patient.rotation
    points = [
        (0.052 + shift, top - 0.02),
        (0.10 * left + 0.042 + shift, top + 0.10 * h),
        (0.22 * left + 0.040 + shift, top + 0.28 * h),
        (0.50 * left + 0.020 + shift, top + 0.46 * h),
        (0.83 * left + shift, top + 0.64 * h),
        (0.97 * left + shift, top + 0.76 * h),
        (left + shift, top + 0.85 * h),
        (0.93 * left + shift, top + 0.94 * h),
        (0.5 * left + shift, bottom),
        (-0.6 * right + shift, bottom),
        (-0.92 * right + shift, top + 0.86 * h),
        (-right + shift, top + 0.66 * h),
        (-0.90 * right + shift, top + 0.46 * h),
        (-0.058 + shift, top + 0.22 * h),
    ]
    return spline(points, closed=True)


def mediastinum_outline(patient: Patient, knob: float) -> np.ndarray:
    """Great vessels and spine shadow; `knob` is how far the aortic arch stands out."""
    top, bottom = -0.1, max(patient.r_base, patient.l_base) + 1.0
    arch = patient.apex + 0.26 * (patient.r_base - patient.apex)
    shift = patient.rotation
    points = [
        (-0.080 + shift, top),
        (0.080 + shift, top),
        (0.055 + shift, arch - 0.06),
        (0.060 + knob + shift, arch),
        (0.054 + 0.5 * knob + shift, arch + 0.05),
        (0.062 + shift, arch + 0.11),
        (0.052 + shift, bottom),
        (-0.045 + shift, bottom),
        (-0.060 + shift, arch + 0.13),
        (-0.064 + shift, arch),
        (-0.058 + shift, arch - 0.06),
    ]
    return spline(points, closed=True)


def _body(patient: Patient, frame: Frame) -> np.ndarray:
    """Neck, shoulders, trunk and arms as thickness in [0, 1]."""
    trunk = patient.half_width + 0.085 * patient.girth
    neck = 0.098 + 0.025 * patient.girth
    shoulder = patient.apex + (0.02 if patient.view == "AP" else 0.06)
    outline = [(-neck, -0.4), (neck, -0.4), (neck, shoulder - 0.12), (neck + 0.07, shoulder - 0.055)]
    outline += [(0.26, shoulder - 0.03), (0.34, shoulder - 0.01), (0.46, shoulder + 0.005), (0.56, shoulder + 0.05)]
    arm = 0.66 if patient.arms_down else 0.95
    outline += [(arm, 0.5), (arm, 1.5)]
    outline += [(-x, y) for x, y in reversed(outline)]
    silhouette = area(frame, np.array(outline))
    x, y = frame.grid()
    waist = trunk * (0.93 + 0.10 * np.clip((y - shoulder) / 0.6, 0, 1.2))
    across = np.sqrt(np.clip(1 - power4(x / waist), 0, None))
    arm_edge = trunk + (0.012 if patient.arms_down else 0.075)
    lean = 0.0 if patient.arms_down else 0.24
    arm_centre = arm_edge + 0.075 + lean * np.clip(y - shoulder - 0.12, 0, None)
    upper_arm = np.sqrt(np.clip(1 - ((np.abs(x) - arm_centre) / 0.08) ** 2, 0, None))
    girdle = np.clip((shoulder + 0.24 - y) / 0.20, 0, 1) * 0.62
    thickness = np.maximum(np.maximum(across, 0.62 * upper_arm), girdle)
    neck_thickness = np.sqrt(np.clip(1 - (x / (neck + 0.01)) ** 2, 0, None))
    above = np.clip((shoulder - 0.02 - y) / 0.08, 0, 1)
    thickness = thickness * (1 - above) + above * np.maximum(0.75 * neck_thickness, 0.35 * girdle)
    return blur(silhouette, 1.2) * thickness


def build_anatomy(patient: Patient, knob: float) -> Anatomy:
    """Draws the masks of one patient."""
    frame = patient.frame
    x, y = frame.grid()
    heart = area(frame, heart_outline(patient))
    mediastinum = area(frame, mediastinum_outline(patient, knob))
    centre = np.maximum(heart, mediastinum)
    outlines = {side: area(frame, lung_outline(patient, side)) for side in SIDES}
    lungs = {side: outline * (1 - centre) for side, outline in outlines.items()}
    # Lung lies before and behind the heart, so its shadow is soft at the edge and greyer than solid tissue.
    heart_depth = blur(heart, 2.0) * (0.60 + 0.40 * blur(heart, 10.0))
    aerated = np.maximum(outlines["right"], outlines["left"]) * (1 - blur(mediastinum, 1.6)) * (1 - 0.86 * heart_depth)
    base = 0.5 * (patient.r_base + patient.l_base)
    belly = np.sqrt(np.clip(1 - power4(x / (patient.half_width + 0.07 * patient.girth)), 0, None))
    abdomen = np.clip((y - base + 0.01) / 0.07, 0, 1) * belly
    return Anatomy(
        aerated=aerated.astype(np.float32),
        right_lung=lungs["right"],
        left_lung=lungs["left"],
        heart=heart,
        mediastinum=mediastinum,
        body=_body(patient, frame),
        abdomen=abdomen.astype(np.float32),
    )


def anatomy_boxes(patient: Patient, anatomy: Anatomy, seen: np.ndarray) -> dict[str, Box]:
    """Boxes of the named structures as far as they are `seen`, fractions of the canvas."""
    masks = {
        "right lung": anatomy.right_lung > 0.5,
        "left lung": anatomy.left_lung > 0.5,
        "heart": anatomy.heart > 0.5,
    }
    _, y = patient.frame.grid()
    for side in SIDES:
        lung = anatomy.lung(side) > 0.5
        rows = y[lung]
        if rows.size == 0:
            continue
        low, high = float(rows.min()), float(rows.max())
        third = (high - low) / 3
        for zone, k in (("upper", 0), ("mid", 1), ("lower", 2)):
            inside = (y >= low + k * third) & (y <= low + (k + 1) * third)
            masks[f"{side} {zone} lung zone"] = lung & inside
        masks[f"{side} hemidiaphragm"] = _hemidiaphragm(patient, side, lung)
    return {name: box for name, mask in masks.items() if (box := bounding_box(mask & seen)) is not None}


def _hemidiaphragm(patient: Patient, side: str, lung: np.ndarray) -> np.ndarray:
    """The strip of lung that rests on the dome."""
    _, y = patient.frame.grid()
    base = patient.r_base if side == "right" else patient.l_base
    return lung & (y > base - 0.015)
