"""Stage 0: the vision encoder learns to classify, and to say where, on phantoms, pasted lesions and real patients.

Drawn images alone first: where lesions are is learned quickest from them. Then real ones beside them, from which alone
BatchNorm's statistics come: those of a mixture fit neither (TRIALS.md). Small images first, then the full size. Side
tasks that cost nothing (view, sex, age of real patients; the place of every lesion where it is known) teach the encoder
more than 800 noisy label vectors can.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config, Phase
from ..data import augment
from ..data.pool import Pool
from ..evaluate.metrics import macro_auroc
from ..labels import LABELS, NIH_LABELS
from ..model.vision import VisionTower, pool
from ..progress import Progress
from .common import (
    Checkpoint,
    MovingAverage,
    Shuffled,
    adamw,
    batches,
    cosine,
    device_of,
    masked_bce,
    seed_everything,
    set_rate,
)

DRAWN_WEIGHT = 0.3  # of the labels of drawn images: they are easy, and are not who the model is for
PLACE_WEIGHT = 0.5
PLACE_BIAS = -4.0  # nothing is at most places
COVERED = 0.1  # of a cell, from which on it shows the lesion: tubes are thin


@dataclass(frozen=True)
class Localisation:
    """Labels at the place of every cell of the stem's finer map `[batch, cells, labels]` and of every token
    `[batch, tokens, labels]`, the box of the lesion there `[batch, tokens, 4]`, and where the token is itself
    `[batch, tokens, 2]`. A language model that reads boxes from tokens needs all three in them."""

    fine: Tensor
    places: Tensor
    edges: Tensor
    here: Tensor


class Classifier(nn.Module):
    """The encoder with its head and the training-only side heads."""

    def __init__(self, config: Config, drop_path: float) -> None:
        super().__init__()
        hidden = config.vision.hidden_size
        self.vision_tower = VisionTower(config.vision, normalise=True, drop_path=drop_path)
        self.classifier = nn.Linear(2 * hidden, len(LABELS))
        self.patient = nn.Linear(2 * hidden, 3)  # AP view, male, age
        self.places = nn.Linear(hidden, len(LABELS))
        nn.init.constant_(self.places.bias, PLACE_BIAS)
        self.fine_places = nn.Conv2d(config.vision.stem_channels[-2], len(LABELS), 1)
        nn.init.constant_(self.fine_places.bias, PLACE_BIAS)
        self.edges = nn.Linear(hidden, 4)
        self.here = nn.Linear(hidden, 2)

    def forward(self, images: Tensor, dropout: float = 0.0) -> tuple[Tensor, Tensor, Localisation]:
        """Label logits `[batch, labels]`, patient `[batch, 3]`, and what every place tells."""
        fine, tokens = self.vision_tower.features(images)
        pooled = F.dropout(pool(tokens), dropout, self.training)
        where = Localisation(
            self.fine_places(fine).flatten(2).transpose(1, 2),
            self.places(tokens),
            self.edges(tokens),
            self.here(tokens),
        )
        return self.classifier(pooled), self.patient(pooled), where


def patient_targets(source: Pool, indices: np.ndarray) -> Tensor:
    """AP view, male, age in units of 20 years around 45; `[batch, 3]`."""
    rows = [
        (float(t.view == "AP"), float(t.sex == "M"), (min(t.age, 100) - 45) / 20)
        for t in (source.truths[i] for i in indices)
    ]
    return torch.tensor(rows)


def focal_loss(logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Over all cells and labels of images whose lesions have known places, by the number of covered cells, for most cells
    show nothing (Li et al., "Generalized focal loss", arXiv 2006.04388, equation 4). `targets`: cover `[batch, labels,
    side, side]`."""
    grid = int(logits.shape[1] ** 0.5)
    wanted = (F.adaptive_max_pool2d(targets, grid) > COVERED).float().flatten(2).transpose(1, 2)
    loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    loss = (loss * (wanted - logits.sigmoid()).square()).sum((1, 2))
    return (loss * known).sum() / wanted.sum().clamp_min(1)


def place_loss(where: Localisation, targets: Tensor, known: Tensor, boxes: Tensor) -> Tensor:
    """Where lesions are, on both maps, and the absolute error of the box at covered tokens and of each token's own place."""
    grid = int(where.places.shape[1] ** 0.5)
    cells = F.interpolate(boxes, size=(grid, grid), mode="nearest").flatten(2).transpose(1, 2)
    covered = ~cells.isnan()
    box = ((where.edges - cells.nan_to_num()).abs() * covered).sum() / covered.sum().clamp_min(1)
    axis = (torch.arange(grid, device=known.device) + 0.5) / grid
    own = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).reshape(-1, 2)
    places = focal_loss(where.places, targets, known) + focal_loss(where.fine, targets, known)
    return places + box + (where.here - own).abs().mean()


@torch.no_grad()
def predict(model: Classifier, source: Pool, size: int) -> np.ndarray:
    """Label logits of a pool, `[n, labels]`."""
    model.eval()
    generator = torch.Generator().manual_seed(0)
    rows = []
    for indices in batches(len(source), 32):
        images, _ = augment.to_input(*source.images(indices), size, augment.NONE, generator)
        rows.append(model(images.to(device_of(model)))[0].cpu())
    return torch.cat(rows).numpy()


def real_macro(model: Classifier, source: Pool, size: int) -> float:
    """Macro AUROC over NIH's labels."""
    count = len(NIH_LABELS)
    return macro_auroc(source.labels[:, :count], predict(model, source, size)[:, :count])


def train_classifier(
    config: Config,
    phases: tuple[Phase, ...],
    real: Pool,
    drawn: Pool,
    validation: Pool,
    drawn_validation: Pool,
    work: Path,
    seed: int = 0,
    name: str = "classifier",
    device: str = "cpu",
) -> Classifier:
    """Runs all phases, resuming from `work/name.running`; the moving average with the best figure on real `validation`
    images over the last phase is kept in `work/name.pt`. The figure on `drawn_validation` is shown only."""
    final = work / f"{name}.pt"
    model = Classifier(config, drop_path=0.1)
    if final.exists():
        model.load_state_dict(torch.load(final))
        return model.eval()
    generator = seed_everything(seed)
    model = Classifier(config, drop_path=0.1).to(device, memory_format=torch.channels_last)
    average = MovingAverage(model, decay=0.995)
    running = Checkpoint(work / f"{name}.running")
    weight = _positive_weight(real).to(device)
    share = np.nanmean(np.concatenate([real.labels, drawn.labels[: len(real)]]), 0)
    frequency = torch.from_numpy(share.astype(np.float32)).to(device)
    total = sum(phase.steps for phase in phases)
    optimiser = adamw(model, phases[0].rate, 0.05)
    done, best = 0, (-1.0, None)
    if (state := running.load()) is not None:
        model.load_state_dict(state["model"])
        average.module.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        average.updates, done, best = state["updates"], state["done"], state["best"]
    with Progress(name, total, done) as progress:
        first = 0
        for number, phase in enumerate(phases):
            of_real = Shuffled(len(real), phase.real, seed + 10 * number)
            of_drawn = Shuffled(len(drawn), phase.batch - phase.real, seed + 10 * number + 1)
            for step in range(max(done - first, 0), phase.steps):
                set_rate(optimiser, cosine(step, phase.steps, phase.rate, min(100, phase.steps // 5 + 1)))
                loss = _step(
                    model, phase, real, drawn, of_real.at(step), of_drawn.at(step), weight, frequency, generator
                )
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                average.update(model)
                progress.advance(loss=loss.item())
                last = number == len(phases) - 1
                every = max(phase.steps // 6, 1)
                if (step + 1) % every == 0:
                    figure = real_macro(average.module, validation, phase.size)
                    seen = macro_auroc(drawn_validation.labels, predict(average.module, drawn_validation, phase.size))
                    print(
                        f"{name}: {phase.size} px, step {step + 1}: validation macro AUROC {figure:.3f}, "
                        f"on drawn images {seen:.3f}",
                        flush=True,
                    )
                    if last and figure >= best[0]:
                        best = (figure, {k: v.cpu().clone() for k, v in average.module.state_dict().items()})
                    running.save(
                        model=model.state_dict(),
                        average=average.module.state_dict(),
                        optimiser=optimiser.state_dict(),
                        updates=average.updates,
                        done=first + step + 1,
                        best=best,
                    )
            first += phase.steps
    model.load_state_dict(best[1] if best[1] is not None else average.module.state_dict())
    model.cpu()
    torch.save(model.state_dict(), final)
    running.path.unlink(missing_ok=True)
    return model.eval()


def _positive_weight(real: Pool) -> Tensor:
    share = torch.from_numpy(np.nanmean(real.labels[:, : len(NIH_LABELS)], 0).astype(np.float32)).clamp(1e-3, 1)
    weight = torch.ones(len(LABELS))
    weight[: len(NIH_LABELS)] = ((1 - share) / share).sqrt().clamp(1, 6)
    return weight


def _step(
    model: Classifier,
    phase: Phase,
    real: Pool,
    drawn: Pool,
    real_indices: np.ndarray,
    drawn_indices: np.ndarray,
    weight: Tensor,
    frequency: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Loss of one batch. Where it has real images, BatchNorm learns their statistics, and normalises drawn ones by them."""
    model.train()
    losses = []
    device = device_of(model)

    def inputs(source: Pool, indices: np.ndarray, strength: augment.Strength) -> tuple[Tensor, Tensor]:
        pixels, _ = augment.to_input(*source.images(indices), phase.size, strength, generator)
        labels = torch.from_numpy(source.labels[indices]).to(device)
        return pixels.to(device, memory_format=torch.channels_last), labels * 0.95 + 0.05 * frequency

    if len(real_indices):
        pixels, targets = inputs(real, real_indices, augment.STRONG)
        logits, patient, _ = model(pixels, dropout=0.2)
        wanted = patient_targets(real, real_indices).to(device)
        losses.append(masked_bce(logits, targets, weight))
        losses.append(
            0.3
            * (
                F.binary_cross_entropy_with_logits(patient[:, :2], wanted[:, :2])
                + F.mse_loss(patient[:, 2], wanted[:, 2])
            )
        )
    if len(drawn_indices):
        if len(real_indices):
            for module in model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        # Phantoms vary by themselves, and their places must stay in register with the pixels.
        pixels, targets = inputs(drawn, drawn_indices, augment.NONE)
        logits, _, where = model(pixels, dropout=0.2)
        places = (v.to(device) for v in drawn.lesion_targets(drawn_indices))
        losses.append(DRAWN_WEIGHT * masked_bce(logits, targets, weight))
        losses.append(PLACE_WEIGHT * place_loss(where, *places))
    return torch.stack(losses).sum()
