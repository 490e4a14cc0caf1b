"""Makes the fuzzer's first corpus: small files of each encoding, with sequences, private elements and fragments."""

import sys
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian,
    JPEG2000Lossless, UID)


def dataset() -> Dataset:
    """A small instance with one of everything."""
    item = Dataset()
    item.CodeValue = "399208008"
    item.CodingSchemeDesignator = "SCT"
    item.CodeMeaning = "Plain chest X-ray"
    outer = Dataset()
    outer.ReferencedSOPSequence = Sequence([item, Dataset()])
    result = Dataset()
    result.SpecificCharacterSet = ["ISO 2022 IR 6", "ISO 2022 IR 87"]
    result.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    result.SOPInstanceUID = "1.2.3.4"
    result.PatientName = "Yamada^Tarou"
    result.PixelSpacing = [0.1, 0.2]
    result.Rows, result.Columns = 2, 2
    result.BitsAllocated, result.BitsStored, result.HighBit = 8, 8, 7
    result.SamplesPerPixel, result.PixelRepresentation = 1, 0
    result.PhotometricInterpretation = "MONOCHROME2"
    result.ProcedureCodeSequence = Sequence([item])
    result.RequestAttributesSequence = Sequence([outer])
    result.private_block(0x0099, "CXR", create=True).add_new(1, "FD", 1.5)
    result.PixelData = b"\0\1\2\3"
    result["PixelData"].VR = "OB"
    return result


def main(directory: Path) -> None:
    """Writes one file per transfer syntax, and one without preamble."""
    directory.mkdir(parents=True, exist_ok=True)
    syntaxes = [
        ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian,
        JPEG2000Lossless, UID("1.2.840.10008.1.2.4.201")]
    for syntax in syntaxes:
        content = dataset()
        content.file_meta = FileMetaDataset()
        content.file_meta.TransferSyntaxUID = syntax
        if syntax not in syntaxes[:4]:
            content.PixelData = encapsulate([b"\xff\x4f\xff\x51", b"\1\2"])
            content["PixelData"].is_undefined_length = True
        path = directory / f"{syntax}.dcm"
        pydicom.dcmwrite(
            path, content, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian)
    bare = (directory / f"{ImplicitVRLittleEndian}.dcm").read_bytes()
    start = bare.find(b"\x08\x00\x05\x00")
    (directory / "bare.dcm").write_bytes(bare[start:])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
