"""Every figure of the card: `evaluation.json`, contact sheets, `README.md` and digests in the model's directory."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch

from ..config import Config
from ..data.nih import load_boxes, load_studies
from ..data.pool import Pool, join, pasted_pool, phantom_pool, real_pool
from ..export import calibrations_of, load, parameters, write_digests, write_json
from ..text import prompts
from ..train.classify import Classifier
from .answers import Reader, read
from .card import write_card
from .classification import evaluate_classification
from .grounding import drawn_truths, evaluate_anatomy_and_phrases, evaluate_findings, real_truths
from .questions import evaluate_conversation, evaluate_questions
from .reports import evaluate_reports
from .synthesis import contact_sheet, evaluate_synthesis


def reading_time(reader: Reader, count: int = 20) -> dict:
    """Seconds from decoded pixels to a grounded report, in PyTorch, one image at a time."""
    seconds = []
    for index in range(min(count, len(reader.pool))):
        start = time.monotonic()
        one = read(reader.model, reader.chat, _slice(reader.pool, [index]))
        one.ask([0], [prompts.GROUNDED_REPORT[0]])
        seconds.append(time.monotonic() - start)
    return {"images": len(seconds), "threads": torch.get_num_threads(), "median_seconds": float(np.median(seconds))}


def _slice(pool: Pool, indices: list[int]) -> Pool:
    return Pool(
        pool.pixels[indices],
        [pool.squares[i] for i in indices],
        [pool.truths[i] for i in indices],
        pool.labels[indices],
        [pool.grids[i] for i in indices],
        [pool.patients[i] for i in indices],
    )


def evaluate(config: Config, data: Path, work: Path, folder: Path, workers: int, synthesised_per_finding: int) -> None:
    """Measures the shipped files on test patients, test phantoms and lesions pasted into test patients."""
    cache, budget = work / "cache", config.budget
    model, chat = load(folder)
    real = {split: real_pool(data, cache, split) for split in ("train", "test")}
    phantom = phantom_pool(cache, "test", budget.held_out, workers)
    pasted = pasted_pool(real["test"], cache, "test", budget.held_out)
    train = join(
        [
            phantom_pool(cache, "train", min(1000, budget.phantoms), workers),
            pasted_pool(real["train"], cache, "train", budget.pasted),
            real["train"],
        ]
    )
    readers = {
        "phantom": read(model, chat, phantom),
        "pasted": read(model, chat, pasted),
        "real": read(model, chat, real["test"]),
    }
    print("evaluation: classification", flush=True)
    result: dict = {"parameters": parameters(model), "bytes": (folder / "model.safetensors").stat().st_size}
    result["classification"] = evaluate_classification(
        readers["real"].logits(),
        real["test"],
        readers["phantom"].logits(),
        phantom,
        real["train"],
        calibrations_of(folder),
        json.loads((folder / "operating_points.json").read_text()),
    )
    print("evaluation: grounding", flush=True)
    studies = load_studies(data)
    grounding = {name: evaluate_findings(readers[name], *drawn_truths(readers[name])) for name in ("phantom", "pasted")}
    for row, file in (
        ("real, NIH boxes", "boxes.csv"),
        ("real, ChestX-Det10 boxes (evaluation only)", "boxes_chestxdet10.csv"),
    ):
        grounding[row] = evaluate_findings(
            readers["real"], *real_truths(readers["real"], studies, load_boxes(data / file, studies))
        )
    result["grounding"] = grounding
    result["anatomy_and_phrases"] = evaluate_anatomy_and_phrases(readers["phantom"])
    print("evaluation: reports, questions, conversation", flush=True)
    result["reports"] = {name: evaluate_reports(reader, train) for name, reader in readers.items()}
    result["questions"] = {name: evaluate_questions(reader, train) for name, reader in readers.items()}
    result["conversation"] = {name: evaluate_conversation(readers[name]) for name in ("phantom", "real")}
    print("evaluation: synthesis", flush=True)
    judge = Classifier(config, drop_path=0.1)
    judge.load_state_dict(torch.load(work / "judge.pt"))
    result["synthesis"] = evaluate_synthesis(
        model, chat, judge.eval(), budget.judge[-1].size, train, phantom, folder, synthesised_per_finding
    )
    contact_sheet([p / 255 for p in phantom.pixels[:24]], folder / "phantoms.png", columns=8)
    result["reading_time"] = reading_time(readers["phantom"])
    if (folder / "ablations.json").exists():
        result["ablations"] = json.loads((folder / "ablations.json").read_text())
    write_json(folder / "evaluation.json", result)
    write_card(folder, result)
    write_digests(folder)
