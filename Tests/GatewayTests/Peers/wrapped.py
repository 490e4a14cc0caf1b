"""Wraps real radiographs of the shared data as DX images For Presentation, as a modality would send them.

usage: wrapped.py SHARED-DIRECTORY OUTPUT-DIRECTORY COUNT SEED

Adults only; prints one JSON object per image: path, study, sopInstance, name of the picture. Nothing of the shared data
stays behind: the output is a scratch directory of a test.
"""

import csv
import json
import random
import sys
from pathlib import Path

import numpy
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


def code(value, meaning):
    """An item of a code sequence in SNOMED CT."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def wrap(picture, row, output):
    """Writes one image."""
    pixels = numpy.asarray(Image.open(picture).convert("L"))
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 100"
    image.ImageType = ["ORIGINAL", "PRIMARY", ""]
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", generate_uid(None)
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(None), generate_uid(None)
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20260302"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "101500"
    image.AccessionNumber, image.StudyID = f"A{random.randrange(10**8)}", "1"
    image.Modality, image.PresentationIntentType, image.Manufacturer = "DX", "FOR PRESENTATION", "Wrapped"
    image.ReferringPhysicianName = ""
    image.StudyDescription = "Chest"
    image.PatientName, image.PatientID = f"Real^{row['patient_id']}", f"NIH{row['patient_id']}"
    image.PatientBirthDate, image.PatientSex = "", row["sex"]
    image.PatientAge = f"{int(row['age']):03d}Y"
    image.BodyPartExamined, image.ViewPosition = "CHEST", row["view_position"]
    is_pa = row["view_position"] == "PA"
    image.AnatomicRegionSequence = [code("816094009", "Chest")]
    view = code("272479007" if is_pa else "399348003", "postero-anterior" if is_pa else "antero-posterior")
    view.ViewModifierCodeSequence = []
    image.ViewCodeSequence = [view]
    image.AcquisitionContextSequence = []
    image.SeriesNumber = image.InstanceNumber = 1
    image.PatientOrientation, image.ImageLaterality = ["L" if is_pa else "R", "F"], "U"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = pixels.shape
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    scale = int(row["orig_width"]) / pixels.shape[1]
    image.ImagerPixelSpacing = [round(float(row["orig_pixel_spacing_x"]) * scale, 4)] * 2
    image.DetectorType, image.PositionerType = "DIRECT", "NONE"
    image.BurnedInAnnotation, image.LossyImageCompression = "NO", "01"
    image.PixelIntensityRelationship, image.PixelIntensityRelationshipSign = "LOG", -1
    image.WindowCenter, image.WindowWidth = 128, 256
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "US"
    image.PresentationLUTShape = "IDENTITY"
    image.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
    image["PixelData"].VR = "OB"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = output / f"{image.SOPInstanceUID}.dcm"
    pydicom.dcmwrite(path, image, enforce_file_format=True)
    print(
        json.dumps(
            {
                "path": str(path), "study": image.StudyInstanceUID, "sopInstance": image.SOPInstanceUID,
                "picture": picture.name,
            }))


def main():
    """Wraps COUNT images drawn with the seed."""
    shared, output, count, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    random.seed(seed)
    with open(shared / "data/nih/labels.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if 18 <= int(row["age"]) <= 100]
    for row in random.choices(rows, k=count):
        wrap(shared / "data/nih/images" / row["filename"], row, output)


if __name__ == "__main__":
    main()
