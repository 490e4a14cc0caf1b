"""Writes reports.json: grounded reports of the reference model's training grammar with what each of them tells.

Run from the package root: PYTHONPATH=Training python3 Tests/ChestReadingTests/Fixtures/make_reports.py
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from cxrtrain.labels import UNKNOWN_IN_PHANTOM
from cxrtrain.phantom.truth import Lesion, Truth
from cxrtrain.text.grammar import findings, report
from cxrtrain.text.terms import NOUNS

SIDED = {"Atelectasis", "Effusion", "Mass", "Nodule", "Pneumothorax", "Consolidation", "Lung Opacity", "Fracture"}
ZONED = {"Mass", "Nodule", "Consolidation", "Lung Opacity"}
UNSEVERE = {"Endotracheal Tube", "Central Line", "Feeding Tube", "Pacemaker", "Fracture", "Cardiomegaly"}
REPORTS = 120


def box(rng: random.Random) -> tuple[float, float, float, float]:
    x, y = rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.6)
    return (x, y, x + rng.uniform(0.1, 0.3), y + rng.uniform(0.1, 0.3))


def lesions(rng: random.Random) -> list[Lesion]:
    told = []
    for name in rng.sample(sorted(set(NOUNS) - set(UNKNOWN_IN_PHANTOM)), rng.randint(0, 4)):
        sides = rng.choice((["right"], ["left"], ["right", "left"])) if name in SIDED else [""]
        zone = rng.choice(("upper", "mid", "lower")) if name in ZONED else ""
        severity = "" if name in UNSEVERE else rng.choice(("small", "moderate", "large"))
        told += [Lesion(name, side, zone, severity, (box(rng),)) for side in sides]
    return told


def main() -> None:
    rng = random.Random(20260301)
    out = []
    for _ in range(REPORTS):
        truth = Truth(view=rng.choice(("PA", "AP")), lesions=lesions(rng))
        told = [
            {"label": f.name, "side": f.side, "severity": f.severity, "boxes": len(f.boxes)} for f in findings(truth)
        ]
        out.append({"report": report(truth, rng, boxes=True), "told": told})
    Path(__file__).with_name("reports.json").write_text(json.dumps(out, indent=1) + "\n")


main()
