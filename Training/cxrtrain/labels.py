"""The labels of the classification head, in their order in `classifier.weight`."""

NIH_LABELS: tuple[str, ...] = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural Thickening",
    "Hernia",
)

# Known for real images (derived from the NIH labels) and for phantoms.
DERIVED_LABELS: tuple[str, ...] = ("Lung Opacity", "No Finding")

# Known for phantoms only: NIH does not label them.
PHANTOM_LABELS: tuple[str, ...] = (
    "Fracture",
    "Pneumoperitoneum",
    "Support Devices",
    "Endotracheal Tube",
    "Central Line",
    "Feeding Tube",
    "Pacemaker",
)

LABELS: tuple[str, ...] = NIH_LABELS + DERIVED_LABELS + PHANTOM_LABELS
INDEX: dict[str, int] = {name: i for i, name in enumerate(LABELS)}

DEVICES: tuple[str, ...] = ("Endotracheal Tube", "Central Line", "Feeding Tube", "Pacemaker")

# Labels whose presence makes the umbrella "Lung Opacity" true.
OPACITIES: tuple[str, ...] = (
    "Atelectasis",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Consolidation",
    "Edema",
)

# Infiltration, Pneumonia, Fibrosis and Pleural Thickening are not drawn by the phantom: a phantom says nothing about them.
UNKNOWN_IN_PHANTOM: tuple[str, ...] = ("Infiltration", "Pneumonia", "Fibrosis", "Pleural Thickening")


def evidence(label: str) -> str:
    """`real` for labels measured on radiographs, `phantom` for those that only phantoms show."""
    return "phantom" if label in PHANTOM_LABELS else "real"
