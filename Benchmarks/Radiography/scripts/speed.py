"""Times one 2500 x 2048 16-bit radiograph in each transfer syntax: this project's whole way to a model-ready picture,
beside DCMTK (dcmj2pnm, dcml2pnm) and GDCM (gdcmconv --raw) decoding the same file. Each run is a process of its own;
the median of N runs and the peak memory are printed, and the ratios to the peers.

Usage: speed.py [--runs N] [--program .build/release/RadiographyBenchmark]
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, UID

parser = argparse.ArgumentParser()
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--program", default=".build/release/RadiographyBenchmark")
options = parser.parse_args()
work = pathlib.Path(tempfile.mkdtemp())


def radiograph():
    """Smooth shapes with the noise of a detector: about as compressible as a real radiograph."""
    rows, columns = 2500, 2048
    y, x = np.mgrid[0:rows, 0:columns] / [[[rows]], [[columns]]]
    body = np.exp(-(((x - 0.5) / 0.38) ** 4))
    lungs = sum(np.exp(-(((x - c) / 0.13) ** 4) - ((y - 0.45) / 0.3) ** 4) for c in (0.3, 0.7))
    ribs = 0.04 * np.sin(60 * y + 8 * (x - 0.5) ** 2) * lungs
    clean = 0.08 + 0.75 * body - 0.4 * lungs + ribs
    noise = np.random.default_rng(0).normal(0, 0.004, clean.shape)
    return ((clean + noise).clip(0, 1) * 65535).astype(np.uint16)


def write(path, pixels, syntax, stored=16):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "2.25.1"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition, dataset.PatientAge = "DX", "CHEST", "PA", "050Y"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = 2500, 2048
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, stored, stored - 1, 0
    dataset.WindowCenter, dataset.WindowWidth = 2 ** (stored - 1), 2**stored
    dataset.PixelData = pixels
    dataset["PixelData"].VR = "OW" if syntax == ExplicitVRLittleEndian else "OB"
    dataset["PixelData"].is_undefined_length = syntax != ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


# A child's peak memory starts at its parent's size: the runs are started by a small process of its own.
RUNNER = """
import os, sys, time
start = time.perf_counter()
null = os.open(os.devnull, os.O_WRONLY)
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)])
_, status, usage = os.wait4(pid, 0)
print((time.perf_counter() - start) * 1000, usage.ru_maxrss / 1024, status)
"""


def measure(command):
    """Median wall time in ms, and peak resident memory in MB; None when the program cannot."""
    times, peak = [], 0
    for _ in range(options.runs):
        output = subprocess.run(
            [sys.executable, "-S", "-c", RUNNER, *map(str, command)], check=True, capture_output=True, text=True).stdout
        elapsed, memory, status = map(float, output.split())
        if status != 0:
            return None
        times.append(elapsed)
        peak = max(peak, memory)
    return statistics.median(times), peak


pixels = radiograph()
plain = work / "plain.dcm"
write(plain, pixels.tobytes(), ExplicitVRLittleEndian)
twelve = work / "twelve.dcm"
write(twelve, (pixels >> 4).tobytes(), ExplicitVRLittleEndian, 12)
files = {"uncompressed": plain}


def encoded(name, *command, source=plain):
    target = work / f"{name}.dcm"
    subprocess.run([*command, source, target], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    files[name] = target


encoded("RLE", "dcmcrle")
encoded("JPEG lossless SV1", "dcmcjpeg", "+e1")
encoded("JPEG extended 12 bit", "dcmcjpeg", "+ee", source=twelve)
encoded("JPEG-LS", "dcmcjpls", "+el")
encoded("JPEG-LS near", "dcmcjpls", "+en", "+md", "3")
encoded("JPEG 2000", "gdcmconv", "--j2k")
write(work / "j2k-lossy.dcm", encapsulate([imagecodecs.jpeg2k_encode(pixels, level=60, codecformat="j2k", reversible=False)]), "1.2.840.10008.1.2.4.91")
files["JPEG 2000 lossy"] = work / "j2k-lossy.dcm"
write(work / "htj2k.dcm", encapsulate([imagecodecs.htj2k_encode(pixels, reversible=True)]), "1.2.840.10008.1.2.4.201")
files["HTJ2K"] = work / "htj2k.dcm"

print(f"{'syntax':22} {'here ms':>8} {'MB':>5} {'dcmtk ms':>9} {'MB':>5} {'gdcm ms':>8} {'MB':>5}  here/dcmtk here/gdcm")
for name, path in files.items():
    here = measure([options.program, "speed", path])
    tool = "dcml2pnm" if name.startswith("JPEG-LS") else "dcmj2pnm"
    dcmtk = measure([tool, "--write-raw-pnm", "--use-window", "1", path, work / "out.pgm"]) if shutil.which(tool) else None
    gdcm = measure(["gdcmconv", "--raw", path, work / "out.dcm"])

    def cell(result, width):
        return f"{result[0]:{width}.0f} {result[1]:5.0f}" if result else f"{'-':>{width}} {'-':>5}"

    def ratio(peer):
        return f"{here[0] / peer[0]:.2f}" if here and peer else "-"

    print(f"{name:22} {cell(here, 8)} {cell(dcmtk, 9)} {cell(gdcm, 8)}  {ratio(dcmtk):>10} {ratio(gdcm):>9}", flush=True)
shutil.rmtree(work)
