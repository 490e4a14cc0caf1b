"""Reads result objects with pydicom and prints what they say of themselves as JSON, one object per file.

usage: results.py FILE-OR-DIRECTORY...
"""

import hashlib
import json
import sys
from pathlib import Path

import pydicom


def texts(item):
    """Every text and code meaning of a content tree."""
    for entry in item.get("ContentSequence", []):
        if "TextValue" in entry:
            yield entry.TextValue
        if "ConceptCodeSequence" in entry:
            yield entry.ConceptCodeSequence[0].CodeMeaning
        yield from texts(entry)


def predecessors(dataset):
    """SOP Instance UIDs of the Predecessor Documents Sequence."""
    for study in dataset.get("PredecessorDocumentsSequence", []):
        for series in study.ReferencedSeriesSequence:
            for instance in series.ReferencedSOPSequence:
                yield instance.ReferencedSOPInstanceUID


def main():
    """Prints the list."""
    files = []
    for name in sys.argv[1:]:
        path = Path(name)
        files += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    found = []
    for path in files:
        dataset = pydicom.dcmread(path, force=True)
        found.append(
            {
                "path": str(path),
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "sopClass": str(dataset.SOPClassUID),
                "sopInstance": str(dataset.SOPInstanceUID),
                "study": str(dataset.StudyInstanceUID),
                "patient": str(dataset.get("PatientID", "")),
                "completion": str(dataset.get("CompletionFlag", "")),
                "verification": str(dataset.get("VerificationFlag", "")),
                "preliminary": str(dataset.get("PreliminaryFlag", "")),
                "predecessors": [str(uid) for uid in predecessors(dataset)],
                "text": "\n".join(texts(dataset)),
            }
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
