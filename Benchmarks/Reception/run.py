"""Instances per second and memory of reception, beside DCMTK's storescp --fork in the same run.

    Benchmarks/Reception/run [--rounds N] [--quick]

For 1, 4 and 16 associations, with 10 MB uncompressed DX and 130 KB JPEG lossless files: the same storescu processes send
the same files to the gateway (durable: file, directories and database row synced before each answer) and to storescp
(which syncs nothing), in turns; the medians and their ratio are printed.
"""

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

ROOT = Path(__file__).resolve().parents[2]
GATEWAY_PORT, STORESCP_PORT = 21112, 21113


def make_file(path: Path, side: int, study: str) -> None:
    """A DX instance of side x side 16-bit pixels, smooth with some noise so that it compresses as radiographs do."""
    generator = np.random.default_rng(abs(hash(path.name)) % 2**32)
    row = np.linspace(0, 3000, side)
    pixels = (row[:, None] + row[None, :]) / 2 + generator.integers(0, 8, (side, side))
    instance = Dataset()
    instance.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    instance.SOPInstanceUID = generate_uid()
    instance.StudyInstanceUID = study
    instance.SeriesInstanceUID = study + ".1"
    instance.PatientName, instance.PatientID, instance.Modality = "Bench^Mark", "B1", "DX"
    instance.Rows = instance.Columns = side
    instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
    instance.BitsAllocated, instance.BitsStored, instance.HighBit, instance.PixelRepresentation = 16, 12, 11, 0
    instance.PixelData = pixels.astype("<u2").tobytes()
    instance["PixelData"].VR = "OW"
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, instance, enforce_file_format=True)


def make_files(directory: Path, associations: int, each: int, side: int, compress: bool) -> list[Path]:
    """One directory of files per association."""
    folders = []
    for number in range(associations):
        folder = directory / f"a{number}"
        folder.mkdir(parents=True)
        study = generate_uid()[:60]
        for index in range(each):
            path = folder / f"{index}.dcm"
            make_file(path, side, study)
            if compress:
                subprocess.run(["dcmcjpeg", "+un", path, path], check=True)
        folders.append(folder)
    return folders


def send(folders: list[Path], port: int, title: str, compress: bool) -> float:
    """Seconds until every association has sent its folder."""
    syntax = ["-xs"] if compress else []
    started = time.monotonic()
    senders = [
        subprocess.Popen(["storescu", *syntax, "-aec", title, "+sd", "127.0.0.1", str(port), folder])
        for folder in folders
    ]
    if any(sender.wait() != 0 for sender in senders):
        raise SystemExit("a sender failed")
    return time.monotonic() - started


def peak_memory(pid: int) -> int:
    """VmHWM in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


class Gateway:
    """A fresh gateway with durability as shipped."""

    def __init__(self, binary: Path, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        configuration = directory / "cxrgate.yaml"
        configuration.write_text(
            f"storage: {{directory: {directory}/storage, minimum-free-percent: 0}}\n"
            f"listeners: [{{port: {GATEWAY_PORT}}}]\nlog-level: error\n")
        self.process = subprocess.Popen(
            [binary, "serve", "--config", configuration], stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.port, self.title = GATEWAY_PORT, "CXRGATE"

    def stop(self) -> int:
        """Peak memory in MiB."""
        memory = peak_memory(self.process.pid)
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory)
        return memory


class StoreSCP:
    """DCMTK's storescp with a process per association."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.process = subprocess.Popen(
            ["storescp", "--fork", "+xa", "-od", directory, "-aet", "STORESCP", str(STORESCP_PORT)])
        self.port, self.title = STORESCP_PORT, "STORESCP"
        time.sleep(0.5)

    def stop(self) -> None:
        """Ends it and removes what it stored."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory)


def measure(binary: Path, scratch: Path, associations: int, each: int, side: int, compress: bool, rounds: int) -> None:
    """Prints one row."""
    files = scratch / "files"
    folders = make_files(files, associations, each, side, compress)
    size = (folders[0] / "0.dcm").stat().st_size
    count = associations * each
    rates: dict[str, list[float]] = {"gateway": [], "storescp": []}
    memory = 0
    for _ in range(rounds):
        for name in rates:
            peer = Gateway(binary, scratch / "gateway") if name == "gateway" else StoreSCP(scratch / "storescp")
            rates[name].append(count / send(folders, peer.port, peer.title, compress))
            memory = max(memory, peer.stop() or 0)
    shutil.rmtree(files)
    ours, theirs = (statistics.median(rates[name]) for name in ("gateway", "storescp"))
    ratio = statistics.median(a / b for a, b in zip(rates["gateway"], rates["storescp"]))
    print(
        f"{associations:12d} {size / 1e6:8.2f} {count:7d} {ours:12.1f} {ours * size / 1e6:8.1f} {theirs:12.1f} "
        f"{ratio:6.2f} {memory:10d}", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few and small files, to see that it runs")
    arguments = parser.parse_args()
    show = ["swift", "build", "-c", "release", "--show-bin-path"]
    binary = Path(subprocess.check_output(show, cwd=ROOT, text=True).strip()) / "cxrgate"
    print("associations  MB/file   files  gateway/s    MB/s   storescp/s  ratio  peak MiB")
    with tempfile.TemporaryDirectory(dir=ROOT / ".build") as name:
        scratch = Path(name)
        for side, compress, total in ((2236, False, 48), (450, True, 480)):
            for associations in (1, 4, 16):
                each = max(2, total // (8 if arguments.quick else 1) // associations)
                measure(binary, scratch, associations, each, side, compress, arguments.rounds)


if __name__ == "__main__":
    main()
