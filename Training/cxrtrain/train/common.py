"""What all stages share: seeds, schedule, optimiser, moving averages, and checkpoints that can be resumed."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


def seed_everything(seed: int) -> torch.Generator:
    """Seeds Python, NumPy and PyTorch, and returns a generator of its own for augmentation."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def device_of(module: nn.Module) -> torch.device:
    """Where a module's parameters are."""
    return next(module.parameters()).device


def cosine(step: int, total: int, peak: float, warmup: int) -> float:
    """Learning rate: linear warm-up, then a half cosine to 2 % of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(total - warmup, 1)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


def adamw(modules: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """Weight decay on matrices and kernels only."""
    trained = [p for p in modules.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


class MovingAverage:
    """Exponential moving average of all floating-point state; the average is what is evaluated and shipped."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mine, theirs in zip(self.module.state_dict().values(), module.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


class Checkpoint:
    """State of a running stage in one file, written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, **state: object) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        torch.save(
            {
                **state,
                "torch_rng": torch.get_rng_state(),
                "numpy_rng": np.random.get_state(),
                "python_rng": random.getstate(),
            },
            partial,
        )
        partial.rename(self.path)

    def load(self) -> dict | None:
        """The saved state, with the random generators restored; nothing if there is none."""
        if not self.path.exists():
            return None
        state = torch.load(self.path, weights_only=False, map_location="cpu")
        torch.set_rng_state(state["torch_rng"])
        np.random.set_state(state["numpy_rng"])
        random.setstate(state["python_rng"])
        return state


class Shuffled:
    """Endless shuffled batches of `0 ..< count`; the position follows from the step, so a resumed run sees the same."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count, self.batch, self.seed = count, batch, seed

    def at(self, step: int) -> np.ndarray:
        first = step * self.batch
        return np.array([self._order(k // self.count)[k % self.count] for k in range(first, first + self.batch)])

    def _order(self, epoch: int) -> np.ndarray:
        if getattr(self, "_epoch", None) != epoch:
            self._epoch, self._permutation = epoch, np.random.default_rng((self.seed, epoch)).permutation(self.count)
        return self._permutation


def batches(indices: np.ndarray | int, size: int) -> Iterator[np.ndarray]:
    """Consecutive parts of `indices`, or of `0 ..< indices`."""
    order = np.arange(indices) if isinstance(indices, int) else indices
    for start in range(0, len(order), size):
        yield order[start : start + size]


def masked_bce(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy over entries whose target is not NaN."""
    known = ~targets.isnan()
    loss = nn.functional.binary_cross_entropy_with_logits(
        logits, targets.nan_to_num(), pos_weight=weight, reduction="none"
    )
    return torch.where(known, loss, 0.0).sum() / known.sum().clamp_min(1)
