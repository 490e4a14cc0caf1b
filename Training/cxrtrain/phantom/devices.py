"""Tubes, lines, pacemakers; and harmless clutter that must not be taken for findings."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, blur, spline
from .lesions import Change, pick
from .patient import Patient
from .truth import Lesion


def _tube(patient: Patient, points: list[tuple[float, float]], width: float, wall: float, core: float) -> np.ndarray:
    """A tube with bright walls, or a solid line where `core` is not 0."""
    curve = spline(points, closed=False, steps=14)
    outer, inner = Canvas(patient.frame), Canvas(patient.frame)
    outer.curve(curve, width)
    inner.curve(curve, width * 0.5)
    return blur(outer.read(), 0.5) * wall + blur(inner.read(), 0.5) * (core - wall)


def endotracheal_tube(patient: Patient, generator: np.random.Generator) -> Change:
    span = patient.r_base - patient.apex
    tip = patient.apex + span * generator.uniform(0.16, 0.30)
    shift = patient.rotation
    points = [
        (generator.normal(0, 0.02), -0.3),
        (shift + generator.normal(0, 0.006), patient.apex - 0.03),
        (shift, tip),
    ]
    added = _tube(patient, points, 0.015, 0.34, 0.10)
    added += _tube(patient, [(x + 0.004, y) for x, y in points], 0.004, 0.25, 0.25)
    return _device("Endotracheal Tube", "", added)


def central_line(patient: Patient, generator: np.random.Generator) -> Change:
    side = pick(generator, ("right", "right", "left"))
    s = -1 if side == "right" else 1
    top, span = patient.apex, patient.r_base - patient.apex
    end = [
        (-0.040 + patient.rotation, top + span * 0.30),
        (-0.044 + patient.rotation, top + span * generator.uniform(0.42, 0.62)),
    ]
    if generator.random() < 0.5:
        start = [(s * generator.uniform(0.07, 0.12), -0.3), (s * 0.075, top - 0.06), (s * 0.055, top + 0.06)]
    else:
        start = [(s * 0.42, top + generator.uniform(0.02, 0.12)), (s * 0.28, top + 0.035), (s * 0.14, top + 0.055)]
    if side == "left":
        start.append((0.01, top + span * 0.17))
    return _device("Central Line", side, _tube(patient, start + end, 0.0062, 0.38, 0.38))


def feeding_tube(patient: Patient, generator: np.random.Generator) -> Change:
    base = max(patient.r_base, patient.l_base)
    shift = patient.rotation
    points = [
        (generator.normal(0, 0.02), -0.3),
        (shift + 0.004, patient.apex),
        (shift + 0.010, patient.apex + 0.2),
        (shift + 0.014, base - 0.08),
        (0.05, base + 0.04),
        (generator.uniform(0.10, 0.17), base + generator.uniform(0.08, 0.14)),
        (0.07, base + 0.22),
    ]
    return _device("Feeding Tube", "", _tube(patient, points, 0.0065, 0.36, 0.36))


def pacemaker(patient: Patient, generator: np.random.Generator) -> Change:
    side = pick(generator, ("left", "left", "left", "right"))
    s = -1 if side == "right" else 1
    top, span = patient.apex, patient.r_base - patient.apex
    cx, cy = s * generator.uniform(0.24, 0.31), top + generator.uniform(0.07, 0.14)
    angle, radius = generator.normal(0, 0.4), generator.uniform(0.034, 0.044)
    corners = []
    for t in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        r = radius / max(abs(np.cos(t)) ** 3 + abs(np.sin(t)) ** 3, 0.3) ** (1 / 3)
        corners.append((cx + r * 1.1 * np.cos(t + angle), cy + r * 0.85 * np.sin(t + angle)))
    can = Canvas(patient.frame)
    can.area(np.array(corners), 1.0)
    leads = np.zeros_like(can.read())
    apex_x = patient.heart_ratio * 2 * patient.half_width * 0.52
    for tip in [(apex_x, top + span * 0.93), (-0.045, top + span * 0.74)][: int(generator.integers(1, 3))]:
        path = [
            (cx, cy),
            (s * 0.16, top + 0.05),
            (s * 0.05, top + span * 0.14),
            (-0.035, top + span * 0.34),
            (-0.040, top + span * 0.60),
            tip,
        ]
        leads = np.maximum(leads, _tube(patient, path, 0.0055, 0.5, 0.5))
    return _device("Pacemaker", side, np.maximum(blur(can.read(), 0.6) * 1.5, leads))


def clutter(patient: Patient, generator: np.random.Generator) -> np.ndarray:
    """Electrodes with their cables, surgical wires and clips, jewellery."""
    canvas = Canvas(patient.frame)
    span = patient.r_base - patient.apex
    if generator.random() < (0.5 if patient.view == "AP" else 0.06):
        for _ in range(int(generator.integers(1, 5))):
            x, y = generator.uniform(-0.32, 0.32), patient.apex + span * generator.uniform(-0.05, 1.1)
            canvas.disc((x, y), 0.010, 0.75)
            way = [
                (x, y),
                (x + generator.normal(0, 0.15), y + 0.15),
                (x + generator.normal(0, 0.25), y + 0.5),
                (x + generator.normal(0, 0.3), 1.3),
            ]
            canvas.curve(spline(way, closed=False), 0.0042, 0.55)
    if generator.random() < 0.07:
        for k in range(6):
            y = patient.apex + span * (0.22 + 0.13 * k)
            loop = [(-0.014, y), (0, y - 0.006), (0.014, y), (0.002, y + 0.008)]
            canvas.curve(spline(loop, closed=True), 0.004, 0.9)
    if generator.random() < 0.05:
        for _ in range(int(generator.integers(3, 9))):
            x, y = generator.normal(0.05, 0.06), patient.apex + span * generator.uniform(0.3, 1.0)
            canvas.curve(np.array([(x, y), (x + generator.normal(0, 0.01), y + 0.01)]), 0.004, 0.9)
    if generator.random() < 0.06:
        chain = [
            (-0.11, patient.apex - 0.12),
            (-0.04, patient.apex - 0.02),
            (0.0, patient.apex + 0.01),
            (0.04, patient.apex - 0.02),
            (0.11, patient.apex - 0.12),
        ]
        canvas.curve(spline(chain, closed=False), 0.005, 0.6)
    return blur(canvas.read(), 0.5) * 0.6


def _device(name: str, side: str, added: np.ndarray) -> Change:
    added = added.astype(np.float32)
    return Change(Lesion(name, side), added, None, [added > 0.06])


DEVICES = {
    "Endotracheal Tube": endotracheal_tube,
    "Central Line": central_line,
    "Feeding Tube": feeding_tube,
    "Pacemaker": pacemaker,
}
