"""A small PACS for the tests, on pynetdicom: stores, answers as scripted, commits and reports.

Prints one line per event: `ready PORT`, `store UID STATUS` (with `--digests` the dataset's SHA-256), `commit UID`.
Instances go to a directory as received.
"""

import argparse
import hashlib
import threading
import time
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

ALL_SYNTAXES = [
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
]


def say(*words):
    """Prints a line at once."""
    print(*words, flush=True)


def main():
    """Runs the PACS until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--statuses", default="", help="hexadecimal statuses of the first stores, comma-separated")
    parser.add_argument("--digests", action="store_true", help="prints the SHA-256 of each dataset behind its status")
    parser.add_argument("--report-to", type=int, default=0, help="port of the gateway, for N-EVENT-REPORT")
    parser.add_argument("--fail-commitment", type=int, default=0, help="so many reports name every instance as failed")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    statuses = [int(text, 16) for text in arguments.statuses.split(",") if text]
    lock = threading.Lock()
    failures = [arguments.fail_commitment]

    def store(event):
        request = event.request
        uid = str(request.AffectedSOPInstanceUID)
        with lock:
            status = statuses.pop(0) if statuses else 0x0000
        content = event.encoded_dataset(include_meta=False)
        if status == 0:
            (arguments.directory / f"{uid}.dcm").write_bytes(content)
        say("store", uid, f"{status:04X}", *([hashlib.sha256(content).hexdigest()] if arguments.digests else []))
        return status

    def report(transaction, references):
        time.sleep(0.2)
        ae = AE(ae_title="PACS")
        ae.add_requested_context(StorageCommitmentPushModel)
        association = ae.associate(
            "127.0.0.1", arguments.report_to, ae_title="CXRGATE",
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)])
        dataset = Dataset()
        dataset.TransactionUID = transaction
        with lock:
            fails = failures[0] > 0
            failures[0] -= 1
        event_type = 2 if fails else 1
        if fails:
            for reference in references:
                reference.FailureReason = 0x0112
            dataset.FailedSOPSequence = references
        else:
            dataset.ReferencedSOPSequence = references
        if association.is_established:
            association.send_n_event_report(
                dataset, event_type, StorageCommitmentPushModel, UID("1.2.840.10008.1.20.1.1"))
            for reference in references:
                say("commit", reference.ReferencedSOPInstanceUID, "failed" if fails else "good")
            association.release()

    def action(event):
        information = event.action_information
        references = list(information.ReferencedSOPSequence)
        threading.Thread(target=report, args=(information.TransactionUID, references), daemon=True).start()
        return 0x0000, None

    ae = AE(ae_title="PACS")
    for context in StoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax, ALL_SYNTAXES)
    ae.add_supported_context(Verification)
    ae.add_supported_context(StorageCommitmentPushModel)
    handlers = [(evt.EVT_C_STORE, store), (evt.EVT_N_ACTION, action)]
    server = ae.start_server(("127.0.0.1", arguments.port), block=False, evt_handlers=handlers)
    say("ready", server.socket.getsockname()[1])
    threading.Event().wait()


if __name__ == "__main__":
    main()
