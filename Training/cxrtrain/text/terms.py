"""How findings are called. The first noun of each is canonical: lists, questions and box answers use it."""

from __future__ import annotations

NOUNS: dict[str, tuple[str, ...]] = {
    "Atelectasis": ("atelectasis", "atelectatic change", "subsegmental atelectasis"),
    "Cardiomegaly": ("cardiomegaly", "enlarged cardiac silhouette", "cardiac enlargement"),
    "Effusion": ("pleural effusion", "pleural fluid"),
    "Infiltration": ("infiltration", "pulmonary infiltrate"),
    "Mass": ("mass", "lung mass", "mass lesion"),
    "Nodule": ("nodule", "pulmonary nodule", "nodular opacity"),
    "Pneumonia": ("pneumonia", "pneumonic opacity"),
    "Pneumothorax": ("pneumothorax",),
    "Consolidation": ("consolidation", "airspace consolidation", "consolidative opacity"),
    "Edema": ("pulmonary edema", "interstitial edema"),
    "Emphysema": ("emphysema", "emphysematous change", "hyperinflation"),
    "Fibrosis": ("fibrosis", "fibrotic change"),
    "Pleural Thickening": ("pleural thickening",),
    "Hernia": ("hiatal hernia", "hiatus hernia"),
    "Lung Opacity": ("lung opacity", "hazy opacity", "ill-defined opacity"),
    "Fracture": ("rib fracture", "displaced rib fracture"),
    "Pneumoperitoneum": ("pneumoperitoneum", "free subdiaphragmatic gas"),
    "Endotracheal Tube": ("endotracheal tube",),
    "Central Line": ("central line", "central venous catheter"),
    "Feeding Tube": ("feeding tube", "enteric tube"),
    "Pacemaker": ("pacemaker", "cardiac pacemaker"),
}

# Nouns that take no article.
UNCOUNTED = {
    "atelectasis",
    "subsegmental atelectasis",
    "cardiomegaly",
    "cardiac enlargement",
    "pleural fluid",
    "infiltration",
    "pneumonia",
    "consolidation",
    "airspace consolidation",
    "pulmonary edema",
    "interstitial edema",
    "emphysema",
    "hyperinflation",
    "fibrosis",
    "pleural thickening",
    "pneumoperitoneum",
    "free subdiaphragmatic gas",
}

SEVERITY_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "size": {"small": ("small",), "moderate": ("moderate", "moderate-sized"), "large": ("large",)},
    "degree": {"small": ("mild",), "moderate": ("moderate",), "large": ("severe", "marked")},
}
SIZED = {"Effusion", "Pneumothorax", "Mass", "Hernia", "Pneumoperitoneum"}

NORMAL: dict[str, tuple[str, ...]] = {
    "lungs": (
        "The lungs are clear.",
        "Both lungs are clear.",
        "No focal lung lesion is seen.",
        "The lung fields are clear.",
    ),
    "pleura": (
        "No pleural effusion or pneumothorax.",
        "There is no pleural effusion or pneumothorax.",
        "The pleural spaces are clear.",
        "The costophrenic angles are sharp.",
    ),
    "heart": (
        "The heart size is normal.",
        "The cardiac silhouette is of normal size.",
        "Heart size is within normal limits.",
        "The cardiomediastinal silhouette is unremarkable.",
    ),
    "bones": (
        "No acute bony abnormality.",
        "The visible skeleton is intact.",
        "The osseous structures are unremarkable.",
    ),
    "abdomen": ("No free gas under the diaphragm.", "There is no free subdiaphragmatic gas."),
}
COMPARISON = (
    "No prior image is available for comparison.",
    "Comparison: none available.",
    "No previous study is available.",
)
IMPRESSION_NORMAL = (
    "No acute cardiopulmonary abnormality.",
    "Normal chest radiograph.",
    "No acute abnormality is seen.",
)

SYSTEM_OF: dict[str, str] = {
    "Atelectasis": "lungs",
    "Infiltration": "lungs",
    "Mass": "lungs",
    "Nodule": "lungs",
    "Pneumonia": "lungs",
    "Consolidation": "lungs",
    "Edema": "lungs",
    "Emphysema": "lungs",
    "Fibrosis": "lungs",
    "Lung Opacity": "lungs",
    "Effusion": "pleura",
    "Pneumothorax": "pleura",
    "Pleural Thickening": "pleura",
    "Cardiomegaly": "heart",
    "Hernia": "heart",
    "Fracture": "bones",
    "Pneumoperitoneum": "abdomen",
}
SYSTEMS = ("lungs", "pleura", "heart", "bones", "abdomen")

ANATOMY = (
    "right lung",
    "left lung",
    "heart",
    "right upper lung zone",
    "right mid lung zone",
    "right lower lung zone",
    "left upper lung zone",
    "left mid lung zone",
    "left lower lung zone",
    "right hemidiaphragm",
    "left hemidiaphragm",
)


def canonical(name: str) -> str:
    return NOUNS[name][0]


def with_article(noun: str) -> str:
    """`a mass`, `an ill-defined opacity`, `consolidation`."""
    if noun.split(" ", 1)[-1] in UNCOUNTED or noun in UNCOUNTED:
        return noun
    return ("an " if noun[0] in "aeiou" else "a ") + noun
