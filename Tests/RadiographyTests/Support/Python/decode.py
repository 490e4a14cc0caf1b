"""Decodes the first frame with pydicom and its plugins: stored values as little-endian 16-bit words.

Usage: decode.py IN.dcm OUT.raw
"""

import sys

import numpy as np
import pydicom
from pydicom.pixels import pixel_array

dataset = pydicom.dcmread(sys.argv[1])
array = pixel_array(dataset, index=0, raw=True)
mask = (1 << dataset.BitsStored) - 1
(array.astype(np.int64) & mask).astype("<u2").tofile(sys.argv[2])
