"""Boxes: mAP@0.5 and mean IoU, in separate rows for phantoms, pasted lesions and real patients; anatomy and phrases."""

from __future__ import annotations

import random

import numpy as np

from ..boxes import parse_boxes
from ..data.geometry import Box, intersection_over_union
from ..data.nih import Study
from ..labels import DEVICES
from ..text import dialogue, prompts
from ..text.grammar import findings, sentence
from ..text.terms import ANATOMY, canonical
from .answers import Reader
from .metrics import bootstrap

Truths = list[dict[str, list[Box]]]  # per image: boxes by finding


def average_precision(scored: list[tuple[float, bool]], total: int) -> float:
    """Area under the interpolated precision-recall curve; `scored`: score and hit of every predicted box."""
    if total == 0:
        return float("nan")
    hits = np.array([hit for _, hit in sorted(scored, key=lambda pair: -pair[0])], float)
    if len(hits) == 0:
        return 0.0
    true = np.cumsum(hits)
    precision, recall = true / np.arange(1, len(hits) + 1), true / total
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))


def match(predicted: list[Box], wanted: list[Box], threshold: float = 0.5) -> list[bool]:
    """Which predicted boxes hit a box that no earlier one has taken."""
    free, hits = list(wanted), []
    for box in predicted:
        best = max(free, key=lambda w: intersection_over_union(box, w), default=None)
        hit = best is not None and intersection_over_union(box, best) >= threshold
        if hit:
            free.remove(best)
        hits.append(hit)
    return hits


def evaluate_findings(reader: Reader, truths: Truths, absent: list[list[str]]) -> dict:
    """Asks for every finding with known boxes, and on each image for findings that are `absent` there: boxes given for
    those count as false."""
    indices, names = [], []
    for index, own in enumerate(truths):
        for name in [*own, *absent[index]]:
            indices.append(index)
            names.append(name)
    answers = reader.ask(indices, [prompts.REGION[0].format(canonical(n)) for n in names], limit=90)
    rows = []  # image, name, best IoU per wanted box, scored boxes
    for index, name, (text, score) in zip(indices, names, answers):
        predicted, wanted = parse_boxes(text), truths[index].get(name, [])
        best = [max((intersection_over_union(p, w) for p in predicted), default=0.0) for w in wanted]
        rows.append((index, name, best, [(score, hit) for hit in match(predicted, wanted)], len(wanted)))
    return _summary(rows, np.array([reader.pool.patients[row[0]] for row in rows]))


def _summary(rows: list[tuple], groups: np.ndarray) -> dict:
    classes = sorted({row[1] for row in rows if row[4]})

    def mean_precision(chosen: np.ndarray) -> float:
        values = []
        for name in classes:
            own = [rows[i] for i in chosen if rows[i][1] == name]
            total = sum(row[4] for row in own)
            if total:
                values.append(average_precision([s for row in own for s in row[3]], total))
        return float(np.mean(values)) if values else float("nan")

    def mean_iou(chosen: np.ndarray) -> float:
        values = [v for i in chosen for v in rows[i][2]]
        return float(np.mean(values)) if values else float("nan")

    if not classes:
        return {"boxes": 0}
    precision, iou = (bootstrap(f, groups, draws=200) for f in (mean_precision, mean_iou))
    everything = range(len(rows))
    return {
        "boxes": int(sum(row[4] for row in rows)),
        "images": len({row[0] for row in rows}),
        "map50": {"value": precision[0], "interval": list(precision[1:])},
        "mean_iou": {"value": iou[0], "interval": list(iou[1:])},
        "per_finding": {
            name: {
                "boxes": int(sum(rows[i][4] for i in everything if rows[i][1] == name)),
                "ap50": average_precision(
                    [s for i in everything if rows[i][1] == name for s in rows[i][3]],
                    sum(rows[i][4] for i in everything if rows[i][1] == name),
                ),
            }
            for name in classes
        },
    }


def drawn_truths(reader: Reader, seed: int = 0) -> tuple[Truths, list[list[str]]]:
    """Boxes by finding of phantoms or pasted images, and for each image as many absent findings."""
    rng = random.Random(seed)
    truths, absent = [], []
    for truth in reader.pool.truths:
        own = {f.name: list(f.boxes) for f in findings(truth) if f.boxes}
        truths.append(own)
        others = [n for n in dialogue.askable(truth) if n not in truth.names()]
        absent.append(rng.sample(others, min(len(others), max(1, len(own)))))
    return truths, absent


def real_truths(
    reader: Reader, studies: list[Study], boxes: dict[str, list[tuple[str, Box]]]
) -> tuple[Truths, list[list[str]]]:
    """Radiologists' boxes of real images, those whose finding the model can be asked about; no negatives (the boxes are
    not exhaustive)."""
    own = [s for s in studies if s.split == "test"]
    truths: Truths = []
    for study in own:
        by_name: dict[str, list[Box]] = {}
        for name, box in boxes.get(study.filename, []):
            if name in dialogue.ASKABLE:
                by_name.setdefault(name, []).append(box)
        truths.append(by_name)
    return truths, [[] for _ in own]


def evaluate_anatomy_and_phrases(reader: Reader) -> dict:
    """Share of boxes with IoU of at least 0.5, and mean IoU, for anatomy and for report sentences of phantoms."""
    indices, questions, wanted, kinds = [], [], [], []
    for index, truth in enumerate(reader.pool.truths):
        for name in ANATOMY:
            if name in truth.anatomy and (index + len(name)) % 4 == 0:
                indices.append(index)
                questions.append(prompts.REGION[0].format(name))
                wanted.append([truth.anatomy[name]])
                kinds.append("anatomy")
        for found in findings(truth):
            if found.boxes and found.name not in DEVICES:
                indices.append(index)
                questions.append(prompts.PHRASE[0].format(sentence(found, None)))
                wanted.append(list(found.boxes))
                kinds.append("phrase")
    answers = reader.ask(indices, questions, limit=90)
    out = {}
    for kind in ("anatomy", "phrase"):
        best = [
            max((intersection_over_union(p, w) for p in parse_boxes(text)), default=0.0)
            for (text, _), boxes, k in zip(answers, wanted, kinds)
            if k == kind
            for w in boxes
        ]
        if best:
            out[kind] = {
                "boxes": len(best),
                "accuracy50": float(np.mean(np.array(best) >= 0.5)),
                "mean_iou": float(np.mean(best)),
            }
    return out
