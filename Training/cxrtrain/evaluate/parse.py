"""From a report back to structure, for counting agreements and errors. Knows the grammar of `text/`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..boxes import parse_boxes
from ..text.terms import NOUNS

_NEGATION = re.compile(r"\b(no|not|without|clear|normal|unremarkable|intact|sharp)\b")
_CHANGE = re.compile(r"\b(unchanged|stable|improved|worsened|increased|decreased|new|interval)\b")
_SEVERITY = {
    "small": "small",
    "mild": "small",
    "moderate": "moderate",
    "moderate-sized": "moderate",
    "large": "large",
    "severe": "large",
    "marked": "large",
}


@dataclass(frozen=True)
class Mention:
    """What one sentence says of a finding; empty strings where it says nothing."""

    name: str
    side: str
    zone: str
    severity: str


def names_in(text: str) -> list[str]:
    """Findings named in `text`, longest nouns first so that `lung mass` is not also a shorter noun's."""
    found = []
    for noun, name in sorted(
        ((n, name) for name, nouns in NOUNS.items() for n in nouns), key=lambda pair: -len(pair[0])
    ):
        pattern = re.compile(
            rf"\b{re.escape(noun)}(s|es)?\b|\b{re.escape(noun[:-1])}ies\b"
            if noun.endswith("y")
            else rf"\b{re.escape(noun)}(s|es)?\b"
        )
        if pattern.search(text):
            found.append(name)
            text = pattern.sub(" ", text)
    return found


def parse(report: str) -> tuple[list[Mention], bool]:
    """Findings that a report asserts, and whether it claims a change against a prior image."""
    mentions: dict[str, Mention] = {}
    plain = re.sub(r"\[[^\]]*\]", " ", report).lower()
    for text in re.split(r"[.;]\s*", plain):
        if not text.strip() or _NEGATION.search(text):
            continue
        sides = set(re.findall(r"\b(right|left)\b", text))
        side = "bilateral" if "bilateral" in text or "both" in text or len(sides) == 2 else sides.pop() if sides else ""
        zones = re.findall(r"\b(upper|mid|lower|perihilar)\b", text)
        severities = [value for word, value in _SEVERITY.items() if re.search(rf"\b{word}\b", text)]
        for name in names_in(text):
            mentions.setdefault(
                name, Mention(name, side, zones[0] if zones else "", severities[0] if severities else "")
            )
    return list(mentions.values()), bool(_CHANGE.search(plain)) and "comparison" not in plain


def located(report: str) -> list[tuple[str, list[tuple[float, float, float, float]]]]:
    """Findings with the boxes that follow them, of a grounded report or a detection answer."""
    out = []
    for text in re.split(r"(?<=\])[.;]\s*|(?<=[a-z])\.\s+", report):
        boxes = parse_boxes(text)
        names = names_in(re.sub(r"\[[^\]]*\]", " ", text).lower())
        if boxes and names:
            out.append((names[0], boxes))
    return out
