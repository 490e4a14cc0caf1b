"""Computes metrics.json with the public implementations that this project's metrics must equal.

Run from this folder, in an environment with sacrebleu 2.6.0, rouge-score 0.1.2, scikit-learn 1.9.1,
pycocoevalcap 1.2, pycocotools 2.0.11 and numpy 2.4.6:  python make_metrics.py
The corpora are made from the seed; running it again gives the same file.
"""

import contextlib
import io
import json
import random

import numpy
from pycocoevalcap.cider.cider import Cider
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

SEED = 20260711
rng = random.Random(SEED)

WORDS = (
    "the heart is mildly enlarged . no focal consolidation , pleural effusion or pneumothorax small left right "
    "bibasilar atelectasis unchanged new opacity in lower lobe may represent pneumonia 1.5 cm nodule ( stable ) "
    "PICC tip SVC post-operative 3-4 mm \"quoted\" & <b> T12 50% 2,000 patient's l'hôpital — œdème Kerley-B / x-ray ; "
    "[ ] { } ~ _ ^ | ! ? : @ # $ * + = 12. .5 a.m. e.g., Ünal"
).split()


def text(length):
    glue = lambda: rng.choice([" "] * 8 + ["\n", "  ", "", ", ", "-\n", "..", "&amp;"])
    return "".join(rng.choice(WORDS) + glue() for _ in range(length))


def pair():
    reference = text(rng.randint(1, 40))
    if rng.random() < 0.1:
        return reference, reference
    words = reference.split(" ")
    candidate = [w for w in words if rng.random() < 0.8] + text(rng.randint(0, 8)).split(" ")
    if rng.random() < 0.3:
        rng.shuffle(candidate)
    return reference, " ".join(candidate)


def corpus(count):
    pairs = [pair() for _ in range(count)]
    references = [r for r, _ in pairs]
    candidates = [c for _, c in pairs]
    bleu = [BLEU(max_ngram_order=n).corpus_score(candidates, [references]).score / 100 for n in (1, 2, 3, 4)]
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    rouge = [scorer.score(r, c)["rougeL"].fmeasure for r, c in pairs]
    # pycocoevalcap splits at blanks: it gets the words that ROUGE sees.
    from rouge_score.tokenize import tokenize

    words = lambda t: " ".join(tokenize(t, None))
    _, cider = Cider().compute_score(
        {i: [words(r)] for i, (r, _) in enumerate(pairs)}, {i: [words(c)] for i, (_, c) in enumerate(pairs)}
    )
    return {
        "references": references,
        "candidates": candidates,
        "bleu": bleu,
        "rougeL": rouge,
        "ciderD": [float(v) for v in cider],
    }


def classification(count, prevalence, digits):
    generator = numpy.random.default_rng(rng.randrange(2**31))
    labels = (generator.random(count) < prevalence).astype(int)
    labels[0], labels[1] = 0, 1
    scores = numpy.clip(generator.normal(0.35 + 0.25 * labels, 0.2), 0, 1).round(digits)
    observed, predicted = calibration_curve(labels, scores, n_bins=10)
    edges = numpy.linspace(0, 1, 11)
    counts = numpy.bincount(numpy.searchsorted(edges[1:-1], scores), minlength=10)
    counts = counts[counts > 0]
    return {
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "auroc": roc_auc_score(labels, scores),
        "averagePrecision": average_precision_score(labels, scores),
        "brier": brier_score_loss(labels, scores),
        "predicted": predicted.tolist(),
        "observed": observed.tolist(),
        "ece": float(numpy.sum(numpy.abs(predicted - observed) * counts) / count),
        "rocPoints": len(roc_curve(labels, scores, drop_intermediate=False)[0]),
    }


def detection(images, thresholds):
    labels = ["Effusion", "Nodule", "Cardiomegaly"]
    references, predictions = [], []
    box = lambda: [rng.randint(0, 300), rng.randint(0, 300), rng.randint(10, 150), rng.randint(10, 150)]
    for image in range(images):
        for number, _ in enumerate(labels):
            for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
                b = box()
                references.append((image, number, b))
                if rng.random() < 0.7:
                    shifted = [max(1, v + rng.randint(-25, 25)) for v in b]
                    predictions.append((image, number, shifted, round(rng.random(), 3)))
            if rng.random() < 0.4:
                predictions.append((image, number, box(), round(rng.random(), 3)))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i + 1, "width": 512, "height": 512} for i in range(images)],
            "categories": [{"id": n + 1, "name": label} for n, label in enumerate(labels)],
            "annotations": [
                {"id": k + 1, "image_id": i + 1, "category_id": n + 1, "bbox": b, "area": b[2] * b[3], "iscrowd": 0}
                for k, (i, n, b) in enumerate(references)
            ],
        }
        coco.createIndex()
        found = coco.loadRes(
            [{"image_id": i + 1, "category_id": n + 1, "bbox": b, "score": s} for i, n, b, s in predictions]
        )
        evaluation = COCOeval(coco, found, "bbox")
        evaluation.params.iouThrs = numpy.array(thresholds)
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # threshold, recall, label
    return {
        "thresholds": thresholds,
        "labels": labels,
        "references": [{"image": str(i), "label": labels[n], "box": b} for i, n, b in references],
        "predictions": [{"image": str(i), "label": labels[n], "box": b, "score": s} for i, n, b, s in predictions],
        "averagePrecision": [[float(precision[t, :, n].mean()) for n in range(len(labels))] for t in range(len(thresholds))],
    }


with open("metrics.json", "w", encoding="utf-8") as file:
    json.dump(
        {
            "seed": SEED,
            "corpora": [corpus(n) for n in (1, 3, 40, 120)],
            "classification": [
                classification(60, 0.5, 1),
                classification(400, 0.1, 2),
                classification(1000, 0.3, 4),
                classification(12, 0.4, 1),
            ],
            "detection": [detection(30, [0.1, 0.3, 0.5, 0.75]), detection(4, [0.5])],
        },
        file,
        ensure_ascii=False,
        indent=1,
    )
    file.write("\n")
