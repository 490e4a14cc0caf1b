"""Lesions and devices pasted into real radiographs without findings: real texture, exact truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening, label

from ..phantom import devices, lesions
from ..phantom.canvas import SIZE, Frame, blur, lesion_box
from ..phantom.generator import MIN_VISIBLE_PIXELS
from ..phantom.lesions import Change, LungField
from ..phantom.patient import sample_patient
from ..phantom.truth import Lesion, Truth

PASTED = ("Nodule", "Mass", "Consolidation", "Lung Opacity", "Effusion", "Pneumothorax", "Atelectasis", "Edema")
_LUNG_CONTRAST = 1.45  # attenuation between aerated lung and soft tissue in the phantom


def find_lungs(pixels: np.ndarray, content: np.ndarray) -> LungField | None:
    """Lung fields of a frontal radiograph by threshold, or nothing where the result is implausible.

    `pixels`: `[SIZE, SIZE]` in [0, 1]; `content`: bool, False in the padding.
    """
    smooth = blur(pixels, 2.0)
    middle = np.zeros_like(content)
    middle[SIZE // 8 : SIZE * 7 // 8, SIZE // 8 : SIZE * 7 // 8] = True
    values = smooth[middle & content]
    best: dict[str, np.ndarray] = {}
    for threshold in np.quantile(values, np.arange(0.2, 0.66, 0.05)):
        masks = _lung_parts((smooth < threshold) & content, content)
        if len(masks) == 2 and sum(m.sum() for m in masks.values()) > sum(m.sum() for m in best.values()):
            best = masks
    if not best:
        return None
    right, left = (blur(best[side].astype(np.float32), 1.0) for side in ("right", "left"))
    x_right, x_left = np.nonzero(best["right"])[1], np.nonzero(best["left"])[1]
    centre = (x_right.min() + x_left.max()) / 2 / SIZE
    return LungField(Frame(centre=(float(centre), 0.45), angle=0.0, scale=(1.0, 1.0)), right, left)


def _lung_parts(dark: np.ndarray, content: np.ndarray) -> dict[str, np.ndarray]:
    """The connected dark parts that may be the right and the left lung."""
    dark = binary_opening(dark, iterations=2)
    parts, count = label(dark)
    edge = {int(v) for v in np.unique(np.concatenate([parts[2], parts[-3], parts[:, 2], parts[:, -3]]))}
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    masks: dict[str, np.ndarray] = {}
    for part in np.argsort(-sizes):
        share = sizes[part] / content.sum()
        if part == 0 or int(part) in edge or not 0.055 < share < 0.26:
            continue
        rows, columns = np.nonzero(parts == part)
        if not 0.2 < rows.mean() / SIZE < 0.65:
            continue
        side = "right" if columns.mean() < SIZE / 2 else "left"
        if side not in masks:
            masks[side] = binary_fill_holes(binary_closing(parts == part, iterations=4))
    return masks


def paste(
    pixels: np.ndarray, field: LungField, truth: Truth, generator: np.random.Generator
) -> tuple[np.ndarray, Truth, list[np.ndarray]]:
    """One to three changes drawn into `pixels`; returns the new image, its truth and the changed pixels per lesion."""
    count = int(generator.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    names = list(generator.choice(PASTED, size=count, replace=False))
    changes: list[Change] = []
    for name in names:
        side = lesions.pick(generator, ("right", "left"))
        if name == "Edema":
            changes.append(lesions.edema(field, generator))
        else:
            changes.append(lesions.SIDED[name](field, side, generator))
    changes += _devices(field, generator)
    lungs = np.maximum(field.right, field.left) > 0.5
    gain = (float(np.quantile(pixels, 0.9)) - float(np.median(pixels[lungs]))) / _LUNG_CONTRAST
    image = pixels.astype(np.float32)
    out = Truth(truth.view, truth.sex, truth.age, [], {}, "pasted")
    masks = []
    for change in changes:
        if change.vessels is not None:
            gone = np.clip(1 - change.vessels, 0, 1)
            image = image * (1 - gone) + blur(image, 2.5) * gone
        lift = np.clip(gain, 0.1, 0.8) * change.added
        # Grey saturates: dense tissue has less room above it.
        image = image + np.where(lift > 0, lift * np.clip((1.02 - image) / 0.45, 0, 1), lift)
        visible = [m for m in change.masks if int(m.sum()) >= MIN_VISIBLE_PIXELS]
        boxes = tuple(box for m in visible if (box := lesion_box(m)) is not None)
        if boxes:
            lesion = change.lesion
            out.lesions.append(Lesion(lesion.name, lesion.side, lesion.zone, lesion.severity, boxes))
            masks.append(np.logical_or.reduce(visible))
    return np.clip(image, 0, 1), out, masks


def _devices(field: LungField, generator: np.random.Generator) -> list[Change]:
    chosen = [name for name in devices.DEVICES if generator.random() < 0.06]
    if not chosen:
        return []
    _, y = field.frame.grid()
    lungs = np.maximum(field.right, field.left) > 0.5
    low, high = float(y[lungs].min()), float(np.quantile(y[lungs], 0.93))
    x, _ = field.frame.grid()
    patient = replace(
        sample_patient(generator, "", False),
        frame=field.frame,
        apex=low,
        r_base=high,
        l_base=high,
        half_width=float(np.abs(x[lungs]).max()),
        rotation=0.0,
    )
    return [devices.DEVICES[name](patient, generator) for name in chosen]
