"""What is known exactly about a phantom or a pasted lesion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..data.geometry import Box
from ..labels import DEVICES, INDEX, LABELS, OPACITIES, PHANTOM_LABELS, UNKNOWN_IN_PHANTOM

SEVERITIES = ("small", "moderate", "large")


@dataclass(frozen=True)
class Lesion:
    """One finding. `side`: `right`, `left`, `bilateral` or empty (midline); `zone`: `upper`, `mid`, `lower`,
    `perihilar`, or empty; `boxes`: fractions of the padded square, one per connected part."""

    name: str
    side: str = ""
    zone: str = ""
    severity: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass
class Truth:
    """Everything a report, an answer or a box can be asked about."""

    view: str = "PA"
    sex: str = "M"
    age: int = 50
    lesions: list[Lesion] = field(default_factory=list)
    anatomy: dict[str, Box] = field(default_factory=dict)
    source: str = "phantom"  # phantom, pasted or real

    def names(self) -> set[str]:
        return {lesion.name for lesion in self.lesions}

    def label_vector(self) -> np.ndarray:
        """`[len(LABELS)]`: 0, 1, or NaN where a phantom has no say."""
        values = np.zeros(len(LABELS), np.float32)
        names = self.names()
        for name in names:
            values[INDEX[name]] = 1
        values[INDEX["Lung Opacity"]] = float(bool(names & ({"Lung Opacity"} | set(OPACITIES))))
        values[INDEX["Support Devices"]] = float(bool(names & set(DEVICES)))
        values[INDEX["No Finding"]] = float(not (names - set(DEVICES)))
        for name in UNKNOWN_IN_PHANTOM:
            values[INDEX[name]] = np.nan
        if self.source == "pasted":  # the patient below may carry devices or fractures that NIH does not label
            for name in PHANTOM_LABELS:
                if values[INDEX[name]] == 0:
                    values[INDEX[name]] = np.nan
        return values
