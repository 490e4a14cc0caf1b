"""Questions and answers about one image, alone and in conversation."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..boxes import boxes_text, join_words
from ..labels import DEVICES, INDEX, NIH_LABELS, PHANTOM_LABELS, UNKNOWN_IN_PHANTOM
from ..phantom.truth import Truth
from . import prompts
from .grammar import Finding, findings, report, sentence, severity_word
from .terms import ANATOMY, COMPARISON, canonical, with_article


@dataclass(frozen=True)
class Turn:
    """`kind` names the task or question type; `key` is what a scorer compares (empty where text is compared)."""

    question: str
    answer: str
    kind: str
    key: str = ""


ASKABLE = tuple(n for n in (*NIH_LABELS, "Lung Opacity", *PHANTOM_LABELS) if n != "Support Devices")
# What phantoms do not draw cannot be denied of them.
PHANTOM_ASKABLE = tuple(n for n in ASKABLE if n not in UNKNOWN_IN_PHANTOM)
# Nor can devices and fractures be denied of the real patients that lesions are pasted into.
PASTED_ASKABLE = tuple(n for n in PHANTOM_ASKABLE if n not in PHANTOM_LABELS)
_ASKABLE = {"real": NIH_LABELS, "pasted": PASTED_ASKABLE, "phantom": PHANTOM_ASKABLE}

PRESENCE = ("Is there {}?", "Is there evidence of {}?", "Does this image show {}?", "Can you see {}?")


def askable(truth: Truth) -> tuple[str, ...]:
    """Findings whose presence and absence are known."""
    return _ASKABLE[truth.source]


def presence(truth: Truth, rng: random.Random) -> Turn:
    """Yes and no are equally likely, so that the question alone tells nothing."""
    names = [n for n in askable(truth) if n in truth.names()]
    positive = bool(names) and rng.random() < 0.5
    absent = [
        n
        for n in askable(truth)
        if n not in truth.names() and not (n == "Lung Opacity" and truth.label_vector()[INDEX["Lung Opacity"]] == 1)
    ]
    name = rng.choice(names if positive else absent)
    question = rng.choice(PRESENCE).format(with_article(canonical(name)))
    if positive:
        found = next(f for f in findings(truth) if f.name == name)
        return Turn(question, "Yes. " + sentence(found, None), "presence", "yes")
    return Turn(question, f"No, there is no {canonical(name)}.", "presence", "no")


def side(found: Finding) -> Turn:
    noun = canonical(found.name)
    answer = f"The {noun} is on the {found.side}." if found.side != "bilateral" else f"The {noun} is bilateral."
    return Turn(f"On which side is the {noun}?", answer, "side", found.side)


def zone(found: Finding) -> Turn:
    return Turn(
        f"In which lung zone is the {canonical(found.name)}?", f"It is in the {found.zone} zone.", "zone", found.zone
    )


def severity(found: Finding) -> Turn:
    word = severity_word(found, None)
    return Turn(f"How severe is the {canonical(found.name)}?", f"It is {word}.", "severity", word)


def view(truth: Truth) -> Turn:
    answer = "This is an AP view." if truth.view == "AP" else "This is a PA view."
    return Turn("Is this an AP or a PA view?", answer, "view", truth.view)


def devices(truth: Truth) -> Turn:
    names = [canonical(n) for n in DEVICES if n in truth.names()]
    answer = f"The following devices are visible: {join_words(names)}." if names else "No device is visible."
    return Turn("Which devices are visible?", answer, "devices", ",".join(names) or "none")


def heart(truth: Truth) -> Turn:
    enlarged = "Cardiomegaly" in truth.names()
    return Turn(
        "Is the heart enlarged?",
        "Yes, the heart is enlarged." if enlarged else "No, the heart size is normal.",
        "heart",
        "yes" if enlarged else "no",
    )


def change(rng: random.Random) -> Turn:
    return Turn(
        rng.choice(("Has it changed since the last study?", "Is this new compared with the prior image?")),
        COMPARISON[0],
        "comparison",
        "none",
    )


def classification(truth: Truth, rng: random.Random) -> Turn:
    names = [canonical(f.name) for f in _unique(findings(truth))]
    answer = f"The following abnormalities are present: {join_words(names)}." if names else "No abnormality is present."
    return Turn(rng.choice(prompts.CLASSIFY), answer, "classification", ",".join(names))


def _unique(found: list[Finding]) -> list[Finding]:
    seen: dict[str, Finding] = {}
    for f in found:
        if f.name not in DEVICES:
            seen.setdefault(f.name, f)
    return list(seen.values())


def locate_finding(found: Finding, rng: random.Random) -> Turn:
    noun = canonical(found.name)
    return Turn(
        rng.choice(prompts.REGION).format(noun),
        f"The {noun} is located at the coordinates {boxes_text(found.boxes)} on the image.",
        "finding grounding",
        found.name,
    )


def locate_absent(truth: Truth, rng: random.Random) -> Turn:
    name = rng.choice([n for n in askable(truth) if n not in truth.names()])
    noun = canonical(name)
    return Turn(rng.choice(prompts.REGION).format(noun), f"There is no {noun} on the image.", "absent grounding", name)


def locate_anatomy(truth: Truth, rng: random.Random) -> Turn:
    name = rng.choice([n for n in ANATOMY if n in truth.anatomy])
    return Turn(
        rng.choice(prompts.REGION).format(name),
        f"The {name} is located at the coordinates {boxes_text([truth.anatomy[name]])} on the image.",
        "anatomy grounding",
        name,
    )


def locate_phrase(found: Finding, rng: random.Random) -> Turn:
    return Turn(
        rng.choice(prompts.PHRASE).format(sentence(found, rng)),
        f"The sentence is located at the coordinates {boxes_text(found.boxes)} on the image.",
        "phrase grounding",
        found.name,
    )


def detection(truth: Truth, rng: random.Random) -> Turn:
    parts = [f"{canonical(f.name)} {boxes_text(f.boxes)}" for f in findings(truth) if f.boxes]
    answer = "; ".join(parts) + "." if parts else "No abnormality is present."
    return Turn(rng.choice(prompts.DETECT), answer, "detection")


def report_turn(truth: Truth, rng: random.Random, boxes: bool = False) -> Turn:
    if boxes:
        return Turn(rng.choice(prompts.GROUNDED_REPORT), report(truth, rng, boxes=True), "grounded report")
    if rng.random() < 0.25:
        return Turn(prompts.INDICATION.format(rng.choice(prompts.INDICATIONS)), report(truth, rng), "report")
    return Turn(rng.choice(prompts.REPORT), report(truth, rng), "report")


def question(truth: Truth, rng: random.Random) -> Turn:
    """One question of a random type that the truth can answer."""
    found = [f for f in findings(truth) if f.name not in DEVICES]
    options = ["presence", "presence", "presence", "view", "heart", "classification"]
    if truth.source == "phantom":
        options += ["devices"]
    options += ["side"] * 2 * any(f.side for f in found) + ["zone"] * any(
        f.zone in ("upper", "mid", "lower") for f in found
    )
    options += ["severity"] * any(f.severity for f in found)
    kind = rng.choice(options)
    if kind == "presence":
        return presence(truth, rng)
    if kind == "side":
        return side(rng.choice([f for f in found if f.side]))
    if kind == "zone":
        return zone(rng.choice([f for f in found if f.zone in ("upper", "mid", "lower")]))
    if kind == "severity":
        return severity(rng.choice([f for f in found if f.severity]))
    if kind == "classification":
        return classification(truth, rng)
    return {"view": view, "heart": heart, "devices": devices}[kind](truth)


def conversation(truth: Truth, rng: random.Random) -> list[Turn]:
    """Two to four turns on one image; later turns follow what the first one said."""
    turns = [report_turn(truth, rng) if rng.random() < 0.4 else classification(truth, rng)]
    found = [f for f in findings(truth) if f.name not in DEVICES]
    if found:
        one = rng.choice(found)
        if one.side and one.side != "bilateral":
            turns.append(side(one))
        if one.boxes and rng.random() < 0.6:
            turns.append(locate_finding(one, rng))
        if one.severity and rng.random() < 0.5:
            turns.append(severity(one))
    turns.append(change(rng) if rng.random() < 0.3 else question(truth, rng))
    return turns[:4]


def grounding(truth: Truth, rng: random.Random) -> Turn:
    """One grounding task: a finding, a phrase, anatomy, everything, or something that is not there."""
    found = [f for f in findings(truth) if f.boxes]
    options = ["anatomy"] * bool(truth.anatomy) + ["absent"]
    if truth.source != "real":
        options += ["detect"]
    options += (["finding"] * 4 + ["phrase"] * 2) * bool(found)
    kind = rng.choice(options)
    if kind == "finding":
        return locate_finding(rng.choice(found), rng)
    if kind == "phrase":
        return locate_phrase(rng.choice(found), rng)
    if kind == "anatomy":
        return locate_anatomy(truth, rng)
    return detection(truth, rng) if kind == "detect" else locate_absent(truth, rng)
