"""Writes a PNG's samples as Pillow reads them.

Usage: png_pixels.py IN.png OUT.raw
"""

import sys

import numpy as np
from PIL import Image

np.asarray(Image.open(sys.argv[1])).tofile(sys.argv[2])
