"""Box text, as RadVLM writes it: `[x1, y1, x2, y2]`, fractions of the padded square, rounded to two places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .data.geometry import Box

_NUMBER = r"(\d(?:\.\d+)?)"
_PATTERN = re.compile(r"\[\s*" + r"\s*,\s*".join([_NUMBER] * 4) + r"\s*\]")


def box_text(box: Box) -> str:
    """`(0.1, 0.555, 0.42, 0.861)` to `[0.1, 0.56, 0.42, 0.86]`."""
    return "[" + ", ".join(str(round(float(v), 2)) for v in box) + "]"


def boxes_text(boxes: Sequence[Box]) -> str:
    """Several boxes: joined by `, ` and, before the last, ` and `."""
    parts = [box_text(box) for box in boxes]
    return join_words(parts)


def join_words(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def parse_boxes(text: str) -> list[Box]:
    """All boxes in `text` that have an area, in their order."""
    found = []
    for match in _PATTERN.finditer(text):
        x1, y1, x2, y2 = (min(float(v), 1.0) for v in match.groups())
        if x2 > x1 and y2 > y1:
            found.append((x1, y1, x2, y2))
    return found
