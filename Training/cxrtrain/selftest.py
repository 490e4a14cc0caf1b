"""Names the shipped model, and chooses what the gateway tests it with.

The gateway's own program draws and reads, through DICOM and its preprocessing: a description and seed are chosen whose
image the same model reads as it was described, while it does not find the same in a drawn image of a normal chest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from .export import write_digests, write_json

ROOT = Path(__file__).resolve().parents[2]
NAME = "CXRGateway reference model"
MANUFACTURER = "CXRGateway project"

# What phantoms of these descriptions show is large; key and side of the finding are the gateway's.
CANDIDATES = (
    ("PA view, large right pleural effusion", "pleural_effusion", "right"),
    ("PA view, large left pleural effusion", "pleural_effusion", "left"),
    ("PA view, cardiomegaly", "cardiomegaly", None),
    ("PA view, large right pneumothorax", "pneumothorax", "right"),
    ("AP view, large left consolidation", "consolidation", "left"),
)
NORMAL = "PA view, no abnormality"


def present(program: Path, model: Path, description: str, seed: int) -> list[dict]:
    """The findings that an image drawn from the description is read as having."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "drawn.dcm"
        drawn = subprocess.run(
            [program, "synthesize", description, "--seed", str(seed), "-o", image, "--model", model],
            capture_output=True,
            text=True,
        )
        if drawn.returncode != 0:
            raise SystemExit(f"cannot draw: {drawn.stderr.strip()}")
        read = subprocess.run(
            [program, "read", image, "--model", model, "--format", "json"], capture_output=True, text=True
        )
        studies = json.loads(read.stdout)["studies"] if read.stdout else []
    findings = [found for study in studies for found in (study.get("reading") or {}).get("findings", [])]
    return [found for found in findings if found["polarity"] == "present"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "Models" / "reference")
    parser.add_argument("--program", type=Path, default=ROOT / ".build" / "release" / "cxrgate")
    parser.add_argument("--version", required=True, help="what the model's results call it, such as 1.0")
    parser.add_argument("--seeds", type=int, default=20, help="seeds tried per description")
    options = parser.parse_args()
    card = {"name": NAME, "version": options.version, "manufacturer": MANUFACTURER}
    write_json(options.model / "cxrgate.json", card)
    write_digests(options.model)
    for description, finding, side in CANDIDATES:
        for seed in range(1, options.seeds + 1):
            told = present(options.program, options.model, description, seed)
            keys = [found["concept"] for found in told]
            print(f"{description}, seed {seed}: {', '.join(keys) or 'nothing'}", flush=True)
            # The finding alone, where it was asked for.
            if keys != [finding] or told[0].get("laterality") != side or not told[0].get("regions"):
                continue
            # A model that says the same of every image would pass without looking.
            if not any(v["concept"] == finding for v in present(options.program, options.model, NORMAL, seed)):
                card["selfTest"] = {"description": description, "seed": seed, "finding": finding}
                write_json(options.model / "cxrgate.json", card)
                write_digests(options.model)
                return
    raise SystemExit("no drawing is read as it was described: the model has no self-test")
