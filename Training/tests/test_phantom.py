"""The phantom's truth is what its pixels show."""

import numpy as np
import pytest

from cxrtrain.phantom.canvas import SIZE
from cxrtrain.phantom.devices import DEVICES
from cxrtrain.phantom.generator import Plan, make_phantom
from cxrtrain.phantom.lesions import SIDED, UNSIDED

SEEDS = (3, 14)


def changed(seed: int, plan: Plan, limit: float = 0.1) -> np.ndarray:
    """Pixels whose attenuation the plan changes by more than `limit`, against the same patient without it."""
    difference = np.abs(make_phantom(seed, plan).attenuation - make_phantom(seed, Plan()).attenuation)
    return difference > limit


def share_inside(mask: np.ndarray, boxes: tuple) -> float:
    inside = np.zeros((SIZE, SIZE), bool)
    for x1, y1, x2, y2 in boxes:
        inside[
            int(np.floor(y1 * SIZE)) : int(np.ceil(y2 * SIZE)), int(np.floor(x1 * SIZE)) : int(np.ceil(x2 * SIZE))
        ] = True
    return float((mask & inside).sum() / max(mask.sum(), 1))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", [n for n in SIDED])
def test_box_contains_what_the_lesion_changed(name: str, side: str) -> None:
    for seed in SEEDS:
        phantom = make_phantom(seed, Plan(lesions=((name, side),)))
        lesions = [v for v in phantom.truth.lesions if v.name == name]
        if not lesions:  # too small to be seen is no finding
            continue
        # The faint veil above an effusion's meniscus is no part of its box.
        limit = 0.3 if name == "Effusion" else 0.12
        mask = changed(seed, Plan(lesions=((name, side),)), limit=limit) & _content(phantom)
        assert share_inside(mask, lesions[0].boxes) > 0.9, (seed, name, side)


@pytest.mark.parametrize("name", list(DEVICES))
def test_box_contains_the_device(name: str) -> None:
    for seed in SEEDS:
        phantom = make_phantom(seed, Plan(devices=(name,)))
        lesion = next(v for v in phantom.truth.lesions if v.name == name)
        assert share_inside(changed(seed, Plan(devices=(name,))) & _content(phantom), lesion.boxes) > 0.97, seed


@pytest.mark.parametrize("name", list(UNSIDED))
def test_midline_and_bilateral_findings_are_where_the_box_says(name: str) -> None:
    for seed in SEEDS:
        plan = Plan(lesions=((name, ""),))
        phantom = make_phantom(seed, plan)
        lesion = next(v for v in phantom.truth.lesions if v.name == name)
        limit = 0.12 if name == "Hernia" else 0.3
        mask = changed(seed, plan, limit=limit) & _content(phantom)
        assert share_inside(mask, lesion.boxes) > 0.8, (seed, name)


@pytest.mark.parametrize("name", list(SIDED))
def test_the_patients_right_is_on_the_images_left(name: str) -> None:
    for seed in SEEDS:
        for side in ("right", "left"):
            phantom = make_phantom(seed, Plan(lesions=((name, side),)))
            middle = sum(phantom.truth.anatomy["heart"][0::2]) / 2
            for lesion in phantom.truth.lesions:
                centre = (lesion.boxes[0][0] + lesion.boxes[0][2]) / 2
                assert (centre < middle + 0.05) if side == "right" else (centre > middle - 0.12), (seed, name, side)


def test_the_side_of_the_right_lung_is_left_of_the_left_lung() -> None:
    for seed in SEEDS:
        anatomy = make_phantom(seed, Plan()).truth.anatomy
        assert anatomy["right lung"][2] < anatomy["left lung"][2]
        assert anatomy["right lung"][0] < anatomy["left lung"][0]


def test_cardiomegaly_is_a_heart_wider_than_half_the_chest() -> None:
    for seed in SEEDS:
        for severity, wide in (("", False), ("moderate", True)):
            anatomy = make_phantom(seed, Plan(cardiomegaly=severity)).truth.anatomy
            chest = anatomy["left lung"][2] - anatomy["right lung"][0]
            heart = anatomy["heart"][2] - anatomy["heart"][0]
            assert (heart / chest > 0.51) == wide, (seed, heart / chest)


def test_the_same_seed_makes_the_same_image_and_another_seed_another() -> None:
    assert np.array_equal(make_phantom(5).pixels, make_phantom(5).pixels)
    assert not np.array_equal(make_phantom(5).pixels, make_phantom(6).pixels)


def test_a_fracture_has_a_box_where_the_rib_steps() -> None:
    for seed in SEEDS:
        plan = Plan(fractures=1)
        phantom = make_phantom(seed, plan)
        lesion = next(v for v in phantom.truth.lesions if v.name == "Fracture")
        difference = np.abs(phantom.attenuation - make_phantom(seed, Plan()).attenuation)
        x1, y1, x2, y2 = (int(v * SIZE) for v in lesion.boxes[0])
        assert difference[y1:y2, x1:x2].max() > 0.05


def test_a_healthy_plan_has_no_finding() -> None:
    truth = make_phantom(9, Plan()).truth
    assert truth.lesions == []
    assert truth.label_vector()[15] == 1


def _content(phantom) -> np.ndarray:
    mask, square = np.zeros((SIZE, SIZE), bool), phantom.square
    mask[square.top : square.top + square.height, square.left : square.left + square.width] = True
    return mask
