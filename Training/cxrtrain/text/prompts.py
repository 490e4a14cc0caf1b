"""Prompt families: RadVLM's tasks, with the canonical wording of each first."""

from __future__ import annotations

REPORT = (
    "Provide a radiology report for this Chest X-Ray.",
    "Write a radiology report for this Chest X-Ray.",
    "Generate a radiology report for this image.",
    "Describe the findings in this Chest X-Ray.",
    "Provide a detailed description of this Chest X-ray.",
)
INDICATION = "Provide a radiology report for this Chest X-Ray. Indication: {}"
GROUNDED_REPORT = (
    "Provide a radiology report for this Chest X-Ray with the location of each finding.",
    "Write a grounded radiology report for this Chest X-Ray.",
)
CLASSIFY = (
    "List all abnormalities in this Chest X-Ray.",
    "Which abnormalities are present in this Chest X-Ray?",
    "What are the abnormalities in this image?",
    "Provide a list of all the abnormalities that you see in this Chest X-ray.",
)
REGION = (
    "Where is the {} located in this Chest X-ray?",
    "Locate the {} in this Chest X-ray.",
    "Give the bounding box of the {}.",
    "Please provide the coordinates of the {} on the image.",
)
PHRASE = (
    "Please locate the following sentence: {}",
    "Where is the following finding located: {}",
)
DETECT = (
    "Detect all abnormalities in this Chest X-ray and give their locations.",
    "Find every abnormality in this image and give its bounding box.",
)
SYNTHESIZE = "Generate a chest X-ray: {}"
SYNTHESIZE_UNCONDITIONAL = "Generate a chest X-ray."

INDICATIONS = (
    "cough",
    "shortness of breath",
    "chest pain",
    "fever",
    "follow-up",
    "pre-operative assessment",
    "trauma",
    "tube placement",
    "weight loss",
    "hypoxia",
)
