"""Encodes the pixel data of an uncompressed file with imagecodecs: HTJ2K (OpenJPH) and JPEG-LS, JPEG 2000 lossy.

Usage: encode.py htj2k|htj2k-lossy|j2k-lossy|j2k-signed IN.dcm OUT.dcm
"""

import sys

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import UID

kind, source, target = sys.argv[1:]
dataset = pydicom.dcmread(source)
array = dataset.pixel_array
if kind == "htj2k":
    stream, syntax = imagecodecs.htj2k_encode(array, reversible=True), "1.2.840.10008.1.2.4.201"
elif kind == "htj2k-rpcl":
    stream, syntax = imagecodecs.htj2k_encode(array, reversible=True), "1.2.840.10008.1.2.4.202"
elif kind == "htj2k-lossy":
    stream = imagecodecs.htj2k_encode(array, level=0.001, reversible=False)
    syntax = "1.2.840.10008.1.2.4.203"
elif kind == "j2k-lossy":
    stream = imagecodecs.jpeg2k_encode(array, level=90, codecformat="j2k", reversible=False)
    syntax = "1.2.840.10008.1.2.4.91"
elif kind == "jp2-file":
    stream = imagecodecs.jpeg2k_encode(array, codecformat="jp2", reversible=True)
    syntax = "1.2.840.10008.1.2.4.90"
else:
    sys.exit(f"unknown kind {kind}")
dataset.PixelData = encapsulate([bytes(stream)])
dataset["PixelData"].VR = "OB"
dataset["PixelData"].is_undefined_length = True
dataset.file_meta.TransferSyntaxUID = UID(syntax)
dataset.save_as(target)
