"""Wraps the NIH radiographs as DX objects (JPEG Baseline, the files' own bytes), as a sender would deliver them.

Usage: wrap_nih.py DATA/nih OUTPUT_DIR
"""

import csv
import pathlib
import sys

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, generate_uid

source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir(parents=True, exist_ok=True)
with open(source / "labels.csv", newline="") as table:
    for row in csv.DictReader(table):
        dataset = Dataset()
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[row["filename"]])
        dataset.Modality = "DX"
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.PatientID = row["patient_id"]
        dataset.PatientAge = f"{int(float(row['age'])):03d}Y"
        dataset.BodyPartExamined = "CHEST"
        dataset.ViewPosition = row["view_position"]
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.Rows = dataset.Columns = 512
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        dataset.PixelRepresentation = 0
        dataset.PixelData = encapsulate([(source / "images" / row["filename"]).read_bytes()])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        name = pathlib.Path(row["filename"]).with_suffix(".dcm").name
        dataset.save_as(target / name, enforce_file_format=True)
