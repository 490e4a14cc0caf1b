"""Inputs and outputs of the shipped weights, for other runtimes to compare with.

Only phantoms are used: no patient's image leaves the data directory.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from .data.geometry import preprocess
from .data.pool import PHANTOM_SEED
from .export import load, write_json
from .phantom.cache import truth_to_json
from .phantom.generator import make_phantom
from .text import prompts
from .text.grammar import report

IMAGES = 50
PARITY_SEED = PHANTOM_SEED["test"] + 500_000


def write_parity(folder: Path) -> None:
    """`parity/NN.png`, `parity.json` (greedy texts, truth and a reference report per image) and `parity.safetensors`
    (tensors of image 0)."""
    model, chat = load(folder)
    (folder / "parity").mkdir(exist_ok=True)
    tokens, sources, entries = [], [], []
    for index in range(IMAGES):
        phantom = make_phantom(PARITY_SEED + index)
        square = phantom.square
        image = phantom.pixels[square.top : square.top + square.height, square.left : square.left + square.width]
        stored = np.round(image * 255).astype(np.uint8)
        Image.fromarray(stored).save(folder / "parity" / f"{index:02d}.png", optimize=True)
        sources.append(stored)
        reference = report(phantom.truth, random.Random(index))
        entries.append(
            {
                "file": f"parity/{index:02d}.png",
                "truth": truth_to_json(phantom.truth),  # boxes: fractions of the padded square
                "reference": reference,
                "texts": [],
            }
        )
        pixels = torch.from_numpy(preprocess(stored / 255.0, model.config.vision.image_size))[None, None]
        with torch.no_grad():
            tokens.append(model.vision_tower(pixels))
    vision = torch.cat(tokens)
    asked = (prompts.REPORT[0], prompts.GROUNDED_REPORT[0], prompts.REGION[0].format("heart"))
    for question in asked:
        ids = chat.question(question, image=True)
        for entry, (answer, _) in zip(entries, model.answer(chat, [ids] * IMAGES, vision)):
            entry["texts"].append({"prompt": question, "tokens": answer, "text": chat.decode(answer)})
    write_json(folder / "parity.json", entries)
    _write_tensors(folder, sources[0], vision[:1])


@torch.no_grad()
def _write_tensors(folder: Path, source: np.ndarray, vision: torch.Tensor) -> None:
    model, chat = load(folder)
    ids = torch.tensor([chat.question(prompts.REPORT[0], image=True)])
    hidden, _ = model.language_model(model.embed(ids, vision))
    codes = (torch.arange(model.config.vq.grid**2) * 7919) % model.config.vq.codebook_size
    save_file(
        {
            "pixel_values": torch.from_numpy(preprocess(source / 255.0, model.config.vision.image_size)),
            "vision_tokens": vision[0].contiguous(),
            "classifier_logits": model.classify(vision)[0].contiguous(),
            "projected": model.multi_modal_projector(vision)[0].contiguous(),
            "prompt_ids": ids[0].to(torch.int32),
            "first_logits": model.language_model.logits(hidden[0, -1]).contiguous(),
            "codes": codes.to(torch.int32),
            "decoded": model.vq_model.decode(codes[None])[0, 0].contiguous(),
        },
        folder / "parity.safetensors",
    )
