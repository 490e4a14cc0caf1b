"""Both commands from end to end at the smallest size, on a data directory made of phantoms."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrtrain.config import TINY
from cxrtrain.evaluate.run import evaluate
from cxrtrain.labels import NIH_LABELS
from cxrtrain.phantom.generator import Plan, make_phantom
from cxrtrain.pipeline import train_all


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Sixty images in the form of the NIH directory, every second one healthy."""
    folder = tmp_path_factory.mktemp("nih")
    (folder / "images").mkdir()
    columns = [n.replace(" ", "_") for n in NIH_LABELS]
    with open(folder / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "filename",
                *columns,
                "no_finding",
                "patient_id",
                "view_position",
                "age",
                "sex",
                "orig_width",
                "orig_height",
            ]
        )
        for k in range(60):
            phantom = make_phantom(500 + k, Plan() if k % 2 else None)
            names = phantom.truth.names()
            Image.fromarray(np.round(phantom.pixels * 255).astype(np.uint8)).save(folder / "images" / f"{k}.jpg")
            found = [int(n in names) for n in NIH_LABELS]
            writer.writerow(
                [
                    f"{k}.jpg",
                    *found,
                    int(not any(found)),
                    k,
                    phantom.truth.view,
                    phantom.truth.age,
                    phantom.truth.sex,
                    2500,
                    2500,
                ]
            )
    for name in ("boxes.csv", "boxes_chestxdet10.csv"):
        (folder / name).write_text("filename,finding,x,y,w,h\n0.jpg,Mass,100,120,80,60\n")
    return folder


def test_training_and_evaluation_run_resume_and_describe_themselves(data: Path, tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "model"
    train_all(TINY, data, work, output, workers=1, with_ablations=True, device="cpu")
    first = (output / "model.safetensors").read_bytes()
    (work / "instruct.pt").unlink()  # as if the run had been stopped before the last stage
    train_all(TINY, data, work, output, workers=1, with_ablations=True, device="cpu")
    assert (output / "model.safetensors").read_bytes() == first

    evaluate(TINY, data, work, output, workers=1, synthesised_per_finding=1)
    result = json.loads((output / "evaluation.json").read_text())
    assert {
        "classification",
        "grounding",
        "reports",
        "questions",
        "conversation",
        "synthesis",
        "ablations",
    } <= result.keys()
    card = (output / "README.md").read_text()
    assert "Not for diagnosis" in card
    assert f"{result['classification']['macro_probe']['value']:.3f}" in card
    listed = {line.split("  ")[1] for line in (output / "SHA256SUMS").read_text().splitlines()}
    assert {"model.safetensors", "README.md", "evaluation.json", "synthesis.png", "parity/00.png"} <= listed
    entries = json.loads((output / "parity.json").read_text())
    assert len(entries) == 50 and all(len(e["texts"]) == 3 for e in entries)
