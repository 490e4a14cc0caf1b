"""Collections of images with their truth, of the same form for phantoms, pasted lesions and real patients."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..labels import INDEX, NIH_LABELS
from ..phantom.cache import MASK_GRID, PhantomSet, lesion_grid, truth_from_json, truth_to_json
from ..phantom.truth import Lesion, Truth
from ..progress import Progress
from . import augment
from .geometry import Box, Square
from .nih import Study, load_boxes, load_pixels, load_studies
from .paste import find_lungs, paste

# Seeds of phantoms never overlap between splits.
PHANTOM_SEED = {"train": 1_000_000, "validation": 2_000_000, "test": 3_000_000}
PASTE_SEED = {"train": 11, "validation": 12, "test": 13}


@dataclass
class Pool:
    """`pixels`: `[n, 256, 256]` 8-bit padded squares; `labels`: `[n, labels]` with NaN; `grids[i]`: one cover
    `[16, 16]` per lesion of `truths[i]`, or nothing where lesions have no known place; `patients`: for resampling."""

    pixels: np.ndarray
    squares: list[Square]
    truths: list[Truth]
    labels: np.ndarray
    grids: list[list[np.ndarray] | None]
    patients: list[str]

    def __len__(self) -> int:
        return len(self.truths)

    def images(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """Pixels in [0, 1] and content masks, `[batch, 1, 256, 256]` each."""
        pixels = torch.from_numpy(np.asarray(self.pixels[indices], np.float32) / 255)[:, None]
        return pixels, augment.content_masks([self.squares[i] for i in indices], self.pixels.shape[-1])

    def lesion_targets(self, indices: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Dense targets: cover by label `[batch, labels, 16, 16]`; which images have them `[batch]`; and for every cell
        that a lesion covers the box of that lesion `[batch, 4, 16, 16]`, NaN elsewhere."""
        targets = torch.zeros(len(indices), self.labels.shape[1], MASK_GRID, MASK_GRID)
        edges = torch.full((len(indices), 4, MASK_GRID, MASK_GRID), torch.nan)
        known = torch.zeros(len(indices))
        for row, index in enumerate(indices):
            grids = self.grids[index]
            if grids is None:
                continue
            known[row] = 1
            for lesion, grid in zip(self.truths[index].lesions, grids):
                plane = targets[row, INDEX[lesion.name]]
                cover = torch.from_numpy(grid.astype(np.float32) / 255)
                targets[row, INDEX[lesion.name]] = torch.maximum(plane, cover)
                for box in lesion.boxes:
                    inside = (cover > 0) & _cells_of(box)
                    edges[row, :, inside] = torch.tensor(box)[:, None]
        return targets, known, edges


def _cells_of(box: Box) -> Tensor:
    """The cells that a box touches, bool `[16, 16]`."""
    cells = torch.zeros(MASK_GRID, MASK_GRID, dtype=torch.bool)
    x1, y1, x2, y2 = (v * MASK_GRID for v in box)
    cells[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)] = True
    return cells


def phantom_pool(cache: Path, split: str, count: int, workers: int) -> Pool:
    phantoms = PhantomSet(cache / "phantoms", PHANTOM_SEED[split], count, workers)
    labels = np.stack([truth.label_vector() for truth in phantoms.truths])
    return Pool(
        phantoms.pixels,
        phantoms.squares,
        phantoms.truths,
        labels,
        list(phantoms.grids),
        [f"phantom {i}" for i in range(count)],
    )


def real_truth(study: Study, boxes: list[tuple[str, Box]]) -> Truth:
    """What NIH says: labels without place, and its own boxes where there are some."""
    lesions = []
    for name in NIH_LABELS:
        if study.labels[INDEX[name]] == 1:
            own = tuple(box for finding, box in boxes if finding == name)
            lesions.append(Lesion(name, _side(own), "", "", own))
    return Truth(study.view, study.sex, study.age, lesions, {}, "real")


def _side(boxes: tuple[Box, ...]) -> str:
    """The side of the boxes, empty without any or where one lies on the midline."""
    sides = {"right" if b[2] < 0.52 else "left" if b[0] > 0.48 else "" for b in boxes}
    if not sides or "" in sides:
        return ""
    return "bilateral" if len(sides) == 2 else sides.pop()


def real_pool(folder: Path, cache: Path, split: str) -> Pool:
    """Real images of one split. NIH's `boxes.csv` may be learned from; the evaluation-only boxes are not read here."""
    studies = load_studies(folder)
    pixels = load_pixels(folder, studies, cache)
    boxes = load_boxes(folder / "boxes.csv", studies)
    chosen = [i for i, study in enumerate(studies) if study.split == split]
    own = [studies[i] for i in chosen]
    return Pool(
        np.asarray(pixels[chosen]),
        [s.square for s in own],
        [real_truth(s, boxes.get(s.filename, [])) for s in own],
        np.stack([s.labels for s in own]),
        [None] * len(own),
        [s.patient for s in own],
    )


def pasted_pool(real: Pool, cache: Path, split: str, count: int) -> Pool:
    """`count` pasted images over the real ones without findings of the same split, cached."""
    path = cache / f"pasted-{split}-{count}.npz"
    if not path.exists():
        _make_pasted(real, path, PASTE_SEED[split], count)
    with np.load(path) as data:
        truths = [truth_from_json(v) for v in json.loads(str(data["truths"]))]
        rows, bases = iter(data["grids"]), data["bases"]
        return Pool(
            data["pixels"],
            [real.squares[b] for b in bases],
            truths,
            np.stack([t.label_vector() for t in truths]),
            [[next(rows) for _ in t.lesions] for t in truths],
            [real.patients[b] for b in bases],
        )


def _make_pasted(real: Pool, path: Path, seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    fields = {}
    for index in np.flatnonzero(real.labels[:, INDEX["No Finding"]] == 1):
        content = augment.content_masks([real.squares[index]], real.pixels.shape[-1])[0, 0].numpy() > 0
        if (field := find_lungs(real.pixels[index].astype(np.float32) / 255, content)) is not None:
            fields[int(index)] = (field, content)
    usable = list(fields)
    if not usable:
        raise ValueError(
            f"cannot make {path.name}: no image without findings shows lungs that can be found; give more images"
        )
    pixels, truths, grids, bases = [], [], [np.zeros((0, MASK_GRID, MASK_GRID), np.uint8)], []
    with Progress("pasting", count) as progress:
        for k in range(count):
            index = usable[k % len(usable)]
            field, content = fields[index]
            image, truth, masks = paste(
                real.pixels[index].astype(np.float32) / 255, field, real.truths[index], generator
            )
            pixels.append(np.round(image * content * 255).astype(np.uint8))
            truths.append(truth_to_json(truth))
            grids += [lesion_grid(mask)[None] for mask in masks]
            bases.append(index)
            progress.advance()
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(
        partial, pixels=np.stack(pixels), grids=np.concatenate(grids), bases=np.array(bases), truths=json.dumps(truths)
    )
    partial.rename(path)


def join(pools: list[Pool]) -> Pool:
    """All pools in one."""
    return Pool(
        np.concatenate([p.pixels for p in pools]),
        [s for p in pools for s in p.squares],
        [t for p in pools for t in p.truths],
        np.concatenate([p.labels for p in pools]),
        [g for p in pools for g in p.grids],
        [name for p in pools for name in p.patients],
    )
