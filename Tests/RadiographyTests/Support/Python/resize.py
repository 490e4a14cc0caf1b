"""Resizes a raw float image with Pillow's BILINEAR filter.

Usage: resize.py IN ROWS COLUMNS NEW_ROWS NEW_COLUMNS OUT
"""

import sys

import numpy as np
from PIL import Image

source, rows, columns, new_rows, new_columns, target = sys.argv[1:]
image = Image.fromarray(np.fromfile(source, dtype="<f4").reshape(int(rows), int(columns)))
resized = image.resize((int(new_columns), int(new_rows)), Image.Resampling.BILINEAR)
np.asarray(resized, dtype="<f4").tofile(target)
