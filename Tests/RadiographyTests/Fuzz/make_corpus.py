"""Writes the fuzzer's first inputs: one small frame of each codec, and one whole file.

Usage: make_corpus.py DIRECTORY
"""

import io
import pathlib
import sys

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import ExplicitVRLittleEndian

target = pathlib.Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
rows, columns = 24, 20
ramp = np.add.outer(np.arange(rows) * 5, np.arange(columns) * 3) + np.random.default_rng(1).integers(0, 9, (rows, columns))
gray8 = ramp.astype(np.uint8)
gray12 = (ramp * 16).clip(0, 4095).astype(np.uint16)
rgb = np.stack([gray8, 255 - gray8, gray8 // 2], axis=-1)


def write(name, kind, bits, stored, flags, stream):
    header = bytes([kind, rows - 1, columns - 1, bits // 8 - 1, stored - 1, flags])
    (target / name).write_bytes(header + bytes(stream))


def rle(array, bits):
    return RLELosslessEncoder.encode(
        array.tobytes(), rows=rows, columns=columns, samples_per_pixel=1, number_of_frames=1, bits_allocated=bits,
        bits_stored=bits, pixel_representation=0, photometric_interpretation="MONOCHROME2", index=0)


write("jpeg8", 0, 8, 8, 0, imagecodecs.jpeg8_encode(gray8))
write("jpeg8-rgb", 0, 8, 8, 1, imagecodecs.jpeg8_encode(rgb))
write("jpeg-lossless", 2, 16, 12, 0, imagecodecs.ljpeg_encode(gray12, bitspersample=12))
write("jpeg-lossless-sv1", 3, 8, 8, 0, imagecodecs.ljpeg_encode(gray8, bitspersample=8))
write("jpegls", 4, 16, 12, 0, imagecodecs.jpegls_encode(gray12))
write("jpegls-near", 5, 8, 8, 0, imagecodecs.jpegls_encode(gray8, level=2))
write("rle16", 6, 16, 16, 0, rle(gray12, 16))
write("rle8", 6, 8, 8, 0, rle(gray8, 8))
write("j2k-lossy", 7, 16, 12, 0, imagecodecs.jpeg2k_encode(gray12, level=40, codecformat="j2k", reversible=False))
write("j2k", 8, 16, 16, 0, imagecodecs.jpeg2k_encode(gray12, codecformat="j2k", reversible=True))
write("jp2", 8, 8, 8, 1, imagecodecs.jpeg2k_encode(rgb, codecformat="jp2", reversible=True))
write("htj2k", 9, 16, 16, 0, imagecodecs.htj2k_encode(gray12, reversible=True))

dataset = Dataset()
dataset.file_meta = FileMetaDataset()
dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
dataset.SOPInstanceUID = "2.25.1"
dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition, dataset.PatientAge = "DX", "CHEST", "PA", "050Y"
dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME1"
dataset.Rows, dataset.Columns = rows, columns
dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
dataset.WindowCenter, dataset.WindowWidth = 2000, 3000
dataset.ShutterShape, dataset.CenterOfCircularShutter, dataset.RadiusOfCircularShutter = "CIRCULAR", [12, 10], 9
dataset.PatientOrientation = ["R", "H"]
dataset.PixelData = gray12.tobytes()
dataset["PixelData"].VR = "OW"
buffer = io.BytesIO()
dataset.save_as(buffer, enforce_file_format=True)
(target / "file").write_bytes(b"\x0a" + buffer.getvalue())
