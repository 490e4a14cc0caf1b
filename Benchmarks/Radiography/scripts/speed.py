"""Times one 2500 x 2048 16-bit radiograph in each transfer syntax.

Each run is a process of its own, and the programs take turns, so that load falls on all of them:
- here: reads the file, decodes, presents, resizes to 1024, assesses suitability, in memory; nothing is written;
- dcmtk: dcmj2pnm or dcml2pnm reads, decodes, applies the window at full size and writes an 8-bit PGM;
- gdcm: gdcmconv --raw reads, decodes and writes an uncompressed DICOM file; of an uncompressed one that is a copy.
Medians of wall time, of user and system CPU time, and the peak memory are printed, then the ratios of wall and CPU
time to the peers. "warm" is the wall time of a further file in a process that runs already, as in the gateway's
service: without loading libraries and DCMTK's data dictionary.

Usage: speed.py [--runs N] [--program .build/release/RadiographyBenchmark]
"""

import argparse
import pathlib
import re
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
print((time.perf_counter() - start) * 1000, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024, status)
"""


def measure(commands):
    """Of each command the median wall and CPU time in ms and the peak memory in MB; None when the program cannot."""
    results = [[] for _ in commands]
    for _ in range(options.runs):
        for result, command in zip(results, commands):
            if not shutil.which(command[0]):
                result.append([0, 0, 0, 1])
                continue
            output = subprocess.run(
                [sys.executable, "-S", "-c", RUNNER, *map(str, command)], check=True, capture_output=True, text=True)
            result.append([float(number) for number in output.stdout.split()])
    return [
        None if any(run[3] for run in result)
        else (statistics.median(run[0] for run in result), statistics.median(run[1] for run in result),
              max(run[2] for run in result))
        for result in results
    ]


def warm(path):
    """Median wall time in ms of the further files of one process."""
    output = subprocess.run(
        [options.program, "speed", "--times", str(options.runs + 1), path], check=True, capture_output=True, text=True)
    lines = output.stdout.splitlines()[1:]
    return statistics.median(sum(map(float, re.findall(r"([\d.e-]+) seconds", line))) * 1000 for line in lines)


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

columns = "".join(f"{name + ' ms':>9} {'CPU':>5} {'MB':>4}" for name in ("here", "dcmtk", "gdcm"))
print(f"{'syntax':20} {columns} {'warm ms':>8}   wall/dcmtk  /gdcm   CPU/dcmtk  /gdcm")
for name, path in files.items():
    tool = "dcml2pnm" if name.startswith("JPEG-LS") else "dcmj2pnm"
    here, dcmtk, gdcm = measure([
        [options.program, "speed", path],
        [tool, "--write-raw-pnm", "--use-window", "1", path, work / "out.pgm"],
        ["gdcmconv", "--raw", path, work / "out.dcm"],
    ])

    def cell(result):
        return f"{result[0]:9.0f} {result[1]:5.0f} {result[2]:4.0f}" if result else f"{'-':>9} {'-':>5} {'-':>4}"

    def ratio(peer, index):
        return f"{here[index] / peer[index]:.2f}" if here and peer else "-"

    print(
        f"{name:20} {cell(here)}{cell(dcmtk)}{cell(gdcm)} {warm(path):8.0f} {ratio(dcmtk, 0):>12} {ratio(gdcm, 0):>6}"
        f" {ratio(dcmtk, 1):>11} {ratio(gdcm, 1):>6}", flush=True)
shutil.rmtree(work)
