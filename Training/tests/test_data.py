"""Splits, geometry, and the rule that nothing is mirrored."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrtrain.data import augment, nih
from cxrtrain.data.geometry import Square, intersection_over_union, preprocess
from cxrtrain.data.pool import PHANTOM_SEED

PACKAGE = Path(nih.__file__).resolve().parents[1]


def test_a_patient_is_in_one_split_only_and_shares_are_as_promised() -> None:
    splits = [nih.split_of(str(patient)) for patient in range(20000)]
    assert splits == [nih.split_of(str(patient)) for patient in range(20000)]
    assert abs(splits.count("train") / 20000 - 0.7) < 0.02
    assert abs(splits.count("test") / 20000 - 0.2) < 0.02


def test_no_patient_is_in_two_splits(tmp_path: Path) -> None:
    columns = [
        "filename",
        *(n.replace(" ", "_") for n in nih.NIH_LABELS),
        "no_finding",
        "patient_id",
        "view_position",
        "age",
        "sex",
        "orig_width",
        "orig_height",
    ]
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for image in range(300):
            writer.writerow([f"{image}.jpg", *[0] * 14, 1, str(image % 90), "PA", 50, "F", 3000, 2500])
    studies = nih.load_studies(tmp_path)
    by_patient: dict[str, set[str]] = {}
    for study in studies:
        by_patient.setdefault(study.patient, set()).add(study.split)
    assert all(len(found) == 1 for found in by_patient.values())
    assert {s.split for s in studies} == {"train", "validation", "test"}


def test_phantom_seeds_of_the_splits_cannot_meet() -> None:
    starts = sorted(PHANTOM_SEED.values())
    assert all(b - a >= 1_000_000 for a, b in zip(starts, starts[1:]))


def test_evaluation_only_boxes_are_read_by_the_evaluation_only() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "boxes_chestxdet10" in path.read_text()
    }
    assert users == {"evaluate/run.py"}


def test_nothing_is_mirrored() -> None:
    """No sampling matrix may change handedness, whatever it draws; and no code flips."""
    generator = torch.Generator().manual_seed(0)
    matrices = augment.random_affine(2000, augment.STRONG, generator)
    assert bool((torch.linalg.det(matrices[:, :, :2]) > 0).all())
    assert bool((matrices[:, 0, 0] > 0).all())
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(r"\bfliplr\b|\.flip\(|hflip|FLIP_LEFT_RIGHT", path.read_text()), path


def test_boxes_follow_the_augmentation() -> None:
    """A bright rectangle and its box end at the same place."""
    strength = augment.Strength(rotation=0, zoom=0.2, aspect=0.1, shift=0.08)
    generator = torch.Generator().manual_seed(1)
    box = (0.30, 0.40, 0.55, 0.60)
    pixels = torch.zeros(1, 1, 256, 256)
    pixels[..., int(0.40 * 256) : int(0.60 * 256), int(0.30 * 256) : int(0.55 * 256)] = 1
    masks = augment.content_masks([Square(256, 256)], 256)
    for _ in range(20):
        image, matrices = augment.to_input(pixels, masks, 256, strength, generator)
        rows, columns = np.nonzero((image[0, 0] > 0.5).numpy())
        seen = (columns.min() / 256, rows.min() / 256, (columns.max() + 1) / 256, (rows.max() + 1) / 256)
        assert intersection_over_union(seen, augment.move_box(box, matrices[0])) > 0.9


@pytest.mark.parametrize("width,height", [(300, 200), (201, 300), (256, 256)])
def test_boxes_map_exactly_on_images_that_are_not_square(width: int, height: int) -> None:
    square = Square(width, height)
    box = (10.0, 20.0, 150.5, 140.25)
    assert square.to_source(square.to_fraction(box)) == pytest.approx(box)
    assert square.to_source((0.0, 0.0, 1.0, 1.0)) == (0.0, 0.0, width, height)


def test_training_and_inference_preprocess_alike() -> None:
    generator = np.random.default_rng(2)
    coarse = torch.from_numpy(generator.random((1, 1, 12, 12)).astype(np.float32))
    image = torch.nn.functional.interpolate(coarse, size=(200, 256), mode="bicubic").clamp(0, 1)[0, 0].numpy()
    padded = torch.zeros(1, 1, 256, 256)
    padded[0, 0, 28:228] = torch.from_numpy(image)
    masks = augment.content_masks([Square(256, 200)], 256)
    ours, _ = augment.to_input(padded, masks, 128, augment.NONE, torch.Generator())
    theirs = preprocess(image, 128)
    assert np.abs(ours[0, 0].numpy() - theirs).mean() < 0.02
