"""Runs every validator over every kind of result object; started by Conformance/validate."""

import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import highdicom
import pydicom
import read_boxes

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PIXELMED = "/usr/share/java/pixelmed.jar"
TOOLS = ["dciodvfy", "dcentvfy", "dsrdump", "dsr2html", "dsr2xml", "xml2dsr", "dcmpschk", "dcmp2pgm", "dcm2pnm", "java"]


KINDS = {
    "1.2.840.10008.5.1.4.1.1.88.11": "narrative",
    "1.2.840.10008.5.1.4.1.1.88.22": "findings",
    "1.2.840.10008.5.1.4.1.1.88.33": "findings",
    "1.2.840.10008.5.1.4.1.1.88.34": "findings",
    "1.2.840.10008.5.1.4.1.1.11.1": "presentation",
    "1.2.840.10008.5.1.4.1.1.7": "overlay",
    "1.2.840.10008.5.1.4.1.1.88.59": "key-objects",
}


class Report:
    """What the validators said: errors, and warnings with the reasons for those that are known."""

    def __init__(self):
        self.allowed = []
        for line in (HERE / "warnings.tsv").read_text().splitlines():
            if line and not line.startswith("#"):
                pattern, reason = line.split("\t")
                self.allowed.append([re.compile(pattern), reason, 0])
        self.rows = {}
        self.errors = []
        self.unexplained = []

    def add(self, validator, path, lines):
        row = self.rows.setdefault(validator, {"files": 0, "errors": 0, "warnings": 0, "unexplained": 0})
        row["files"] += 1
        for kind, line in lines:
            if kind == "error":
                row["errors"] += 1
                self.errors.append(f"{validator}: {path}: {line}")
                continue
            row["warnings"] += 1
            for entry in self.allowed:
                if entry[0].search(f"{validator}: {line}"):
                    entry[2] += 1
                    break
            else:
                row["unexplained"] += 1
                self.unexplained.append(f"{validator}: {path}: {line}")

    def print(self):
        print(f"\n{'validator':34}{'files':>7}{'errors':>8}{'warnings':>10}{'unexplained':>13}")
        for name, row in self.rows.items():
            print(f"{name:34}{row['files']:>7}{row['errors']:>8}{row['warnings']:>10}{row['unexplained']:>13}")
        print("\nwarnings that remain, and why")
        for pattern, reason, count in self.allowed:
            if count:
                print(f"{count:>6}  {reason}")
        for title, lines in [("errors", self.errors), ("unexplained warnings", self.unexplained)]:
            if lines:
                print(f"\n{title}")
                for line in lines:
                    print(f"  {line}")


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.returncode, text


def classified(text, error=r"\b(E:|Error\b|error:)", warning=r"\b(W:|Warning\b|warning:)"):
    lines = []
    for line in text.splitlines():
        if re.search(error, line):
            lines.append(("error", line.strip()))
        elif re.search(warning, line):
            lines.append(("warning", line.strip()))
    return lines


def failed(code, lines, what):
    if code != 0 and not any(kind == "error" for kind, _ in lines):
        lines.append(("error", f"{what} ended with status {code}"))
    return lines


def known_copy(path, scratch):
    """dciodvfy (2022) takes Synthetic Data, which DICOM has since 2023, for an error: a copy goes without it."""
    dataset = pydicom.dcmread(path)
    if dataset.get("SyntheticData") != "YES":
        return path
    del dataset.SyntheticData
    copy = scratch / ("-".join(path.parts[-3:]) + ".known.dcm")
    dataset.save_as(copy)
    return copy


def check_iod(path, scratch):
    code, text = run("dciodvfy", "-new", str(known_copy(path, scratch)))
    return [("dciodvfy", failed(code, classified(text), "dciodvfy"))]


def tree(path):
    """The content tree as dsrdump shows it in full: every code, text, reference and coordinate."""
    code, text = run("dsrdump", "+Pl", "+Pc", "+Pu", "+Pt", str(path))
    lines = (line for line in text.splitlines() if line.lstrip().startswith("<"))
    # xml2dsr drops a fraction of a second that is zero.
    return code, text, "\n".join(re.sub(r'(TIME:.*="\d{6})\.0+"', r'\1"', line) for line in lines)


def check_report(path, scratch):
    code, text, before = tree(path)
    results = [("dsrdump", failed(code, classified(text), "dsrdump"))]
    name = "-".join(path.parts[-3:])
    code, text = run("dsr2html", "+U8", str(path), str(scratch / f"{name}.html"))
    results.append(("dsr2html +U8", failed(code, classified(text), "dsr2html")))
    xml, back = scratch / f"{name}.xml", scratch / f"{name}.dcm"
    code, text = run("dsr2xml", "+Wt", str(named_copy(path, scratch)), str(xml))
    lines = failed(code, classified(text), "dsr2xml")
    code, text = run("xml2dsr", str(xml), str(back))
    lines += failed(code, classified(text), "xml2dsr")
    if back.exists() and tree(back)[2] != before:
        lines.append(("error", "the content tree is another after dsr2xml and xml2dsr"))
    results.append(("dsr2xml, xml2dsr round trip", lines))
    return results


def plain_copy(path, scratch):
    """What DCMTK's presentation state tools accept: they take bytes of UTF-8 for control characters and refuse an empty
    Patient's Name, both of which are legal; the copy has other characters than ASCII replaced and a name filled in."""
    dataset = pydicom.dcmread(path)
    for element in dataset.iterall():
        if element.VR in ("PN", "LO", "SH", "ST", "LT", "UT", "UC") and not element.is_empty:
            values = [re.sub(r"[^\x00-\x7f]", "?", str(value)) for value in element.value] if element.VM > 1 else None
            element.value = values or re.sub(r"[^\x00-\x7f]", "?", str(element.value))
    if not dataset.PatientName:
        dataset.PatientName = "EMPTY"
    copy = scratch / ("-".join(path.parts[-3:]) + ".plain.dcm")
    dataset.save_as(copy)
    return copy


def named_copy(path, scratch):
    """xml2dsr refuses a patient without a name and identifier, which Type 2 allows: a copy has them filled in."""
    dataset = pydicom.dcmread(path)
    if dataset.PatientName and dataset.PatientID:
        return path
    dataset.PatientName = dataset.PatientName or "EMPTY"
    dataset.PatientID = dataset.PatientID or "EMPTY"
    copy = scratch / ("-".join(path.parts[-3:]) + ".named.dcm")
    dataset.save_as(copy)
    return copy


def utf8_copy(path, scratch):
    """A source in the results' character set, transcoded by pydicom: dcentvfy compares bytes."""
    dataset = pydicom.dcmread(path)
    raw = (dataset.get_item("PatientName").value or b"").rstrip(b" ") if "PatientName" in dataset else b""
    dataset.decode()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    if raw:
        # pydicom leaves escape sequences of ISO 2022 IR 58 and drops empty component groups at the end.
        text = re.sub(r"\x1b\$?[()][A-Z]", "", str(dataset.PatientName)).rstrip("=") + "=" * (len(raw) - len(raw.rstrip(b"=")))
        dataset[0x00100010] = pydicom.DataElement(0x00100010, "LO", text)
    copy = scratch / ("-".join(path.parts[-3:]) + ".utf8.dcm")
    dataset.save_as(copy)
    return copy


def source_of(study, uid):
    """The file of an image of the study; None when it is not there."""
    for source in (study / "sources").glob("*.dcm"):
        if pydicom.dcmread(source, stop_before_pixels=True).SOPInstanceUID == uid:
            return source
    return None


def uncompressed_copy(path, scratch):
    """DCMTK's viewer tools know neither JPEG 2000 nor every JPEG: pydicom decompresses a copy for them."""
    dataset = pydicom.dcmread(path)
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        return path
    dataset.decompress()
    copy = scratch / ("-".join(path.parts[-3:]) + ".plain.dcm")
    dataset.save_as(copy)
    return copy


def check_presentation(path, scratch):
    copy = plain_copy(path, scratch)
    code, text = run("dcmpschk", str(copy))
    text = "\n".join(line for line in text.splitlines() if not line.startswith("W: Test"))
    results = [("dcmpschk", failed(code, classified(text), "dcmpschk"))]
    index = re.search(r"presentation-(\d+)", path.name).group(1)
    uid = pydicom.dcmread(path).ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    source = source_of(path.parent.parent, uid)
    if source:
        name = "-".join(path.parts[-3:])
        source = uncompressed_copy(source, scratch)
        code, text = run("dcmp2pgm", "-p", str(copy), str(source), str(scratch / f"{name}-{index}.pgm"))
        results.append(("dcmp2pgm", failed(code, classified(text), "dcmp2pgm")))
        return results
    results.append(("dcmp2pgm", [("error", "the referenced image is not among the sources")]))
    return results


def synthetic_images(study):
    """Sources that the gateway itself wrote; the others come from modalities, with their faults."""
    sources = sorted(study.glob("sources/*.dcm"))
    return [path for path in sources if pydicom.dcmread(path, stop_before_pixels=True).get("SyntheticData") == "YES"]


def check_picture(path, scratch):
    code, text = run("dcm2pnm", "+on", str(path), str(scratch / ("-".join(path.parts[-3:]) + ".png")))
    return [("dcm2pnm", failed(code, classified(text), "dcm2pnm"))]


def check_study(folder, scratch):
    sources = [utf8_copy(path, scratch) for path in sorted(folder.glob("sources/*.dcm"))]
    code, text = run("dcentvfy", *map(str, sources + sorted(folder.glob("results*/*.dcm"))))
    return [("dcentvfy", failed(code, classified(text), "dcentvfy"))]


def check_highdicom(path, reading):
    """An independent reader finds the reading's boxes in the findings report."""
    found = []
    report = highdicom.sr.srread(str(path))
    for group in report.content.get_planar_roi_measurement_groups():
        points = group.roi.value
        found.append([points[:, 0].min(), points[:, 1].min(), points[:, 0].max(), points[:, 1].max()])
    expected = []
    for finding in reading.get("findings", []):
        for entry in finding["regions"]:
            box = entry["region"]
            low = [math.floor(box[edge] + 0.001) for edge in ("x0", "y0")]
            expected.append(low + [math.ceil(box[edge] - 0.001) for edge in ("x1", "y1")])
    good = expected == [[float(edge) for edge in box] for box in found]
    return [("highdicom", [] if good else [("error", f"boxes {found}, but the reading says {expected}")])]


def check_views(results):
    """One finding, three views: the report's boxes are those of the presentation states and of the overlays."""
    report = results / "findings.dcm"
    if not report.exists():
        return []
    expected = sorted(read_boxes.from_report(str(report)))
    lines = []
    states = sorted(results.glob("presentation*.dcm"))
    overlays = sorted(results.glob("overlay*.dcm"))
    if states or (expected and overlays):
        found = sorted(box for state in states for box in read_boxes.from_presentation(str(state)))
        if found != expected:
            lines.append(("error", f"the report has the boxes {expected}, the presentation states {found}"))
    # The palette has six colours; beyond, and where drawn lines may cover each other, pixels do not tell boxes apart.
    if len(overlays) == 1 and len(expected) <= len(read_boxes.PALETTE) and are_apart(expected):
        uid = pydicom.dcmread(overlays[0], stop_before_pixels=True).SourceImageSequence[0].ReferencedSOPInstanceUID
        source = source_of(results.parent, uid)
        if source is None:
            lines.append(("error", "the overlay's source image is not among the sources"))
        else:
            found = sorted(read_boxes.from_overlay(str(overlays[0]), str(source)))
            if found != expected:
                lines.append(("error", f"the report has the boxes {expected}, the overlay {found}"))
    return [("one finding, three views", lines)]


def are_apart(boxes):
    return not any(
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
        for index, one in enumerate(boxes)
        for other in boxes[:index]
    )


def revision_of(dataset, kind):
    """Instance numbers count revisions; of the kinds with one object per image, in hundreds."""
    number = int(dataset.InstanceNumber)
    return (number - 1) // 100 + 1 if kind in ("presentation", "overlay") else number


def arrange(files, folder):
    """Files of any name, as a PACS keeps them, in the layout of the samples: results by kind and revision, other
    objects of the same studies as their sources."""
    for path in files:
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        study = folder / str(dataset.StudyInstanceUID)
        kind = KINDS.get(dataset.SOPClassUID) if dataset.get("ManufacturerModelName") == "CXRGateway" else None
        if kind is None:
            place = study / "sources" / f"{dataset.SOPInstanceUID}.dcm"
        else:
            revision = revision_of(dataset, kind)
            place = study / f"results-{revision}" / f"{kind}.dcm"
            number = 1
            while kind in ("presentation", "overlay") and (number == 1 or place.exists()):
                place = place.with_name(f"{kind}-{number}.dcm")
                number += 1
            if kind == "findings" and place.exists():
                place = study / f"results-{revision}-{dataset.SOPClassUID}" / "findings.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copyfile(path, place)
    for study in sorted(folder.iterdir()):
        if not list(study.glob("results*")):
            shutil.rmtree(study)


def check_templates(reports, report):
    """PixelMed checks structure and codes, seconds a document: one of those that differ in words alone is enough."""
    chosen = {}
    for path in reports:
        shape = tuple(re.findall(r"^(\s*<[^:]*:(?:\([^)]*\))?)(?:=\(([^,]*),(?!99))?", tree(path)[2], flags=re.M))
        chosen.setdefault((path.name, shape), path)
    paths = list(map(str, chosen.values()))
    options = ["-Xss8m"] + [
        f"-Djdk.xml.xpath{name}=0" for name in ("TotalOpLimit", "ExprOpLimit", "ExprGrpLimit")
    ]
    halves = [half for half in (paths[0::2], paths[1::2]) if half]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(run, "java", *options, "-cp", PIXELMED, str(HERE / "ReportTemplates.java"), *half)
            for half in halves
        ]
        for half, job in zip(halves, jobs):
            code, text = job.result()
            parts = re.split(r"^FILE (.*)$", text, flags=re.M)
            if code != 0 or len(parts) != 2 * len(half) + 1:
                report.add("PixelMed DicomSRValidator", half[0], [("error", f"it ended with {code}: {text[-2000:]}")])
                continue
            for path, said in zip(parts[1::2], parts[2::2]):
                lines = classified(said)
                if "validation complete" not in said:
                    lines.append(("error", "the validation did not complete"))
                report.add("PixelMed DicomSRValidator", path, lines)


def build_samples(folder):
    start = time.monotonic()
    subprocess.run(["swift", "build", "--product", "ConformanceSamples"], cwd=ROOT, check=True, stdout=sys.stderr)
    place = subprocess.run(
        ["swift", "build", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run([os.path.join(place, "ConformanceSamples"), str(folder)], check=True, stderr=subprocess.DEVNULL)
    print(f"samples built in {time.monotonic() - start:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=pathlib.Path, help="check samples that are there instead of building them")
    parser.add_argument(
        "--objects", type=pathlib.Path, nargs="+",
        help="check the gateway's objects in these directories, whatever their names; other images of their studies there serve as sources",
    )
    parser.add_argument("--keep", type=pathlib.Path, help="an empty directory for the samples, which are then kept")
    options = parser.parse_args()
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not os.path.exists(PIXELMED):
        missing.append(PIXELMED)
    if missing:
        sys.exit(
            f"missing: {', '.join(missing)}. Install dicom3tools, dcmtk, libpixelmed-java and default-jdk-headless."
        )
    with tempfile.TemporaryDirectory(prefix="conformance-") as temporary:
        scratch = pathlib.Path(temporary)
        samples = options.samples or options.keep or scratch / "samples"
        if options.objects:
            samples.mkdir()
            arrange([path for folder in options.objects for path in sorted(folder.rglob("*")) if path.is_file()], samples)
        elif options.samples is None:
            build_samples(samples)
        start = time.monotonic()
        report = Report()
        jobs = []
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            studies = sorted(path for path in samples.iterdir() if path.is_dir())
            reports = []
            for study in studies:
                saved = study / "reading.json"
                reading = json.loads(saved.read_text()) if saved.exists() else None
                for results in sorted(study.glob("results*")) if reading is None else []:
                    jobs.append((results, pool.submit(check_views, results)))
                jobs.append((study.name, pool.submit(check_study, study, scratch)))
                for path in synthetic_images(study):
                    jobs.append((path, pool.submit(check_iod, path, scratch)))
                    jobs.append((path, pool.submit(check_picture, path, scratch)))
                for path in sorted(study.glob("results*/*.dcm")):
                    jobs.append((path, pool.submit(check_iod, path, scratch)))
                    if path.stem in ("narrative", "findings", "key-objects"):
                        reports.append(path)
                        jobs.append((path, pool.submit(check_report, path, scratch)))
                    if path.stem == "findings" and reading is not None:
                        jobs.append((path, pool.submit(check_highdicom, path, reading)))
                    if path.stem.startswith("presentation"):
                        jobs.append((path, pool.submit(check_presentation, path, scratch)))
                    if path.stem.startswith("overlay"):
                        jobs.append((path, pool.submit(check_picture, path, scratch)))
            for path, job in jobs:
                for validator, lines in job.result():
                    report.add(validator, path, lines)
        check_templates(reports, report)
        report.print()
        print(f"\n{len(studies)} studies checked in {time.monotonic() - start:.0f} s")
        if not studies or report.errors or report.unexplained:
            sys.exit(1)


if __name__ == "__main__":
    main()
