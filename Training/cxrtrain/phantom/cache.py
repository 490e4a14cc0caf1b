"""A cache of rendered phantoms: made once, in chunks, by as many processes as asked; resumable."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..data.geometry import Square
from ..progress import Progress
from .canvas import SIZE
from .generator import make_phantom
from .truth import Lesion, Truth

CHUNK = 250
MASK_GRID = 16


def lesion_grid(mask: np.ndarray) -> np.ndarray:
    """Share of each cell of a `MASK_GRID` x `MASK_GRID` grid that a mask covers, 8-bit."""
    cell = SIZE // MASK_GRID
    return (mask.reshape(MASK_GRID, cell, MASK_GRID, cell).mean((1, 3)) * 255).astype(np.uint8)


def truth_to_json(truth: Truth) -> dict:
    return asdict(truth)


def truth_from_json(value: dict) -> Truth:
    lesions = [
        Lesion(v["name"], v["side"], v["zone"], v["severity"], tuple(tuple(b) for b in v["boxes"]))
        for v in value["lesions"]
    ]
    anatomy = {name: tuple(box) for name, box in value["anatomy"].items()}
    return Truth(value["view"], value["sex"], value["age"], lesions, anatomy, value["source"])


def _make_chunk(job: tuple[int, int, Path]) -> Path:
    first, count, path = job
    pixels = np.zeros((count, SIZE, SIZE), np.uint8)
    truths, grids, squares = [], [], []
    for index in range(count):
        phantom = make_phantom(first + index)
        pixels[index] = np.round(phantom.pixels * 255)
        truths.append(truth_to_json(phantom.truth))
        squares.append((phantom.square.width, phantom.square.height))
        grids += [lesion_grid(mask)[None] for mask in phantom.masks]
    stacked = np.concatenate([np.zeros((0, MASK_GRID, MASK_GRID), np.uint8), *grids])
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, pixels=pixels, grids=stacked, squares=np.array(squares), truths=json.dumps(truths))
    partial.rename(path)
    return path


class PhantomSet:
    """Phantoms `first ..< first + count` by seed. `pixels`: `[count, SIZE, SIZE]` 8-bit; `grids[i]`: one
    `[MASK_GRID, MASK_GRID]` 8-bit cover per lesion of `truths[i]`."""

    def __init__(self, cache: Path, first: int, count: int, workers: int) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        jobs = []
        for start in range(first, first + count, CHUNK):
            size = min(CHUNK, first + count - start)
            jobs.append((start, size, cache / f"phantom-{start:08d}-{size}.npz"))
        missing = [job for job in jobs if not job[2].exists()]
        with Progress("phantoms", len(missing)) as progress, ProcessPoolExecutor(workers) as pool:
            for _ in pool.map(_make_chunk, missing):
                progress.advance()
        pixels: list[np.ndarray] = []
        self.truths: list[Truth] = []
        self.grids: list[list[np.ndarray]] = []
        self.squares: list[Square] = []
        for _, _, path in jobs:
            with np.load(path) as data:
                pixels.append(data["pixels"])
                rows = iter(data["grids"])
                self.squares += [Square(int(w), int(h)) for w, h in data["squares"]]
                for value in json.loads(str(data["truths"])):
                    truth = truth_from_json(value)
                    self.truths.append(truth)
                    self.grids.append([next(rows) for _ in truth.lesions])
        self.pixels = np.concatenate(pixels)

    def __len__(self) -> int:
        return len(self.truths)
