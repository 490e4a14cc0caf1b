"""The model card, every figure of it taken from `evaluation.json`."""

from __future__ import annotations

import math
from pathlib import Path


def number(value: float | None, digits: int = 3) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def with_interval(value: dict, digits: int = 3) -> str:
    """`0.771 (0.742 to 0.799)`."""
    low, high = value["interval"]
    return f"{number(value['value'], digits)} ({number(low, digits)} to {number(high, digits)})"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def classification_part(c: dict) -> str:
    rows = [
        [
            name,
            str(r["positives"]),
            number(r["prevalence"]),
            f"{number(r['auroc'])} ({number(r['interval'][0])} to {number(r['interval'][1])})",
            number(r.get("probe")),
            "near chance" if r["near_chance"] else "",
        ]
        for name, r in c["labels"].items()
    ]
    drawn = [
        [
            name,
            str(r["positives"]),
            f"{number(r['auroc'])} ({number(r['interval'][0])} to {number(r['interval'][1])})",
            "near chance" if r["near_chance"] else "",
        ]
        for name, r in c["drawn"].items()
    ]
    bins = [[str(b["count"]), number(b["told"]), number(b["true"])] for b in c["calibration"]["bins"]]
    points = [
        [
            p["name"],
            p["evidence"],
            number(p["threshold"]),
            str(p["test"]["positives"]),
            number(p["test"]["sensitivity"]),
            number(p["test"]["specificity"]),
        ]
        for p in c["operating_points"]
    ]
    return f"""## Classification

{c["images"]} images of {c["patients"]} patients that training never saw. 95 % intervals from resampling patients.
Macro AUROC over NIH's 14 labels: **{with_interval(c["macro"])}**; ridge regression on 16x16 pixels: {with_interval(c["macro_probe"])};
difference {with_interval(c["macro_minus_probe"])}; a constant (prevalence) answer: {number(c["macro_constant"])}.

{table(["label", "positives", "prevalence", "AUROC", "16x16 probe", ""], rows)}
On unseen phantoms (says nothing about patients):

{table(["label", "positives", "AUROC", ""], drawn)}
Calibration on the same patients: expected calibration error {number(c["calibration"]["error_before"])} before and {number(c["calibration"]["error"])} after
fitting temperature and bias on validation patients. Reliability (equally filled bins):

{table(["predictions", "told", "true"], bins)}
Operating points, chosen on validation, measured on the test split (`operating_points.json`):

{table(["label", "evidence", "threshold", "positives", "sensitivity", "specificity"], points)}"""


def grounding_part(result: dict) -> str:
    rows = []
    for name, g in result["grounding"].items():
        if g["boxes"] == 0:
            rows.append([name, "0", "n/a", "n/a"])
        else:
            rows.append([name, str(g["boxes"]), with_interval(g["map50"]), with_interval(g["mean_iou"])])
    other = [
        [kind, str(v["boxes"]), number(v["accuracy50"]), number(v["mean_iou"])]
        for kind, v in result["anatomy_and_phrases"].items()
    ]
    return f"""## Grounding

Asked "Where is the ... located in this Chest X-ray?" for every finding with a known box and, on drawn images, for as many that are absent.

{table(["images", "boxes", "mAP@0.5", "mean IoU"], rows)}
{table(["on phantoms", "boxes", "IoU of 0.5 or more", "mean IoU"], other)}"""


def language_part(result: dict) -> str:
    reports = [
        [
            name,
            who.replace("_", " "),
            with_interval(r["f1"]),
            number(r["exact"]),
            number(r["errors_per_report"], 2),
            ", ".join(number(v, 2) for v in r["errors"].values()),
        ]
        for name, both in result["reports"].items()
        for who, r in both.items()
        if who != "examples"
    ]
    questions = [
        [name, kind, str(q["questions"]), with_interval(q["accuracy"]), number(q["question_only"])]
        for name, kinds in result["questions"].items()
        for kind, q in kinds.items()
    ]
    talk = [
        [name, what.replace("_", " "), str(v["count"]), number(v["share"])]
        for name, c in result["conversation"].items()
        for what, v in c.items()
    ]
    return f"""## Reports

Findings that a report asserts against structured truth (for real patients: NIH's text-mined labels). Errors per report in the six types of
CheXprompt: false finding, missed finding, wrong location, wrong severity, change claimed without a prior, change omitted.

{table(["images", "who", "F1", "exactly right", "errors", "by type"], reports)}
## Questions

"Question only" answers each question with its most frequent training answer, without looking.

{table(["images", "type", "questions", "accuracy", "question only"], questions)}
## Conversation

{table(["images", "consistency", "cases", "share"], talk)}"""


def synthesis_part(s: dict) -> str:
    rows = [
        [name, str(v["asked"]), f"{number(v['auroc'])} ({number(v['interval'][0])} to {number(v['interval'][1])})"]
        for name, v in s["judge_agreement"].items()
    ]
    d = s["distance_to_training"]
    return f"""## Synthesis

{s["images"]} images from text, read by a classifier with another seed that took no part in making them. Macro AUROC of "asked for" against
"not asked for": {number(s["macro"])}.

{table(["asked for", "images", "AUROC of the judge"], rows)}
Distance to the nearest training image (RMS at 32x32, standardised): median {number(d["synthesised_median"])}, least {number(d["synthesised_least"])};
for held-out phantoms median {number(d["held_out_median"])}, least {number(d["held_out_least"])}. Contact sheets: `synthesis.png`, phantoms beside it in `phantoms.png`.
"""


def ablation_part(a: dict | None) -> str:
    if a is None:
        return "## Ablations\n\nNot run for these weights.\n"
    arms = a["tokenizer"]["arms"]
    rows = [
        [
            arm,
            source,
            number(v["l1"], 4),
            number(v["l1_lesions"], 4),
            number(v["psnr"], 2),
            number(v["macro_auroc_original"]),
            number(v["macro_auroc_reconstructed"]),
        ]
        for arm, both in arms.items()
        for source, v in both.items()
    ]
    tuning = [
        [arm, number(v["loss"]), number(v["question_accuracy"]), number(v["map50"]), number(v["mean_iou"])]
        for arm, v in a["tuning"]["arms"].items()
    ]
    return f"""## Ablations

Gradient-weighted tokenizer loss against the same loss with weight 1, {a["tokenizer"]["steps"]} steps each, on validation images:

{table(["arm", "images", "L1", "L1 in lesions", "PSNR", "AUROC, originals", "AUROC, reconstructions"], rows)}
Staged (captions, then instructions) against joint tuning, {a["tuning"]["steps"]} steps each, on drawn validation images:

{table(["arm", "loss", "question accuracy", "mAP@0.5", "mean IoU"], tuning)}"""


def write_card(folder: Path, result: dict) -> None:
    """`README.md`."""
    t = result["reading_time"]
    text = f"""# Reference model of CXRGateway

**Not for diagnosis.** A small vision-language model ({result["parameters"] / 1e6:.1f} M parameters, {result["bytes"] / 1e6:.0f} MB) that lets a fresh installation
do every task of the gateway: findings reports, classification, boxes, questions in several turns, and synthesis. It was trained on few real
images and many drawn ones; the figures below say what that is worth. This page is written by `Training/evaluate`; every figure is in
`evaluation.json`.

## Data and terms

- NIH ChestX-ray14, 1,118 frontal images of 933 patients (NIH Clinical Center, https://nihcc.app.box.com/v/ChestXray-NIHCC; Wang et al.,
  "ChestX-ray8", CVPR 2017). Usage unrestricted, attribution requested. Labels are text-mined and about 90 % right. Patients are split
  70 / 10 / 20; the test patients serve this page only.
- Procedural chest phantoms with exact truth, and lesions drawn into training patients without findings.
- ChestX-Det10 boxes (arXiv 2006.10550) for evaluation only, never for training.

## Recipe

`Training/README.md`: (0) encoder by classification and localisation, (1) VQ tokenizer with a loss weighted by the classifier's gradient
(our reading of "clinical gradient-weighted"), (2) captions, (3) mixed instructions with condition dropout. No horizontal flips.

{classification_part(result["classification"])}
{grounding_part(result)}
{language_part(result)}
{synthesis_part(result["synthesis"])}
{ablation_part(result.get("ablations"))}
## Speed

From decoded pixels to a grounded report in PyTorch on {t["threads"]} threads: median {number(t["median_seconds"], 2)} s over {t["images"]} images.

## Limits

- Adult frontal radiographs only. Trained from one institution's images of 1992 to 2015.
- Labels marked `phantom` (fracture, pneumoperitoneum, devices) were never measured on patients: treat their probabilities as untested.
- Sides, zones, severities and boxes were learned from drawn lesions; NIH labels carry none. How far that carries over to patients,
  the rows for real boxes and real reports show.
- It never compares with prior images. Rows marked "near chance" are no better than guessing.
"""
    (folder / "README.md").write_text(text)
