"""Sentences and reports from structured truth."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..boxes import boxes_text
from ..data.geometry import Box
from ..labels import DEVICES
from ..phantom.truth import Lesion, Truth
from .terms import (
    COMPARISON,
    IMPRESSION_NORMAL,
    NORMAL,
    NOUNS,
    SEVERITY_WORDS,
    SIZED,
    SYSTEM_OF,
    SYSTEMS,
    canonical,
    with_article,
)


@dataclass(frozen=True)
class Finding:
    """Lesions of one name and one side, told in one sentence. `count` is the number of lesions."""

    name: str
    side: str
    zone: str
    severity: str
    boxes: tuple[Box, ...]
    count: int


def findings(truth: Truth) -> list[Finding]:
    """Lesions grouped for telling: right and left of the same name become bilateral, the rest stays apart."""
    groups: dict[tuple[str, str], list[Lesion]] = {}
    for lesion in truth.lesions:
        groups.setdefault((lesion.name, lesion.side), []).append(lesion)
    told: list[Finding] = []
    done: set[tuple[str, str]] = set()
    for (name, side), lesions in groups.items():
        if (name, side) in done:
            continue
        other = (name, "left" if side == "right" else "right")
        if side in ("right", "left") and other in groups and name not in ("Central Line", "Pacemaker"):
            lesions = lesions + groups[other]
            done.add(other)
            side = "bilateral"
        zones, severities = {v.zone for v in lesions}, {v.severity for v in lesions}
        told.append(
            Finding(
                name=name,
                side=side,
                zone=zones.pop() if len(zones) == 1 else "",
                severity=severities.pop() if len(severities) == 1 else "",
                boxes=tuple(sorted((box for v in lesions for box in v.boxes), key=lambda b: b[0])),
                count=len(lesions),
            )
        )
    return sorted(told, key=lambda f: (SYSTEMS.index(SYSTEM_OF[f.name]) if f.name in SYSTEM_OF else -1, f.name))


def severity_word(finding: Finding, rng: random.Random | None) -> str:
    """`moderate`, `severe`...; empty where the truth knows none. Without `rng` the first word."""
    if not finding.severity:
        return ""
    words = SEVERITY_WORDS["size" if finding.name in SIZED else "degree"][finding.severity]
    return rng.choice(words) if rng else words[0]


def noun_phrase(finding: Finding, rng: random.Random | None) -> str:
    """`moderate right pleural effusion`, `bilateral nodules`, without article. Without `rng`: canonical wording."""
    noun = rng.choice(NOUNS[finding.name]) if rng else canonical(finding.name)
    if (
        finding.count > 1
        and finding.side == "bilateral"
        and finding.name in ("Nodule", "Effusion", "Mass", "Lung Opacity")
    ):
        noun = _plural(noun)
    words = [
        severity_word(finding, rng),
        finding.side if finding.zone == "" or finding.side == "bilateral" else "",
        noun,
    ]
    return " ".join(w for w in words if w)


def _plural(noun: str) -> str:
    if noun == "pleural fluid":
        return noun
    if noun.endswith("y"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith("s") else "s")


def place_phrase(finding: Finding) -> str:
    """`in the right upper lung zone`; empty where no place need be named."""
    if finding.zone == "perihilar":
        return "in a perihilar distribution"
    if not finding.zone:
        return ""
    if finding.side == "bilateral":
        return f"in both {finding.zone} lung zones"
    return f"in the {finding.side} {finding.zone} lung zone" if finding.side else f"in the {finding.zone} lung zone"


def _article(phrase: str, finding: Finding) -> str:
    if finding.side == "bilateral" or finding.count > 1:
        return phrase
    last = next((noun for noun in NOUNS[finding.name] if phrase.endswith(noun)), phrase)
    if with_article(last) == last:
        return phrase
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def sentence(finding: Finding, rng: random.Random | None, boxes: bool = False) -> str:
    """One sentence on a finding; `boxes` puts its boxes before the full stop. Without `rng`: canonical wording."""
    phrase = noun_phrase(finding, rng)
    where = place_phrase(finding)
    body = f"{phrase} {where}".strip()
    articled = f"{_article(phrase, finding)} {where}".strip()
    if finding.name in DEVICES:
        forms = [
            f"{articled[0].upper()}{articled[1:]} is in place",
            f"There is {articled}",
            f"{articled[0].upper()}{articled[1:]} is seen",
        ]
    else:
        verb = "are" if finding.count > 1 and phrase.endswith("s") and finding.side == "bilateral" else "is"
        forms = [
            f"There {verb} {articled}",
            f"{body[0].upper()}{body[1:]}",
            f"{articled[0].upper()}{articled[1:]} {verb} seen",
            f"{articled[0].upper()}{articled[1:]} {verb} present",
        ]
        if finding.severity == "small" or finding.name in ("Pneumonia", "Infiltration"):
            forms += [f"Possible {body}", f"{body[0].upper()}{body[1:]} {verb} suspected"]
    text = rng.choice(forms) if rng else forms[0]
    if boxes and finding.boxes:
        text += " " + boxes_text(finding.boxes)
    return text + "."


def report(truth: Truth, rng: random.Random, boxes: bool = False) -> str:
    """A findings report: devices, then lungs, pleura, heart, bones, abdomen, with the normal systems named."""
    told = findings(truth)
    sentences = [sentence(f, rng, boxes) for f in told if f.name in DEVICES]
    affected = {SYSTEM_OF[f.name] for f in told if f.name in SYSTEM_OF}
    for system in SYSTEMS:
        own = [f for f in told if SYSTEM_OF.get(f.name) == system]
        sentences += [sentence(f, rng, boxes) for f in own]
        if not own:
            optional = system in ("bones", "abdomen")
            # Nobody has looked at the bones and the abdomen of real patients for us.
            if not optional or (truth.source != "real" and rng.random() < 0.4):
                sentences.append(rng.choice(NORMAL[system]))
        elif system == "pleura" and len(own) == 1 and own[0].name in ("Effusion", "Pneumothorax"):
            other = "pneumothorax" if own[0].name == "Effusion" else "pleural effusion"
            sentences.append(rng.choice((f"No {other}.", f"There is no {other}.")))
    if rng.random() < 0.2:
        sentences.append(rng.choice(COMPARISON))
    if not affected and rng.random() < 0.5:
        sentences.append(rng.choice(IMPRESSION_NORMAL))
    return " ".join(sentences)


def description(truth: Truth, rng: random.Random) -> str:
    """The condition of synthesis: `AP view, moderate right pleural effusion, cardiomegaly`."""
    parts = [f"{truth.view} view"]
    for finding in findings(truth):
        parts.append(f"{noun_phrase(finding, rng)} {place_phrase(finding)}".strip())
    if len(parts) == 1:
        parts.append(rng.choice(("no abnormality", "normal chest", "clear lungs and normal heart size")))
    return ", ".join(parts)
