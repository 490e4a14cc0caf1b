"""Command lines behind `Training/train` and `Training/evaluate`."""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

import torch

from .config import SIZES, Config
from .evaluate.run import evaluate
from .evaluate.sheet import mixed_sheet
from .pipeline import train_all

ROOT = Path(__file__).resolve().parents[2]


def _arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--data", type=Path, required=True, help="directory of NIH images: images/, labels.csv, boxes.csv"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=ROOT / ".cache" / "training",
        help="caches and checkpoints; a stopped run goes on from here",
    )
    parser.add_argument("--size", choices=sorted(SIZES), default="nano")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="multiplies all steps and image counts (0.1: a quick trial)"
    )
    return parser


def scaled(config: Config, scale: float) -> Config:
    """The same model with a smaller or larger budget."""
    b = config.budget

    def times(value: int) -> int:
        return max(2, round(value * scale))

    phases = {
        name: tuple(dataclasses.replace(p, steps=times(p.steps)) for p in getattr(b, name))
        for name in ("classify", "judge")
    }
    names = ("phantoms", "pasted", "held_out", "vq_images", "vq_steps", "caption_steps", "instruct_steps")
    counts = {name: times(getattr(b, name)) for name in names}
    return dataclasses.replace(config, budget=dataclasses.replace(b, **phases, **counts))


def sheet() -> None:
    """Real images and phantoms in random order on one picture, and which is which on standard output."""
    parser = _arguments(
        "Draws real images and phantoms side by side. The picture holds patients' images: never commit it."
    )
    parser.add_argument("--output", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    mixed_sheet(options.data, options.work / options.size / "cache", options.output, options.seed)


def train() -> None:
    parser = _arguments("Trains the reference model from a data directory and exports it.")
    parser.add_argument("--output", type=Path, default=ROOT / "Models" / "reference")
    parser.add_argument("--without-ablations", action="store_true")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where PyTorch finds an accelerator")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = scaled(SIZES[options.size], options.scale)
    train_all(
        config,
        options.data,
        options.work / options.size,
        options.output,
        options.threads,
        not options.without_ablations,
        options.device,
    )


def measure() -> None:
    parser = _arguments("Measures an exported model on unseen patients and phantoms and writes its card.")
    parser.add_argument("--model", type=Path, default=ROOT / "Models" / "reference")
    parser.add_argument("--synthesised-per-finding", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = scaled(SIZES[options.size], options.scale)
    evaluate(
        config,
        options.data,
        options.work / options.size,
        options.model,
        options.threads,
        options.synthesised_per_finding,
    )
