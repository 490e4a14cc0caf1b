"""Synthesised images: does an independent classifier see what was asked for, and are they copies of training images?"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..data import augment
from ..data.pool import Pool
from ..export import GUIDANCE, TEMPERATURE, TOP_K
from ..labels import INDEX
from ..model.reference import ReferenceModel
from ..phantom.truth import SEVERITIES, Lesion, Truth
from ..text import grammar
from ..text.tokenizer import Chat
from ..train.classify import Classifier
from .metrics import auroc, bootstrap

ASKED = ("Effusion", "Pneumothorax", "Consolidation", "Cardiomegaly", "Mass", "Edema", "Emphysema")
COMPARED_SIDE = 32


def requests(per_finding: int) -> list[Truth]:
    """As many truths without finding as of all findings together, each finding with random side and severity."""
    rng = random.Random(21)
    out = []
    for name in ASKED:
        for _ in range(per_finding):
            side = (
                rng.choice(("right", "left")) if name in ("Effusion", "Pneumothorax", "Consolidation", "Mass") else ""
            )
            side = "bilateral" if name in ("Edema", "Emphysema") else side
            zone = (
                rng.choice(("upper", "mid", "lower"))
                if name in ("Consolidation", "Mass")
                else "perihilar"
                if name == "Edema"
                else ""
            )
            severity = "" if name == "Emphysema" else rng.choice(SEVERITIES)
            view = rng.choice(("AP", "PA"))
            out.append(Truth(view=view, lesions=[Lesion(name, side, zone, severity)]))
            if rng.random() < 0.5:
                out.append(Truth(view=view))
    return out


def _content(pixels: Tensor) -> Tensor:
    """1 inside the rectangle that is not padding, as far as a synthesised image shows it."""
    lit = pixels > 0.06
    return (lit.any(-1, keepdim=True) & lit.any(-2, keepdim=True)).float()


@torch.no_grad()
def _judge(judge: Classifier, pixels: Tensor, size: int) -> np.ndarray:
    images, _ = augment.to_input(pixels, _content(pixels), size, augment.NONE, torch.Generator().manual_seed(0))
    return judge(images)[0].numpy()


def _thumbnails(pixels: np.ndarray) -> np.ndarray:
    """`[n, side, side]` in [0, 1] to standardised `[n, 32 * 32]`."""
    rows = [
        np.asarray(
            Image.fromarray(p.astype(np.float32)).resize((COMPARED_SIDE, COMPARED_SIDE), Image.Resampling.BOX)
        ).ravel()
        for p in pixels
    ]
    x = np.stack(rows)
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True).clip(1e-3)


def _nearest(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Root mean square distance to the nearest of `known`, `[n]`."""
    squared = (x**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * x @ known.T
    return np.sqrt(squared.min(1).clip(0) / x.shape[1])


def evaluate_synthesis(
    model: ReferenceModel,
    chat: Chat,
    judge: Classifier,
    judge_size: int,
    train: Pool,
    test: Pool,
    folder: Path,
    per_finding: int,
) -> dict:
    """Agreement, distances, and `synthesis.png` in `folder`."""
    truths = requests(per_finding)
    rng = random.Random(22)
    texts = [grammar.description(t, rng) for t in truths]
    _, pixels = model.synthesize(chat, texts, GUIDANCE, TEMPERATURE, TOP_K, seed=23)
    logits = _judge(judge, pixels, judge_size)
    labels = {}
    for name in ASKED:
        truth = np.array([float(name in t.names()) for t in truths])
        score = logits[:, INDEX[name]]
        value, low, high = bootstrap(lambda i: auroc(truth[i], score[i]), np.arange(len(truths)), draws=300)
        labels[name] = {"asked": int(truth.sum()), "auroc": value, "interval": [low, high]}
    arrays = pixels[:, 0].numpy()
    known = _thumbnails(train.pixels / 255)
    made, held = _nearest(_thumbnails(arrays), known), _nearest(_thumbnails(test.pixels[:300] / 255), known)
    contact_sheet(list(arrays[:24]), folder / "synthesis.png", columns=8)
    return {
        "images": len(truths),
        "judge_agreement": labels,
        "macro": float(np.mean([v["auroc"] for v in labels.values()])),
        "distance_to_training": {
            "synthesised_median": float(np.median(made)),
            "synthesised_least": float(made.min()),
            "held_out_median": float(np.median(held)),
            "held_out_least": float(held.min()),
        },
        "prompts": texts[:24],
    }


def contact_sheet(images: list[np.ndarray], path: Path, columns: int, side: int = 128) -> None:
    """Images in [0, 1] as one PNG."""
    rows = -(-len(images) // columns)
    sheet = Image.new("L", (columns * (side + 2), rows * (side + 2)))
    for k, image in enumerate(images):
        tile = Image.fromarray(np.round(image * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BILINEAR)
        sheet.paste(tile, ((k % columns) * (side + 2), (k // columns) * (side + 2)))
    sheet.save(path, optimize=True)
