"""Writes one DX instance per compressed transfer syntax, with fragments that only a decoder could tell from an image.

usage: encapsulated.py DIRECTORY UID...
       encapsulated.py --replace FILE UID     gives an image such fragments instead of its pixels
"""

import sys
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, generate_uid


def main(directory: Path, syntaxes: list[str]) -> None:
    """Prints nothing; the files bear their SOP Instance UID."""
    for number, syntax in enumerate(syntaxes):
        instance = Dataset()
        instance.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        instance.SOPInstanceUID = generate_uid()
        instance.StudyInstanceUID = generate_uid()
        instance.SeriesInstanceUID = generate_uid()
        instance.PatientID = "T-1"
        instance.Rows, instance.Columns = 8, 8
        instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
        instance.BitsAllocated, instance.BitsStored, instance.HighBit, instance.PixelRepresentation = 16, 12, 11, 0
        instance.PixelData = encapsulate([bytes([number]) * 4000, bytes([255 - number]) * 2000])
        instance["PixelData"].VR = "OB"
        instance["PixelData"].is_undefined_length = True
        instance.file_meta = FileMetaDataset()
        instance.file_meta.TransferSyntaxUID = UID(syntax)
        pydicom.dcmwrite(
            directory / f"{instance.SOPInstanceUID}.dcm", instance, enforce_file_format=True, implicit_vr=False,
            little_endian=True)


def replace(path: Path, syntax: str) -> None:
    """The header stays, the pixels become fragments that no decoder takes."""
    instance = pydicom.dcmread(path)
    instance.PixelData = encapsulate([bytes(range(256)) * 16])
    instance["PixelData"].VR = "OB"
    instance["PixelData"].is_undefined_length = True
    instance.file_meta.TransferSyntaxUID = UID(syntax)
    pydicom.dcmwrite(path, instance, enforce_file_format=True, implicit_vr=False, little_endian=True)


if __name__ == "__main__":
    if sys.argv[1] == "--replace":
        replace(Path(sys.argv[2]), sys.argv[3])
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
