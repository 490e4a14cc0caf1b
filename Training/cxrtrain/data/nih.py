"""NIH ChestX-ray14 images as training examples: patient-level split and a cache of decoded pixels."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..labels import INDEX, LABELS, NIH_LABELS, OPACITIES, PHANTOM_LABELS
from .geometry import Box, Square

CACHE_SIDE = 256

# The public split leaves seven cardiomegalies and no hernia for training, so patients are split by hash. The salt is
# the first of 0, 1, 2... for which the test share holds 15 to 28 % of the positives of every label, and the validation
# share at least one.
SPLIT_SALT = "cxr-49"


def split_of(patient: str) -> str:
    """`train` (70 %), `validation` (10 %) or `test` (20 %), the same for all images of a patient."""
    digest = hashlib.sha256(f"{SPLIT_SALT}/{patient}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    return "train" if share < 0.7 else "validation" if share < 0.8 else "test"


@dataclass(frozen=True)
class Study:
    """One real radiograph. `labels`: `[len(LABELS)]`, 0, 1, or NaN where NIH says nothing."""

    filename: str
    patient: str
    split: str
    labels: np.ndarray
    view: str
    age: int
    sex: str
    square: Square  # of the image at its true aspect ratio, scaled so that the longer side is CACHE_SIDE


def _labels(row: dict[str, str]) -> np.ndarray:
    values = np.full(len(LABELS), np.nan, np.float32)
    for name in NIH_LABELS:
        values[INDEX[name]] = float(row[name.replace(" ", "_")])
    values[INDEX["No Finding"]] = float(row["no_finding"])
    values[INDEX["Lung Opacity"]] = float(any(values[INDEX[name]] == 1 for name in OPACITIES))
    assert all(np.isnan(values[INDEX[name]]) for name in PHANTOM_LABELS)
    return values


def _square(row: dict[str, str]) -> Square:
    width, height = int(row["orig_width"]), int(row["orig_height"])
    scale = CACHE_SIDE / max(width, height)
    return Square(width=round(width * scale), height=round(height * scale))


def load_studies(folder: Path) -> list[Study]:
    """All studies of `folder/labels.csv`, in file order."""
    with open(folder / "labels.csv", newline="") as file:
        return [
            Study(
                filename=row["filename"],
                patient=row["patient_id"],
                split=split_of(row["patient_id"]),
                labels=_labels(row),
                view=row["view_position"],
                age=int(row["age"]),
                sex=row["sex"],
                square=_square(row),
            )
            for row in csv.DictReader(file)
        ]


def load_pixels(folder: Path, studies: list[Study], cache: Path) -> np.ndarray:
    """Decoded images, `[studies, CACHE_SIDE, CACHE_SIDE]` 8-bit, true aspect, padded with 0 to a square.

    NIH squeezed its originals to squares; the detector's own aspect ratio is restored here, so that anatomy has the
    shape it has in a clinical DICOM file. The cache is rebuilt when the list of files changes.
    """
    names = "\n".join(f"{s.filename} {s.square.width}x{s.square.height}" for s in studies)
    key = hashlib.sha256(names.encode()).hexdigest()[:16]
    path = cache / f"nih-{CACHE_SIDE}-{key}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((len(studies), CACHE_SIDE, CACHE_SIDE), np.uint8)
        for index, study in enumerate(studies):
            square = study.square
            with Image.open(folder / "images" / study.filename) as image:
                resized = image.convert("L").resize((square.width, square.height), Image.Resampling.BILINEAR)
            rows = slice(square.top, square.top + square.height)
            columns = slice(square.left, square.left + square.width)
            pixels[index, rows, columns] = np.asarray(resized)
        partial = path.with_suffix(".partial.npy")
        np.save(partial, pixels)
        partial.rename(path)
    return np.load(path, mmap_mode="r")


def load_boxes(path: Path, studies: list[Study]) -> dict[str, list[tuple[str, Box]]]:
    """Boxes of a CSV file (512 px frame of the squeezed image) as fractions of the padded square, by file name."""
    squares = {study.filename: study.square for study in studies}
    boxes: dict[str, list[tuple[str, Box]]] = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            square = squares[row["filename"]]
            x, y, w, h = (float(row[key]) / 512 for key in ("x", "y", "w", "h"))
            box = (x * square.width, y * square.height, (x + w) * square.width, (y + h) * square.height)
            finding = row["finding"].replace("_", " ")
            boxes.setdefault(row["filename"], []).append((finding, square.to_fraction(box)))
    return boxes
