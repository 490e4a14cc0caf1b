"""Turnaround, throughput and memory of the way from a modality through the gateway to the PACS; see README.md."""

import argparse
import copy
import os
import queue
import signal
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy
import pydicom
from pydicom.uid import generate_uid
from pynetdicom import AE, StoragePresentationContexts, evt

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
GATEWAY_PORT, PACS_PORT = 21114, 21115
TRANSFER_SYNTAX = "1.2.840.10008.1.2.1"


class PACS:
    """Takes everything and notes when it answered."""

    def __init__(self):
        self.answered = {}
        self.pending = {}
        ae = AE(ae_title="PACS")
        for context in StoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, TRANSFER_SYNTAX)
        ae.maximum_associations = 32
        handlers = [(evt.EVT_C_STORE, self.store), (evt.EVT_DIMSE_SENT, self.sent)]
        self.server = ae.start_server((HOST, PACS_PORT), block=False, evt_handlers=handlers)

    def store(self, event):
        """Remembers which study the answer on this association will be for."""
        self.pending[event.assoc] = event.dataset.StudyInstanceUID
        return 0x0000

    def sent(self, event):
        """The C-STORE-RSP is on its way."""
        study = self.pending.pop(event.assoc, None)
        if study is not None:
            self.answered[study] = time.monotonic()


class Gateway:
    """A gateway process with its files in a scratch directory."""

    def __init__(self, binary, model, scratch, quiet):
        self.database = scratch / "storage/cxrgate.sqlite"
        configuration = scratch / "cxrgate.yaml"
        configuration.write_text(
            f"""
storage: {{directory: {scratch}/storage, minimum-free-bytes: 0KiB, minimum-free-percent: 0}}
listeners: [{{port: {GATEWAY_PORT}}}]
sources: [{{quiet-period: {quiet}}}]
operations: {{port: 0}}
destinations: [{{name: PACS, port: {PACS_PORT}, ae-title: PACS}}]
reading: {{model: {model}, self-test: {{interval: 0s}}}}
""")
        self.log = scratch / "cxrgate.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([binary, "serve", "--config", configuration], stdout=log, stderr=log)
        while "cxrgate is ready" not in self.log.read_text(encoding="utf-8"):
            if self.process.poll() is not None:
                raise SystemExit(self.log.read_text(encoding="utf-8"))
            time.sleep(0.05)

    def resident(self):
        """Resident memory in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def settled(self):
        """Studies whose results are all delivered, and those that have another outcome than a draft."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            query = "SELECT count(*), coalesce(sum(state <> 'delivered'), 0) FROM workItem WHERE settledAt IS NOT NULL"
            return connection.execute(query).fetchone()

    def stop(self):
        """Ends it in good order."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def enlarged(dataset, rows, columns):
    """The image at a detector's size."""
    pixels = dataset.pixel_array
    y = numpy.arange(rows) * pixels.shape[0] // rows
    x = numpy.arange(columns) * pixels.shape[1] // columns
    dataset.Rows, dataset.Columns = rows, columns
    dataset.PixelData = pixels[numpy.ix_(y, x)].astype("<u2").tobytes()
    return dataset


def renewed(template):
    """The image as a study of its own."""
    image = copy.deepcopy(template)
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = (generate_uid(None) for _ in range(3))
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image


def send(image, port, called):
    """Sends one study over one association; returns when it was released."""
    ae = AE(ae_title="MODALITY")
    ae.add_requested_context(image.SOPClassUID, TRANSFER_SYNTAX)
    association = ae.associate(HOST, port, ae_title=called)
    status = association.send_c_store(image)
    if not status or status.Status != 0x0000:
        raise SystemExit(f"the C-STORE failed: {status}")
    association.release()
    return time.monotonic()


def turnaround(gateway, pacs, templates, studies):
    """One study at a time: from the release of its association to the last C-STORE-RSP of the PACS."""
    times, direct = [], []
    for number in range(studies + 1):
        image = renewed(templates[number % len(templates)])
        started = time.monotonic()
        send(image, PACS_PORT, "PACS")
        stored = time.monotonic() - started
        image = renewed(templates[number % len(templates)])
        before = gateway.settled()[0]
        released = send(image, GATEWAY_PORT, "CXRGATE")
        while gateway.settled()[0] == before:
            time.sleep(0.05)
            if time.monotonic() - released > 120:
                raise SystemExit("no result within two minutes")
        if number > 0:
            times.append(pacs.answered[image.StudyInstanceUID] - released)
            direct.append(stored)
    times.sort()
    print(f"turnaround of {studies} studies, one at a time (association release to last C-STORE-RSP of the PACS):")
    print(f"  median {statistics.median(times):.3f} s, 90 % within {times[int(len(times) * 0.9)]:.3f} s, longest {times[-1]:.3f} s")
    ratio = statistics.median(times) / statistics.median(direct)
    print(f"  one C-STORE of the same image straight to the PACS: median {statistics.median(direct):.3f} s; ratio {ratio:.1f}")


def sustained(gateway, templates, studies, senders):
    """Many studies from several modalities at once: studies per hour, and memory along the way."""
    waiting = queue.Queue()
    for number in range(studies):
        waiting.put(templates[number % len(templates)])

    def work():
        while True:
            try:
                template = waiting.get_nowait()
            except queue.Empty:
                return
            send(renewed(template), GATEWAY_PORT, "CXRGATE")

    before = gateway.settled()[0]
    started = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(senders)]
    for thread in threads:
        thread.start()
    samples = []
    while True:
        done = gateway.settled()[0] - before
        samples.append((done, gateway.resident()))
        if done >= studies:
            break
        time.sleep(0.5)
    elapsed = time.monotonic() - started
    for thread in threads:
        thread.join()
    print(f"{studies} studies of {senders} modalities at once: {elapsed:.1f} s, {studies / elapsed * 3600:.0f} studies per hour")
    # The first quarter warms caches up and is left out.
    rest = [sample for sample in samples if sample[0] >= studies / 4]
    if len({done for done, _ in rest}) > 2:
        slope = numpy.polyfit([done for done, _ in rest], [memory for _, memory in rest], 1)[0]
        memories = [memory for _, memory in samples]
        print(
            f"resident memory: {memories[0]:.0f} MiB at first, {max(memories):.0f} MiB at most, {memories[-1]:.0f} MiB at last;"
            f" slope {slope * 1024:.1f} KiB per study behind the first quarter")


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, required=True, help="directory of the release products")
    parser.add_argument("--model", default="reference", help="reference, or the absolute path of a model's directory")
    parser.add_argument("--image", type=Path, nargs="*", help="uncompressed images to send instead of a synthetic one")
    parser.add_argument("--size", type=int, nargs=2, default=(2500, 2048), metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--studies", type=int, default=50, help="for the turnaround")
    parser.add_argument("--load", type=int, default=1000, help="studies for throughput and memory; 0 leaves that out")
    parser.add_argument("--senders", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-") as temporary:
        scratch = Path(temporary)
        if options.image:
            templates = [pydicom.dcmread(path) for path in options.image]
        else:
            subprocess.run(
                [options.bin / "ConformanceSamples", scratch / "samples"], check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            source = pydicom.dcmread(scratch / "samples/one-region/sources/source-1.dcm")
            templates = [enlarged(source, *options.size)]
        print(f"{os.cpu_count()} cores; image {templates[0].Rows} x {templates[0].Columns}; model {options.model}")
        pacs = PACS()
        gateway = Gateway(options.bin / "cxrgate", options.model, scratch, "30s")
        try:
            turnaround(gateway, pacs, templates, options.studies)
            if options.load:
                sustained(gateway, templates, options.load, options.senders)
            total, others = gateway.settled()
            print(f"outcomes: {total - others} drafts, {others} not analysed or dead")
        finally:
            gateway.stop()
            pacs.server.shutdown()


if __name__ == "__main__":
    main()
