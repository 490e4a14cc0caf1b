"""Two ablations with equal steps in each arm: the gradient weighting of the tokenizer, and staged against joint tuning."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .config import Config
from .data.pool import Pool
from .evaluate.answers import Reader, read
from .evaluate.grounding import drawn_truths, evaluate_findings
from .evaluate.metrics import macro_auroc
from .evaluate.questions import evaluate_questions
from .export import write_json
from .labels import NIH_LABELS
from .model.reference import ReferenceModel
from .model.vq import VQModel
from .text.tokenizer import Chat
from .train.assemble import assemble
from .train.classify import Classifier
from .train.common import batches
from .train.language import Examples, Stage, collate, instruction, joint, stages, train_stage
from .train.tokenize_images import TokenizerImages, standardise, train_tokenizer

LOSS_BATCHES = 20


@torch.no_grad()
def tokenizer_figures(model: VQModel, classifier: Classifier, pool: Pool) -> dict:
    """Mean absolute error over all pixels and over cells that lesions cover, PSNR, and what the classifier's macro AUROC
    becomes on reconstructions (over labels known in the pool)."""
    whole, inside, squared, before, after = [], [], [], [], []
    for indices in batches(len(pool), 16):
        pixels, masks = pool.images(indices)
        side = model.config.image_size
        if side != pixels.shape[-1]:
            pixels, masks = (F.interpolate(v, size=(side, side), mode="area") for v in (pixels, masks))
        again = model.decode(model.encode(pixels))
        error = (pixels - again).abs()
        whole.append(error.mean((1, 2, 3)))
        squared.append(((pixels - again) ** 2).mean((1, 2, 3)))
        cover = F.interpolate(pool.lesion_targets(indices)[0].amax(1, keepdim=True), size=(side, side))
        share = cover.sum((1, 2, 3))
        inside.append(((error * cover).sum((1, 2, 3)) / share)[share > 0])
        seen = (masks > 0.5).float()
        before.append(classifier(standardise(pixels, seen))[0])
        after.append(classifier(standardise(again, seen))[0])
    truth = pool.labels
    error_inside = torch.cat(inside)
    return {
        "l1": float(torch.cat(whole).mean()),
        "l1_lesions": float(error_inside.mean()) if len(error_inside) else None,
        "psnr": float((-10 * torch.cat(squared).log10()).mean()),
        "macro_auroc_original": macro_auroc(truth, torch.cat(before).numpy()),
        "macro_auroc_reconstructed": macro_auroc(truth, torch.cat(after).numpy()),
    }


@torch.no_grad()
def instruction_loss(reader: Reader) -> float:
    """Mean loss per learned token of instructions on held-out images."""
    rng, losses = random.Random(31), []
    for indices in list(batches(len(reader.pool), 16))[:LOSS_BATCHES]:
        ids, labels = collate([instruction(reader.chat, reader.pool.truths[i], rng) for i in indices])
        losses.append(reader.model.loss(ids, labels, reader.tokens[indices]))
    return float(torch.cat(losses).mean())


def language_figures(model: ReferenceModel, chat: Chat, held_out: Pool, train: Pool) -> dict:
    """Loss, question accuracy and grounding of one arm on held-out drawn images."""
    reader = read(model, chat, held_out)
    questions = evaluate_questions(reader, train)["all"]
    boxes = evaluate_findings(reader, *drawn_truths(reader))
    return {
        "loss": instruction_loss(reader),
        "question_accuracy": questions["accuracy"]["value"],
        "map50": boxes.get("map50", {}).get("value"),
        "mean_iou": boxes.get("mean_iou", {}).get("value"),
    }


def run(
    config: Config,
    train: Pool,
    real: Pool,
    drawn: Pool,
    classifier: Classifier,
    images: TokenizerImages,
    examples: Examples,
    chat: Chat,
    work: Path,
    device: str,
) -> None:
    """Both ablations on held-out `real` and `drawn` images; results in `work/ablations.json`."""
    path = work / "ablations.json"
    if path.exists():
        return
    share, budget = config.budget.ablation_share, config.budget
    vq_steps = max(1, round(budget.vq_steps * share))
    tokenizer = {}
    for arm, weighted in (("weighted", True), ("unweighted", False)):
        model = train_tokenizer(
            config, classifier, images, work, weighted, vq_steps, name=f"ablation-vq-{arm}", device=device
        )
        tokenizer[arm] = {
            "drawn": tokenizer_figures(model, classifier, drawn),
            "real": tokenizer_figures(model, classifier, _nih_only(real)),
        }
    language = {}
    steps = [max(1, round(stage.steps * share)) for stage in stages(config)]
    for arm in ("staged", "joint"):
        model = assemble(config, chat, classifier)
        plan = [Stage(s.name, n, s.rate, s.connector_rate, s.instructions) for s, n in zip(stages(config), steps)]
        for stage in plan if arm == "staged" else [joint(config, sum(steps))]:
            train_stage(model, chat, examples, stage, work, f"ablation-{arm}-{stage.name}", device=device)
        language[arm] = language_figures(model, chat, drawn, train)
    write_json(
        path, {"tokenizer": {"steps": vq_steps, "arms": tokenizer}, "tuning": {"steps": sum(steps), "arms": language}}
    )


def _nih_only(pool: Pool) -> Pool:
    """The pool with labels that NIH gives only."""
    labels = np.full_like(pool.labels, np.nan)
    labels[:, : len(NIH_LABELS)] = pool.labels[:, : len(NIH_LABELS)]
    return replace(pool, labels=labels)
