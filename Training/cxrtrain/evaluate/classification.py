"""AUROC per label beside prevalence and a pixel-level linear probe; calibration; operating points."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..calibrate import Calibration, expected_calibration_error, rates
from ..data.pool import Pool
from ..labels import INDEX, LABELS, NIH_LABELS, evidence
from .metrics import auroc, bootstrap, macro_auroc

PROBE_SIDE = 16
CHANCE_MARGIN = 0.05


def small_images(pool: Pool) -> np.ndarray:
    """Images at 16x16, standardised each, `[n, 256]`."""
    rows = [
        np.asarray(Image.fromarray(p).resize((PROBE_SIDE, PROBE_SIDE), Image.Resampling.BOX), np.float32).ravel()
        for p in pool.pixels
    ]
    x = np.stack(rows)
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True).clip(1e-3)


def linear_probe(train: Pool, test: Pool, penalty: float = 300.0) -> np.ndarray:
    """Scores `[n, labels of NIH]` of ridge regression on 16x16 pixels."""
    x, y = small_images(train), train.labels[:, : len(NIH_LABELS)]
    mean, offset = x.mean(0), y.mean(0)
    gram = (x - mean).T @ (x - mean) + penalty * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, (x - mean).T @ (y - offset))
    return (small_images(test) - mean) @ weights + offset


def _row(truth: np.ndarray, score: np.ndarray, groups: np.ndarray) -> dict:
    value, low, high = bootstrap(lambda i: auroc(truth[i], score[i]), groups)
    known = ~np.isnan(truth)
    return {
        "positives": int(np.nansum(truth)),
        "images": int(known.sum()),
        "prevalence": float(np.nanmean(truth)) if known.any() else None,
        "auroc": value,
        "interval": [low, high],
        "near_chance": bool(not low > 0.5 or value < 0.5 + CHANCE_MARGIN),
    }


def evaluate_classification(
    logits: np.ndarray,
    test: Pool,
    drawn_logits: np.ndarray,
    drawn: Pool,
    train: Pool,
    calibrations: list[Calibration],
    points: list[dict],
) -> dict:
    """All classification figures on unseen patients, and those of phantom-only labels on unseen phantoms."""
    count, groups = len(NIH_LABELS), np.array(test.patients)
    probe = linear_probe(train, test)
    labels = {}
    for name in (*NIH_LABELS, "Lung Opacity", "No Finding"):
        i = INDEX[name]
        labels[name] = _row(test.labels[:, i], logits[:, i], groups)
        if i < count:
            labels[name]["probe"] = auroc(test.labels[:, i], probe[:, i])
    macro = bootstrap(lambda i: macro_auroc(test.labels[i, :count], logits[i, :count]), groups)
    macro_probe = bootstrap(lambda i: macro_auroc(test.labels[i, :count], probe[i]), groups)
    difference = bootstrap(
        lambda i: (
            macro_auroc(test.labels[i, :count], logits[i, :count]) - macro_auroc(test.labels[i, :count], probe[i])
        ),
        groups,
    )
    phantom_groups = np.array(drawn.patients)
    phantom = {
        name: _row(drawn.labels[:, INDEX[name]], drawn_logits[:, INDEX[name]], phantom_groups)
        for name in LABELS
        if not np.isnan(drawn.labels[:, INDEX[name]]).all()
    }
    return {
        "patients": len(set(test.patients)),
        "images": len(test),
        "labels": labels,
        "macro": _triple(macro),
        "macro_probe": _triple(macro_probe),
        "macro_minus_probe": _triple(difference),
        "macro_constant": 0.5,
        "drawn": phantom,
        "calibration": _calibration(logits, test, calibrations),
        "operating_points": _points(logits, test, drawn_logits, drawn, calibrations, points),
    }


def _triple(value: tuple[float, float, float]) -> dict:
    return {"value": value[0], "interval": [value[1], value[2]]}


def _calibration(logits: np.ndarray, test: Pool, calibrations: list[Calibration]) -> dict:
    """Expected calibration error before and after, over all labels of real patients, and the reliability bins."""
    count = len(NIH_LABELS)
    before = np.concatenate([Calibration(1.0, 0.0).apply(logits[:, i]) for i in range(count)])
    after = np.concatenate([calibrations[i].apply(logits[:, i]) for i in range(count)])
    truth = test.labels[:, :count].T.ravel()
    gap_before, _ = expected_calibration_error(before, truth)
    gap, bins = expected_calibration_error(after, truth)
    return {"error_before": gap_before, "error": gap, "bins": bins}


def _points(
    logits: np.ndarray,
    test: Pool,
    drawn_logits: np.ndarray,
    drawn: Pool,
    calibrations: list[Calibration],
    points: list[dict],
) -> list[dict]:
    out = []
    for point in points:
        i = INDEX[point["name"]]
        source, z = (test, logits) if evidence(point["name"]) == "real" else (drawn, drawn_logits)
        measured = rates(calibrations[i].apply(z[:, i]), source.labels[:, i], point["threshold"])
        out.append({**point, "test": {"auroc": auroc(source.labels[:, i], z[:, i]), **measured}})
    return out
