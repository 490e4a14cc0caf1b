"""Pathologies as changes of attenuation, drawn inside given lungs so that they serve phantoms and real images alike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .canvas import SIZE, Frame, blur, power4, smooth_noise
from .truth import SEVERITIES, Lesion

ZONES = ("upper", "mid", "lower")


@dataclass
class LungField:
    """Where lesions may be drawn: lung masks `[SIZE, SIZE]` and the frame whose axes they follow."""

    frame: Frame
    right: np.ndarray
    left: np.ndarray

    def lung(self, side: str) -> np.ndarray:
        return self.right if side == "right" else self.left


@dataclass
class Change:
    """What a lesion does to the attenuation, and the truth about it."""

    lesion: Lesion
    added: np.ndarray  # attenuation added, [SIZE, SIZE]; negative where air replaces tissue
    vessels: np.ndarray | None = None  # factor on vessels and texture, 0 where the lung has gone
    masks: list[np.ndarray] = field(default_factory=list)  # one per connected part, bool


def pick(generator: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(generator.integers(len(options)))]


def place(
    field_: LungField, side: str, zone: str, generator: np.random.Generator, margin: float
) -> tuple[float, float]:
    """A random point of a lung zone in the patient's frame, `margin` away from the lung's edge where it can be."""
    x, y = field_.frame.grid()
    lung = field_.lung(side) > 0.5
    if not lung.any():
        return (0.0, 0.5)
    deep = blur(lung.astype(np.float32), max(margin * SIZE, 0.5)) > 0.8
    low, high = float(y[lung].min()), float(y[lung].max())
    k = ZONES.index(zone)
    inside = (y >= low + k * (high - low) / 3) & (y <= low + (k + 1) * (high - low) / 3)
    candidates = np.flatnonzero(lung & deep & inside)
    if len(candidates) == 0:
        candidates = np.flatnonzero(lung & inside)
    chosen = int(candidates[generator.integers(len(candidates))])
    return (float(x.flat[chosen]), float(y.flat[chosen]))


def _blob(
    field_: LungField,
    centre: tuple[float, float],
    radius: float,
    generator: np.random.Generator,
    roughness: float,
    aspect: float = 1.0,
) -> np.ndarray:
    """A lobulated bump of height 1 that falls to 0 at about `radius`."""
    x, y = field_.frame.grid()
    dx, dy = (x - centre[0]) / aspect, y - centre[1]
    theta = np.arctan2(dy, dx)
    edge = np.ones_like(theta)
    for k in range(2, 7):
        edge += roughness / k * np.cos(k * theta + generator.uniform(0, 2 * np.pi)) * generator.normal(0, 1)
    q = np.hypot(dx, dy) / (radius * np.clip(edge, 0.5, 1.6))
    return np.clip(1 - q * q, 0, None).astype(np.float32)


def _severity(
    generator: np.random.Generator, weights: tuple[float, float, float] = (0.35, 0.4, 0.25)
) -> tuple[int, str]:
    level = int(generator.choice(3, p=weights))
    return level, SEVERITIES[level]


def nodule(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    zone = pick(generator, ZONES)
    radius = generator.uniform(0.013, 0.032)
    bump = np.sqrt(_blob(field_, place(field_, side, zone, generator, radius), radius, generator, 0.12))
    added = blur(bump, 0.8) * generator.uniform(0.22, 0.42) * (0.7 + 12 * radius)
    return _change("Nodule", side, zone, "", added)


def mass(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    zone = pick(generator, ZONES)
    level, severity = _severity(generator)
    radius = (0.042, 0.060, 0.085)[level] * generator.uniform(0.9, 1.15)
    bump = np.sqrt(
        _blob(
            field_,
            place(field_, side, zone, generator, radius * 0.6),
            radius,
            generator,
            0.28,
            generator.uniform(0.8, 1.25),
        )
    )
    added = blur(bump, 1.8) * generator.uniform(0.38, 0.75)
    return _change("Mass", side, zone, severity, added)


def consolidation(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    zone = pick(generator, ZONES)
    level, severity = _severity(generator)
    radius = (0.065, 0.095, 0.14)[level] * generator.uniform(0.9, 1.15)
    centre = place(field_, side, zone, generator, radius * 0.5)
    shape = _blob(field_, centre, radius, generator, 0.35, generator.uniform(0.8, 1.3))
    patches = np.clip(0.85 + 0.22 * smooth_noise(generator, 22), 0.1, 1.4)
    added = blur(np.minimum(shape * 2.2, 1) * patches, 1.6) * field_.lung(side) * generator.uniform(0.55, 0.9)
    return _change("Consolidation", side, zone, severity, added, vessels=1 - 0.7 * np.minimum(shape * 2, 1))


def opacity(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    """A hazy opacity through which vessels stay visible."""
    zone = pick(generator, ZONES)
    level, severity = _severity(generator)
    radius = (0.07, 0.10, 0.14)[level] * generator.uniform(0.9, 1.15)
    centre = place(field_, side, zone, generator, radius * 0.5)
    shape = _blob(field_, centre, radius, generator, 0.3, generator.uniform(0.8, 1.3))
    haze = np.clip(0.85 + 0.25 * smooth_noise(generator, 20), 0.2, 1.3)
    added = blur(shape * haze, 2.5) * field_.lung(side) * generator.uniform(0.32, 0.5)
    return _change("Lung Opacity", side, zone, severity, added)


def effusion(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    """Fluid with a meniscus: its level rises towards the chest wall."""
    x, y = field_.frame.grid()
    lung = field_.lung(side)
    inside = lung > 0.5
    level, severity = _severity(generator)
    low, high = float(y[inside].min()), float(y[inside].max())
    height = (generator.uniform(0.16, 0.24), generator.uniform(0.28, 0.44), generator.uniform(0.5, 0.75))[level]
    surface = high - height * (high - low)
    across = np.abs(x) / max(float(np.abs(x[inside]).max()), 1e-3)
    meniscus = (
        surface + (high - surface) * 0.62 * (1 - np.clip(across, 0, 1) ** 2.2) - 0.05 * np.clip(across - 0.75, 0, 1)
    )
    depth = y - meniscus + 0.008 * smooth_noise(generator, 8)
    cover = np.clip(depth / 0.035, 0, 1)
    veil = 0.16 * np.clip(1 + depth / 0.12, 0, 1) * (depth <= 0) if level else 0.0
    added = blur((cover * generator.uniform(0.8, 1.05) + veil) * lung, 1.0)
    return _change("Effusion", side, "", severity, added, vessels=1 - cover, threshold=0.25)


def pneumothorax(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    """Air between chest wall and lung; the lung's edge is a thin bright line without markings beyond it."""
    x, y = field_.frame.grid()
    lung = field_.lung(side)
    inside = lung > 0.5
    level, severity = _severity(generator)
    low, high = float(y[inside].min()), float(y[inside].max())
    collapse = (generator.uniform(0.10, 0.17), generator.uniform(0.2, 0.36), generator.uniform(0.45, 0.68))[level]
    s = -1 if side == "right" else 1
    hilum = (s * 0.06, low + 0.5 * (high - low))
    # The collapsed lung is the lung shrunk towards its hilum, more from above than from below.
    depth = np.clip((y - low) / (high - low), 0, 1)
    shrink = 1 - collapse * (1.15 - 0.75 * depth)
    sx = hilum[0] + (x - hilum[0]) / shrink
    sy = np.where(y < hilum[1], hilum[1] + (y - hilum[1]) / shrink, y)
    shrunk = _sample(field_.frame, lung, sx, sy)
    free = blur(lung * (1 - shrunk), 0.5)
    edge = np.abs(blur(shrunk, 0.6) - blur(shrunk, 1.6)) * lung
    added = -generator.uniform(0.10, 0.22) * free + 0.55 * edge + 0.10 * level * shrunk * lung
    return _change("Pneumothorax", side, "", severity, added, vessels=1 - free, mask=(lung * (1 - shrunk)) > 0.5)


def atelectasis(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    """Plates of collapsed lung, or a wedge at the base."""
    x, y = field_.frame.grid()
    zone = pick(generator, ("lower", "lower", "mid"))
    level, severity = _severity(generator, (0.5, 0.35, 0.15))
    s = -1 if side == "right" else 1
    cx, cy = place(field_, side, zone, generator, 0.04)
    added = np.zeros((SIZE, SIZE), np.float32)
    for k in range(1 + level):
        angle = s * generator.normal(0.15, 0.2)
        dx, dy = x - cx, y - (cy + k * 0.03)
        along, across = np.cos(angle) * dx + np.sin(angle) * dy, -np.sin(angle) * dx + np.cos(angle) * dy
        length = generator.uniform(0.05, 0.085)
        bow = across - generator.normal(0, 1.2) * along**2
        added += (
            np.exp(-((bow / generator.uniform(0.005, 0.010)) ** 2)) * np.clip(1 - power4(along / length), 0, 1) * 0.42
        )
    if level:
        wedge = _blob(field_, (cx, cy + 0.03), 0.07 * level, generator, 0.3, 1.3)
        added += 0.35 * wedge
    return _change("Atelectasis", side, zone, severity, blur(added, 0.7) * field_.lung(side))


def edema(field_: LungField, generator: np.random.Generator) -> Change:
    """Perihilar haze of both lungs, septal lines at the bases."""
    x, y = field_.frame.grid()
    lungs = np.maximum(field_.right, field_.left)
    inside = lungs > 0.5
    level, severity = _severity(generator)
    low, high = float(y[inside].min()), float(y[inside].max())
    hilum = low + 0.52 * (high - low)
    bat = np.exp(-(((np.abs(x) - 0.10) / 0.11) ** 2) - ((y - hilum) / 0.17) ** 2)
    mottle = np.clip(0.9 + 0.4 * smooth_noise(generator, 40), 0.2, 1.5)
    lines = np.clip(smooth_noise(generator, 110), 0, 2) * np.clip((y - hilum) / 0.2, 0, 1) * 0.05
    added = (bat * mottle * (0.28, 0.45, 0.68)[level] + 0.06 * (level + 1) + lines * (level + 1)) * lungs
    masks = []
    for side in ("right", "left"):
        masks.append((blur(bat, 1) > 0.35) & (field_.lung(side) > 0.5))
    return Change(Lesion("Edema", "bilateral", "perihilar", severity), blur(added, 1.0).astype(np.float32), None, masks)


def hernia(field_: LungField, generator: np.random.Generator) -> Change:
    """Stomach behind the heart: a round shadow with an air bubble and a fluid level."""
    x, y = field_.frame.grid()
    inside = np.maximum(field_.right, field_.left) > 0.5
    base = float(np.quantile(y[inside], 0.9))
    level, severity = _severity(generator)
    radius = (0.055, 0.075, 0.10)[level] * generator.uniform(0.9, 1.1)
    centre = (generator.uniform(-0.03, 0.06), base - radius * 0.8)
    ball = np.sqrt(_blob(field_, centre, radius, generator, 0.12, 1.15))
    fluid = centre[1] + generator.uniform(-0.4, 0.2) * radius
    air = np.clip((fluid - y) / 0.004, 0, 1) * (ball > 0.35) * np.clip((ball - 0.3) * 3, 0, 1)
    wall = np.exp(-(((ball - 0.3) / 0.14) ** 2)) * (ball > 0)
    added = blur(0.45 * ball - 0.5 * air + 0.10 * wall, 0.8)
    return _change("Hernia", "", "", severity, added, threshold=0.1)


def pneumoperitoneum(field_: LungField, side: str, generator: np.random.Generator) -> Change:
    """Free gas: a dark crescent between the dome of the diaphragm and the organs below."""
    x, y = field_.frame.grid()
    lung = field_.lung(side) > 0.5
    level, severity = _severity(generator)
    thickness = (0.014, 0.024, 0.042)[level]
    columns = lung.any(0)
    bottom = np.where(columns, SIZE - np.argmax(lung[::-1], 0), 0).astype(np.float32)
    edge = blur(bottom, 3) / SIZE
    rows = (np.arange(SIZE, dtype=np.float32)[:, None] + 0.5) / SIZE
    below = rows - edge[None, :] - 0.010
    s = -1 if side == "right" else 1
    flat = np.clip(1.6 - np.abs(np.gradient(edge * SIZE)), 0, 1)  # the dome, not the border of the heart
    reach = np.clip(1 - ((s * x - 0.17) / 0.105) ** 2, 0, 1) * (columns * flat)[None, :]
    room = thickness * np.sqrt(reach)
    gas = np.clip(below / 0.004, 0, 1) * np.clip((room - below) / 0.004, 0, 1) * (reach > 0)
    added = -blur(gas.astype(np.float32), 0.7) * generator.uniform(0.8, 1.2)
    return _change("Pneumoperitoneum", side, "", severity, added, threshold=0.15)


def _sample(frame: Frame, mask: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values of `mask` at the patient coordinates `(x, y)`, linear, 0 outside."""
    points = frame.to_canvas(np.stack([x.ravel(), y.ravel()], -1)) * SIZE - 0.5
    column, row = points[:, 0], points[:, 1]
    c0, r0 = np.floor(column).astype(int), np.floor(row).astype(int)
    fc, fr = column - c0, row - r0
    padded = np.pad(mask, 1)

    def at(r: np.ndarray, c: np.ndarray) -> np.ndarray:
        return padded[np.clip(r + 1, 0, SIZE + 1), np.clip(c + 1, 0, SIZE + 1)]

    top = at(r0, c0) * (1 - fc) + at(r0, c0 + 1) * fc
    bottom = at(r0 + 1, c0) * (1 - fc) + at(r0 + 1, c0 + 1) * fc
    return (top * (1 - fr) + bottom * fr).reshape(SIZE, SIZE).astype(np.float32)


def _change(
    name: str,
    side: str,
    zone: str,
    severity: str,
    added: np.ndarray,
    vessels: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    threshold: float = 0.06,
) -> Change:
    added = added.astype(np.float32)
    return Change(
        Lesion(name, side, zone, severity), added, vessels, [np.abs(added) > threshold if mask is None else mask]
    )


# Lesions of one lung, by name.
SIDED = {
    "Nodule": nodule,
    "Mass": mass,
    "Consolidation": consolidation,
    "Lung Opacity": opacity,
    "Effusion": effusion,
    "Pneumothorax": pneumothorax,
    "Atelectasis": atelectasis,
    "Pneumoperitoneum": pneumoperitoneum,
}
# Lesions of both lungs or of the midline, by name.
UNSIDED = {"Edema": edema, "Hernia": hernia}
