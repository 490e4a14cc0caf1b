"""Calibrated probabilities and operating points, fitted on validation patients only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .evaluate.metrics import auroc
from .labels import LABELS, evidence

# A handful of positives cannot carry two free numbers, so both are held near a plain guess.
PRIOR_SLOPE, PRIOR_BIAS = 4.0, 0.15
# Fourteen labels with a false alarm in every fifth image each would cry wolf in every study.
LEAST_SPECIFICITY = 0.95


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(logit / temperature + bias)."""

    temperature: float
    bias: float

    def apply(self, logits: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(logits / self.temperature + self.bias)))


def fit(logits: np.ndarray, truth: np.ndarray) -> Calibration:
    """Penalised maximum likelihood of slope and bias; entries with NaN truth are left out."""
    known = ~np.isnan(truth)
    if not known.any() or truth[known].min() == truth[known].max():
        return Calibration(1.0, 0.0)
    z, y = (torch.tensor(v[known], dtype=torch.float64) for v in (logits, truth))
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # log slope, bias
    optimiser = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        fitted = torch.nn.functional.binary_cross_entropy_with_logits(
            z * parameters[0].exp() + parameters[1], y, reduction="sum"
        )
        loss = fitted + PRIOR_SLOPE * parameters[0] ** 2 + PRIOR_BIAS * parameters[1] ** 2
        loss.backward()
        return loss

    optimiser.step(closure)
    return Calibration(float(torch.exp(-parameters[0].detach())), float(parameters[1].detach()))


def rates(probability: np.ndarray, truth: np.ndarray, threshold: float) -> dict[str, float | int]:
    """Sensitivity and specificity of `probability >= threshold`, with the counts behind them."""
    known = ~np.isnan(truth)
    p, y = probability[known] >= threshold, truth[known] > 0.5
    positives, negatives = int(y.sum()), int((~y).sum())
    return {
        "positives": positives,
        "negatives": negatives,
        "sensitivity": float(p[y].mean()) if positives else float("nan"),
        "specificity": float((~p)[~y].mean()) if negatives else float("nan"),
    }


def operating_point(probability: np.ndarray, truth: np.ndarray) -> float:
    """The threshold with the largest sensitivity at a specificity of at least `LEAST_SPECIFICITY`, midway between two
    images' probabilities; 0.5 without both classes."""
    known = ~np.isnan(truth)
    p, y = probability[known], truth[known] > 0.5
    if y.all() or not y.any():
        return 0.5
    candidates = np.unique(p)
    middles = np.append((candidates[1:] + candidates[:-1]) / 2, (candidates[-1] + 1) / 2)
    return float(next(t for t in middles if (p[~y] < t).mean() >= LEAST_SPECIFICITY))


def expected_calibration_error(
    probability: np.ndarray, truth: np.ndarray, bins: int = 10
) -> tuple[float, list[dict[str, float | int]]]:
    """Mean gap between told and true frequency over equally filled bins, and the bins (the reliability figure)."""
    known = ~np.isnan(truth)
    p, y = probability[known], truth[known]
    order = np.argsort(p)
    parts, gap = [], 0.0
    for part in np.array_split(order, min(bins, len(order))):
        told, true = float(p[part].mean()), float(y[part].mean())
        gap += abs(told - true) * len(part) / len(order)
        parts.append({"count": len(part), "told": told, "true": true})
    return gap, parts


def calibrate(
    real_logits: np.ndarray, real_truth: np.ndarray, drawn_logits: np.ndarray, drawn_truth: np.ndarray
) -> tuple[list[Calibration], list[dict]]:
    """Per label, on real validation patients, or on drawn images for labels that only those show."""
    calibrations, points = [], []
    for index, name in enumerate(LABELS):
        real = evidence(name) == "real"
        logits, truth = (v[:, index] for v in ((real_logits, real_truth) if real else (drawn_logits, drawn_truth)))
        found = fit(logits, truth)
        probability = found.apply(logits)
        threshold = operating_point(probability, truth)
        calibrations.append(found)
        points.append(
            {
                "name": name,
                "evidence": evidence(name),
                "threshold": threshold,
                "validation": {"auroc": auroc(truth, logits), **rates(probability, truth, threshold)},
            }
        )
    return calibrations, points
