"""`make_phantom(seed)`: one synthetic radiograph and its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.geometry import Square
from . import devices as devices_module
from . import lesions as lesions_module
from .anatomy import Anatomy, anatomy_boxes, build_anatomy
from .bones import Break, draw_bones
from .canvas import SIZE, blur, dome, lesion_box, loosen, power4, smooth_noise
from .lesions import Change, LungField
from .patient import Patient, sample_patient
from .render import borders, display, markers, sample_exposure
from .truth import SEVERITIES, Lesion, Truth
from .vessels import draw_vessels, lung_texture

MIN_VISIBLE_PIXELS = 12


@dataclass(frozen=True)
class Plan:
    """Which findings a phantom shows."""

    lesions: tuple[tuple[str, str], ...] = ()  # (name, side); side is empty for unsided ones
    devices: tuple[str, ...] = ()
    cardiomegaly: str = ""  # severity
    emphysema: bool = False
    fractures: int = 0


@dataclass
class Phantom:
    """`pixels`: `[SIZE, SIZE]` in [0, 1]; `attenuation`: the same before beam and display; `masks`: pixels that each
    lesion of `truth` changed, in the same order; `square`: which part of the canvas is image."""

    pixels: np.ndarray
    attenuation: np.ndarray
    truth: Truth
    masks: list[np.ndarray]
    square: Square


def sample_plan(generator: np.random.Generator) -> Plan:
    """About a quarter of phantoms are healthy; the rest show one to three findings."""
    count = int(generator.choice(4, p=[0.26, 0.38, 0.24, 0.12]))
    pool = [*lesions_module.SIDED, *lesions_module.UNSIDED, "Cardiomegaly", "Emphysema", "Fracture"]
    weights = np.array([1.0] * len(pool))
    chosen = list(generator.choice(len(pool), size=count, replace=False, p=weights / weights.sum()))
    names = [pool[i] for i in chosen]
    if "Emphysema" in names:
        names = [n for n in names if n not in ("Cardiomegaly", "Edema")]
    sided: list[tuple[str, str]] = []
    for name in names:
        if name in lesions_module.SIDED:
            both = (
                name in ("Effusion", "Consolidation", "Lung Opacity", "Nodule", "Atelectasis")
                and generator.random() < 0.22
            )
            first = "right" if generator.random() < 0.5 else "left"
            sides = ("right", "left") if both else (first,)
            sided += [(name, side) for side in sides]
        elif name in lesions_module.UNSIDED:
            sided.append((name, ""))
    carried = tuple(d for d in devices_module.DEVICES if generator.random() < 0.09)
    return Plan(
        lesions=tuple(sided),
        devices=carried,
        cardiomegaly=SEVERITIES[int(generator.integers(3))] if "Cardiomegaly" in names else "",
        emphysema="Emphysema" in names,
        fractures=int(generator.integers(1, 3)) if "Fracture" in names else 0,
    )


def _soft_tissue(patient: Patient, anatomy: Anatomy, generator: np.random.Generator) -> np.ndarray:
    """Line integrals of everything but bone, vessels and lesions."""
    frame = patient.frame
    x, y = frame.grid()
    lungs = anatomy.lungs
    fat = 1 + 0.05 * smooth_noise(generator, 7)
    body = anatomy.body * (2.15 + 0.45 * patient.girth) * fat
    depth = blur(lungs, 12.0)
    # The lungs reach behind the domes of the diaphragm too: the wide blur.
    air = (0.62 * anatomy.aerated * (0.36 + 0.64 * depth) + 0.08 * blur(lungs, 5.0)) * (
        2.15 + 0.25 * patient.inspiration
    )
    total = body - air
    total += 0.10 * blur(anatomy.heart, 3.0) + 0.36 * blur(anatomy.mediastinum, 3.0)
    hilum = patient.apex + 0.47 * (patient.r_base - patient.apex)
    total += generator.uniform(0.06, 0.2) * np.exp(-(((np.abs(x) - 0.075) / 0.05) ** 2) - ((y - hilum) / 0.085) ** 2)
    total += anatomy.abdomen * 0.50 * (anatomy.body > 0.05)
    trachea_end = patient.apex + 0.33 * (patient.r_base - patient.apex)
    windpipe = np.exp(-power4((x - patient.rotation - 0.004) / 0.016)) * np.clip((trachea_end - y) / 0.03, 0, 1)
    total -= 0.30 * windpipe * (anatomy.body > 0.05)
    for side in (-1, 1):
        slope = (y - trachea_end) * 1.3
        bronchus = np.exp(-power4((side * x - 0.008 - slope) / 0.011)) * (
            (y > trachea_end - 0.01) & (y < trachea_end + 0.06)
        )
        total -= 0.16 * blur(bronchus.astype(np.float32), 1.0)
    if patient.breast > 0.05:
        size = 0.10 + 0.07 * patient.breast
        for side in (-1, 1):
            droop = generator.normal(0.0, 0.01)
            centre = (side * (0.195 + 0.02 * patient.girth), patient.r_base - 0.045 + droop)
            total += 0.50 * patient.breast * dome(frame, centre, (size, size * 0.92)) * (y > patient.apex + 0.15)
    return total + _bowel_gas(patient, generator)


def _bowel_gas(patient: Patient, generator: np.random.Generator) -> np.ndarray:
    """The stomach bubble under the left dome, and loops of colon."""
    gas = np.zeros((SIZE, SIZE), np.float32)
    _, y = patient.frame.grid()
    if generator.random() < 0.6:
        radii = (generator.uniform(0.03, 0.075), generator.uniform(0.018, 0.045))
        centre = (generator.uniform(0.12, 0.20), patient.l_base + radii[1] + generator.uniform(0.022, 0.05))
        bubble = dome(patient.frame, centre, radii, generator.normal(0, 0.2))
        if generator.random() < 0.5:
            bubble = bubble * np.clip((centre[1] + radii[1] * 0.3 - y) / 0.004, 0, 1)
        gas -= generator.uniform(0.3, 0.75) * bubble
    for _ in range(int(generator.integers(0, 6))):
        side = generator.choice([-1.0, 1.0, 1.0])
        centre = (side * generator.uniform(0.08, 0.26), patient.r_base + generator.uniform(0.10, 0.26))
        radius = generator.uniform(0.012, 0.035)
        gas -= generator.uniform(0.2, 0.5) * dome(
            patient.frame, centre, (radius * generator.uniform(0.8, 2.2), radius), generator.normal(0, 0.7)
        )
    return blur(gas, 0.9)


def content(patient: Patient) -> np.ndarray:
    """The part of the canvas that is image and not padding, bool."""
    mask, square = np.zeros((SIZE, SIZE), bool), patient.square
    mask[square.top : square.top + square.height, square.left : square.left + square.width] = True
    return mask


def _breaks(count: int, generator: np.random.Generator) -> list[Break]:
    found: dict[tuple[int, int], Break] = {}
    for _ in range(count):
        side, rib = int(generator.choice([-1, 1])), int(generator.integers(3, 9))
        offset = float(generator.choice([-1, 1]) * generator.uniform(0.010, 0.018))
        found[(side, rib)] = Break(side=side, rib=rib, at=float(generator.uniform(0.45, 0.9)), offset=offset)
    return list(found.values())


def _draw_changes(
    plan: Plan, patient: Patient, field: LungField, generators: list[np.random.Generator]
) -> list[Change]:
    changes = []
    for (name, side), own in zip(plan.lesions, generators):
        if name in lesions_module.SIDED:
            changes.append(lesions_module.SIDED[name](field, side, own))
        else:
            changes.append(lesions_module.UNSIDED[name](field, own))
    for name, own in zip(plan.devices, generators[len(plan.lesions) :]):
        changes.append(devices_module.DEVICES[name](patient, own))
    return changes


def make_phantom(seed: int, plan: Plan | None = None) -> Phantom:
    """The phantom of `seed`. A `plan` overrides which findings it shows; the patient stays the same for lesions and
    devices (`Cardiomegaly` and `Emphysema` shape the patient and so change it)."""
    streams = np.random.SeedSequence(seed).spawn(24)
    generators = [np.random.default_rng(s) for s in streams]
    plan = sample_plan(generators[0]) if plan is None else plan
    patient = sample_patient(generators[1], plan.cardiomegaly, plan.emphysema)
    knob = float(np.clip(generators[2].normal(0.004 + 0.0003 * (patient.age - 40), 0.006), 0, 0.035))
    anatomy = build_anatomy(patient, knob)
    field = LungField(patient.frame, anatomy.right_lung, anatomy.left_lung)
    changes = _draw_changes(plan, patient, field, generators[8:])

    bones, fractures = draw_bones(patient, generators[3], _breaks(plan.fractures, generators[4]))
    density = generators[5].normal(1.0, 0.12) * (0.6 if plan.emphysema else 1.0)
    vessels = draw_vessels(patient, generators[5], density)
    texture = lung_texture(generators[5]) * 0.028
    keep = np.ones((SIZE, SIZE), np.float32)
    for change in changes:
        if change.vessels is not None:
            keep = keep * np.clip(change.vessels, 0, 1)
    inside = blur(anatomy.lungs, 0.8)
    attenuation = _soft_tissue(patient, anatomy, generators[6])
    # Dense tissue hides most of a rib: what little light is left there is scatter.
    hidden = 1 - np.clip(0.6 * anatomy.heart + 0.8 * anatomy.abdomen, 0, 0.8)
    attenuation += bones * hidden * np.clip(anatomy.body * 1.5, 0, 1)
    attenuation += (vessels * 0.95 + texture) * inside * keep
    if plan.emphysema:
        attenuation -= 0.16 * inside
    attenuation += devices_module.clutter(patient, generators[7])
    for change in changes:
        attenuation += change.added
    attenuation = np.clip(attenuation, 0, None)

    exposure = sample_exposure(generators[20], patient.view)
    pixels = display(attenuation.astype(np.float32), exposure, generators[21])
    seen = content(patient)
    pixels = markers(borders(pixels, generators[22]), patient.view, generators[23]) * seen
    for change in changes:
        change.masks = [mask & seen for mask in change.masks]
    truth, masks = _truth(plan, patient, anatomy, changes, fractures)
    return Phantom(pixels.astype(np.float32), attenuation, truth, masks, patient.square)


def _truth(
    plan: Plan, patient: Patient, anatomy: Anatomy, changes: list[Change], fractures: dict
) -> tuple[Truth, list[np.ndarray]]:
    boxes = anatomy_boxes(patient, anatomy, content(patient))
    truth = Truth(view=patient.view, sex=patient.sex, age=patient.age, anatomy=boxes)
    masks: list[np.ndarray] = []
    for change in changes:
        visible = [m for m in change.masks if int(m.sum()) >= MIN_VISIBLE_PIXELS]
        found = tuple(box for mask in visible if (box := lesion_box(mask)) is not None)
        if found:
            lesion = change.lesion
            truth.lesions.append(Lesion(lesion.name, lesion.side, lesion.zone, lesion.severity, found))
            masks.append(np.logical_or.reduce(visible))
    if plan.cardiomegaly and "heart" in boxes:
        truth.lesions.append(Lesion("Cardiomegaly", "", "", plan.cardiomegaly, (boxes["heart"],)))
        masks.append((anatomy.heart > 0.5) & content(patient))
    if plan.emphysema:
        lungs = tuple(boxes[k] for k in ("right lung", "left lung") if k in boxes)
        truth.lesions.append(Lesion("Emphysema", "bilateral", "", "", lungs))
        masks.append((anatomy.lungs > 0.5) & content(patient))
    for found, box in fractures.items():
        truth.lesions.append(Lesion("Fracture", "right" if found.side < 0 else "left", "", "", (loosen(box),)))
        masks.append(_box_mask(box) & content(patient))
    return truth, masks


def _box_mask(box: tuple[float, float, float, float]) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    x1, y1, x2, y2 = (v * SIZE for v in box)
    mask[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = True
    return mask
