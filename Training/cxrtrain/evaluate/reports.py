"""Reports: label F1 and the six error types, beside "always normal" and a nearest-neighbour baseline."""

from __future__ import annotations

import random

import numpy as np

from ..data.pool import Pool
from ..phantom.truth import Truth
from ..text import prompts
from ..text.grammar import findings, report
from .answers import Reader
from .classification import small_images
from .metrics import bootstrap
from .parse import parse

ALWAYS_NORMAL = "The lungs are clear. No pleural effusion or pneumothorax. The heart size is normal."
ERRORS = (
    "false finding",
    "missed finding",
    "wrong location",
    "wrong severity",
    "change claimed without a prior",
    "change omitted",
)


def compare(text: str, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """True positives, false positives and misses `[3]`, and the six error counts `[6]`, of one report.

    The types are those of CheXprompt (LLaVA-Rad). No study here has a prior, so a change can never be omitted.
    """
    mentions, change = parse(text)
    told = {m.name: m for m in mentions}
    true = {f.name: f for f in findings(truth)}
    common = told.keys() & true.keys()
    location = severity = 0
    for name in common:
        said, fact = told[name], true[name]
        location += bool(said.side and fact.side and said.side != fact.side) or bool(
            said.zone and fact.zone and said.zone != fact.zone
        )
        severity += bool(said.severity and fact.severity and said.severity != fact.severity)
    false, missed = len(told.keys() - true.keys()), len(true.keys() - told.keys())
    return np.array([len(common), false, missed]), np.array([false, missed, location, severity, int(change), 0])


def score(texts: list[str], pool: Pool) -> dict:
    """Micro F1 over findings with its interval, share of exactly right finding lists, and mean errors per report."""
    counts, errors = (np.array(v) for v in zip(*(compare(text, truth) for text, truth in zip(texts, pool.truths))))

    def f1(indices: np.ndarray) -> float:
        hits, false, missed = counts[indices].sum(0)
        return float(2 * hits / max(2 * hits + false + missed, 1))

    value, low, high = bootstrap(f1, np.array(pool.patients), draws=300)
    return {
        "reports": len(texts),
        "f1": {"value": value, "interval": [low, high]},
        "exact": float((counts[:, 1:].sum(1) == 0).mean()),
        "errors": {name: float(v) for name, v in zip(ERRORS, errors.mean(0))},
        "errors_per_report": float(errors.sum(1).mean()),
    }


def nearest_reports(train: Pool, test: Pool, seed: int = 0) -> list[str]:
    """For each test image the report of the training image nearest at 16x16 pixels."""
    rng = random.Random(seed)
    known, asked = small_images(train), small_images(test)
    distance = (asked**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * asked @ known.T
    return [report(train.truths[int(i)], rng) for i in distance.argmin(1)]


def evaluate_reports(reader: Reader, train: Pool) -> dict:
    """The model and both baselines on one pool, with a few examples."""
    everything = list(range(len(reader.pool)))
    texts = [text for text, _ in reader.ask(everything, [prompts.REPORT[0]] * len(everything))]
    rng = random.Random(1)
    return {
        "model": score(texts, reader.pool),
        "always_normal": score([ALWAYS_NORMAL] * len(everything), reader.pool),
        "nearest_neighbour": score(nearest_reports(train, reader.pool), reader.pool),
        "examples": [{"model": texts[i], "reference": report(reader.pool.truths[i], rng)} for i in everything[:5]],
    }
