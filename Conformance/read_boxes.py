"""Reads the boxes of one reading back out of its results with other people's software and prints them as JSON.

usage: read_boxes.py FINDINGS.dcm PRESENTATION.dcm OVERLAY.dcm SOURCE.dcm

The report is read by highdicom, the presentation state by pydicom, and the overlay by looking at its pixels: the box
of a colour is what encloses its pixels inside the source's area. Boxes are [left, top, right, bottom], half-open, in
the order of the report; an overlay's boxes are ordered by colour as the legend's palette lists them.
"""

import json
import sys

import highdicom
import numpy
import pydicom

PALETTE = [(0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9), (0xF0, 0xE4, 0x42), (0xCC, 0x79, 0xA7), (0x00, 0x9E, 0x73), (0xD5, 0x5E, 0x00)]


def enclosing(points):
    points = numpy.asarray(points, dtype=float).reshape(-1, 2)
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


def from_report(path):
    groups = highdicom.sr.srread(path).content.get_planar_roi_measurement_groups()
    return [enclosing(group.roi.value) for group in groups]


def from_presentation(path):
    state = pydicom.dcmread(path)
    return [
        enclosing(graphic.GraphicData)
        for annotation in state.GraphicAnnotationSequence
        for graphic in annotation.GraphicObjectSequence
    ]


def from_overlay(path, source):
    overlay = pydicom.dcmread(path)
    image = pydicom.dcmread(source, stop_before_pixels=True)
    pixels = overlay.pixel_array[: image.Rows, : image.Columns]
    boxes = []
    for color in PALETTE:
        rows, columns = numpy.nonzero((pixels == color).all(axis=2))
        if rows.size:
            boxes.append(
                [float(edge) for edge in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]
            )
    return boxes


def main():
    findings, presentation, overlay, source = sys.argv[1:]
    print(
        json.dumps(
            {
                "report": from_report(findings),
                "presentation": from_presentation(presentation),
                "overlay": from_overlay(overlay, source),
            }
        )
    )


if __name__ == "__main__":
    main()
