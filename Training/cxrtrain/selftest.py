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

# What phantoms of these descriptions show is large; the key is the finding's in the gateway's terminology.
CANDIDATES = (
    ("PA view, large right pleural effusion", "pleural_effusion"),
    ("PA view, large left pleural effusion", "pleural_effusion"),
    ("PA view, cardiomegaly", "cardiomegaly"),
    ("PA view, large right pneumothorax", "pneumothorax"),
    ("AP view, large left consolidation", "consolidation"),
)
NORMAL = "PA view, no abnormality"


def finds(program: Path, model: Path, description: str, seed: int, finding: str) -> bool:
    """Whether an image drawn from the description is read as having the finding, with a region."""
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
    for study in studies:
        for found in (study.get("reading") or {}).get("findings", []):
            if found["concept"] == finding and found["polarity"] == "present" and found.get("regions"):
                return True
    return False


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
    for description, finding in CANDIDATES:
        for seed in range(1, options.seeds + 1):
            found = finds(options.program, options.model, description, seed, finding)
            print(f"{description}, seed {seed}: {'found' if found else 'not found'}", flush=True)
            # A model that says the same of every image would pass without looking.
            if found and not finds(options.program, options.model, NORMAL, seed, finding):
                card["selfTest"] = {"description": description, "seed": seed, "finding": finding}
                write_json(options.model / "cxrgate.json", card)
                write_digests(options.model)
                return
    raise SystemExit("no drawing is read as it was described: the model has no self-test")
