"""Stages 2 and 3: captions first, then all instructions, over image features computed once.

The vision encoder stays as stage 0 left it: on two cores its features are the dear part, so they are computed once
(several augmented views of every real image) and kept. Stage 2 learns short answers, which make the decoder look, the
connector faster than the decoder; stage 3 mixes report, classification, grounding, questions, conversation and synthesis
with condition dropout.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..config import Config
from ..data import augment
from ..data.pool import Pool
from ..model.reference import ReferenceModel
from ..model.vision import VisionTower
from ..phantom.truth import Lesion, Truth
from ..progress import Progress
from ..text import dialogue, grammar
from ..text.tokenizer import IGNORED, PAD, Chat, Encoded
from .common import Checkpoint, MovingAverage, batches, cosine, seed_everything

CONDITION_DROPOUT = 0.15
SYNTHESIS_SHARE = 0.17
SHORT_ANSWERS = 2  # times as many examples fit into a step of stage 2
AVERAGED_SHARE = 0.05  # of a stage's steps: the horizon of the moving average
BUCKETS = 3  # sub-batches of like length: padding costs as much as text
SYNTHESIS_LOSS_WEIGHT = 0.5  # per token: image codes are many and noisy
MIN_VISIBLE_BOX = 0.012  # side, fraction of the square


@dataclass
class Examples:
    """Frozen features `[n, tokens, hidden]` (F16), the truth of each image as augmented, its image codes `[n, grid^2]`."""

    features: Tensor
    truths: list[Truth]
    codes: np.ndarray
    synthesis: np.ndarray  # indices of examples that synthesis may learn from
    weights: np.ndarray  # how often each example is drawn, sums to 1


@torch.no_grad()
def compute_examples(
    config: Config, tower: VisionTower, pools: list[tuple[Pool, np.ndarray, int, float]], seed: int
) -> Examples:
    """`pools`: pool, its codes, augmented views per image (1: as it is), and the share of draws it gets."""
    generator = torch.Generator().manual_seed(seed)
    features, truths, codes, synthesis, weights = [], [], [], [], []
    total = sum(-(-len(p) // 32) * views for p, _, views, _ in pools)
    with Progress("image features", total) as progress:
        for pool, own_codes, views, share in pools:
            for view in range(views):
                synthesis += [len(truths) + i for i in range(len(pool))] if view == 0 else []
                for indices in batches(len(pool), 32):
                    strength = augment.MILD if view else augment.NONE
                    images, matrices = augment.to_input(
                        *pool.images(indices), config.vision.image_size, strength, generator
                    )
                    features.append(tower(images).half())
                    for row, index in enumerate(indices):
                        truth = pool.truths[index]
                        truths.append(moved(truth, matrices[row]) if view else truth)
                        codes.append(own_codes[index])
                    progress.advance()
            weights += [share / (len(pool) * views)] * (len(pool) * views)
    scaled = np.array(weights) / sum(weights)
    return Examples(torch.cat(features), truths, np.stack(codes), np.array(synthesis), scaled)


def moved(truth: Truth, matrix: Tensor) -> Truth:
    """The truth of an augmented image: boxes follow the resampling, and those that left the image are dropped."""

    def follow(boxes: tuple) -> tuple:
        new = (augment.move_box(box, matrix) for box in boxes)
        return tuple(b for b in new if b[2] - b[0] > MIN_VISIBLE_BOX and b[3] - b[1] > MIN_VISIBLE_BOX)

    lesions = [Lesion(v.name, v.side, v.zone, v.severity, follow(v.boxes)) for v in truth.lesions]
    anatomy = {name: box for name, old in truth.anatomy.items() for box in follow((old,))}
    return replace(truth, lesions=lesions, anatomy=anatomy)


def caption(chat: Chat, truth: Truth, rng: random.Random) -> Encoded:
    """Stage 2: what is there, is it there, where is it: short answers whose every word depends on the picture. One kind of
    question at a time, so that no answer can be copied from the one before."""
    kind = rng.random()
    if kind < 0.3:
        turns = [dialogue.classification(truth, rng)]
    elif kind < 0.6:
        turns = [dialogue.presence(truth, rng) for _ in range(3)]
    elif kind < 0.8:
        turns = [dialogue.grounding(truth, rng) for _ in range(2)]
    elif kind < 0.9:
        turns = [dialogue.question(truth, rng)]
    else:
        turns = [dialogue.report_turn(truth, rng)]
    return chat.conversation(turns)


def instruction(chat: Chat, truth: Truth, rng: random.Random) -> Encoded:
    """Stage 3, with an image: one task, or several turns about the same image."""
    kind = rng.random()
    if kind < 0.16:
        turns = [dialogue.report_turn(truth, rng)]
    elif kind < 0.28:
        turns = [dialogue.report_turn(truth, rng, boxes=True)]
    elif kind < 0.36:
        turns = [dialogue.classification(truth, rng)]
    elif kind < 0.62:
        turns = [dialogue.grounding(truth, rng) for _ in range(rng.randint(1, 3))]
    elif kind < 0.86:
        turns = [dialogue.question(truth, rng) for _ in range(rng.randint(1, 4))]
    else:
        turns = dialogue.conversation(truth, rng)
    return chat.conversation(turns)


def synthesis(chat: Chat, truth: Truth, codes: np.ndarray, rng: random.Random) -> Encoded:
    condition = None if rng.random() < CONDITION_DROPOUT else grammar.description(truth, rng)
    return chat.synthesis(condition, codes.tolist())


def collate(encoded: list[Encoded]) -> tuple[Tensor, Tensor]:
    """Padded ids and labels, `[batch, longest]`."""
    longest = max(len(e.ids) for e in encoded)
    ids = torch.tensor([e.ids + [PAD] * (longest - len(e.ids)) for e in encoded])
    labels = torch.tensor([e.labels + [IGNORED] * (longest - len(e.labels)) for e in encoded])
    return ids, labels


@dataclass(frozen=True)
class Stage:
    """`connector_rate` drives the projector, `rate` the decoder (0 freezes it)."""

    name: str
    steps: int
    rate: float
    connector_rate: float
    instructions: bool


def stages(config: Config) -> tuple[Stage, Stage]:
    """The staged recipe."""
    return (
        Stage("caption", config.budget.caption_steps, 1e-3, 2e-3, instructions=False),
        Stage("instruct", config.budget.instruct_steps, 8e-4, 8e-4, instructions=True),
    )


def joint(config: Config, steps: int) -> Stage:
    """The other arm of the ablation: everything at once from the start, as many steps as both stages."""
    return Stage("joint", steps, 1e-3, 1e-3, instructions=True)


def train_stage(
    model: ReferenceModel,
    chat: Chat,
    examples: Examples,
    stage: Stage,
    work: Path,
    name: str,
    seed: int = 0,
    device: str = "cpu",
) -> ReferenceModel:
    """One stage on `model` in place, resuming from `work/name.running`; the result is the moving average."""
    final, running = work / f"{name}.pt", Checkpoint(work / f"{name}.running")
    learned = nn.ModuleDict({"projector": model.multi_modal_projector, "language": model.language_model})
    if final.exists():
        learned.load_state_dict(torch.load(final))
        return model.eval()
    seed_everything(seed + 200)
    model.to(device)
    # A longer average would hold back what a short run has just learned.
    average = MovingAverage(learned, decay=1 - 1 / max(2, AVERAGED_SHARE * stage.steps))
    optimiser = torch.optim.AdamW(
        [
            {"params": model.multi_modal_projector.parameters(), "peak": stage.connector_rate},
            {"params": model.language_model.parameters(), "peak": stage.rate},
        ],
        betas=(0.9, 0.98),
        weight_decay=0.05,
    )
    done = 0
    if (state := running.load()) is not None:
        learned.load_state_dict(state["model"])
        average.module.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        average.updates = done = state["done"]
    model.train()
    batch = model.config.budget.batch * (1 if stage.instructions else SHORT_ANSWERS)
    with Progress(name, stage.steps, done) as progress:
        for step in range(done, stage.steps):
            share = cosine(step, stage.steps, 1.0, min(100, stage.steps // 5 + 1))
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * share
            loss, told = step_loss(model, chat, examples, stage, batch, np.random.default_rng((seed, step)))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
            optimiser.step()
            average.update(learned)
            progress.advance(loss=told)
            if (step + 1) % 200 == 0:
                running.save(
                    model=learned.state_dict(),
                    average=average.module.state_dict(),
                    optimiser=optimiser.state_dict(),
                    done=step + 1,
                )
    learned.load_state_dict(average.module.state_dict())
    model.cpu()
    torch.save(learned.state_dict(), final)
    running.path.unlink(missing_ok=True)
    return model.eval()


def step_loss(
    model: ReferenceModel, chat: Chat, examples: Examples, stage: Stage, batch: int, generator: np.random.Generator
) -> tuple[Tensor, float]:
    """Loss of one batch (text and, in stage 3, synthesis as a second sub-batch), and the text part for display."""
    rng = random.Random(int(generator.integers(2**31)))
    drawn_images = round(batch * SYNTHESIS_SHARE) if stage.instructions else 0
    chosen = generator.choice(len(examples.truths), batch - drawn_images, p=examples.weights)
    make = instruction if stage.instructions else caption
    encoded = [(make(chat, examples.truths[i], rng), i) for i in chosen]
    encoded.sort(key=lambda pair: len(pair[0].ids))
    means = []
    for part in batches(len(encoded), -(-len(encoded) // BUCKETS)):
        ids, labels = collate([encoded[k][0] for k in part])
        loss = model.loss(ids, labels, examples.features[[encoded[k][1] for k in part]].float())
        means += [own.mean() for own in loss.split((labels[:, 1:] != IGNORED).sum(1).tolist())]
    # Every example weighs the same: by the token, reports would drown the short answers that depend on the picture.
    text = torch.stack(means).mean()
    if not drawn_images:
        return text, text.item()
    pictured = examples.synthesis[generator.integers(0, len(examples.synthesis), drawn_images)]
    ids, labels = collate([synthesis(chat, examples.truths[i], examples.codes[i], rng) for i in pictured])
    return text + SYNTHESIS_LOSS_WEIGHT * model.loss(ids, labels, None).mean(), text.item()
