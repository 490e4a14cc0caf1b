"""Scores, and their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata


def auroc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve (ties count half); NaN without both classes. Entries with NaN truth are left out."""
    known = ~np.isnan(truth)
    truth, score = truth[known] > 0.5, score[known]
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def macro_auroc(truth: np.ndarray, score: np.ndarray) -> float:
    """Mean over columns that hold both classes."""
    values = [v for i in range(truth.shape[1]) if not np.isnan(v := auroc(truth[:, i], score[:, i]))]
    return float(np.mean(values)) if values else float("nan")


def bootstrap(
    statistic: Callable[[np.ndarray], float], groups: np.ndarray, draws: int = 500, seed: int = 0
) -> tuple[float, float, float]:
    """Value and 95 % percentile interval of `statistic(indices)`, resampling whole groups (patients)."""
    generator = np.random.default_rng(seed)
    names, inverse = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(inverse == i) for i in range(len(names))]
    values = []
    for _ in range(draws):
        chosen = generator.integers(0, len(names), len(names))
        values.append(statistic(np.concatenate([members[i] for i in chosen])))
    known = [v for v in values if not np.isnan(v)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (float("nan"), float("nan"))
    return statistic(np.arange(len(groups))), float(low), float(high)
