import DICOM
import Findings
import Foundation

/// What evaluation needs of a DICOM structured report: the narrative as headed text, and boxes with their labels.
///
/// It reads the gateway's own narrative (TID 2000) and findings (TID 1500) documents, and final reports as Basic Text SR
/// of other makers. Texts under Summary and comments are not part of the report: they hold our disclaimer.
struct StructuredReport {
    let sopClassUID: String
    let studyInstanceUID: String
    let patientID: String?
    /// For choosing among several reports of one study: date and time, then Instance Number.
    let recency: String
    private(set) var text = ""
    private(set) var boxes: [LabelledBox] = []

    /// Basic Text, Enhanced, Comprehensive, Comprehensive 3D SR.
    static let sopClasses: Set<String> = [
        "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.33",
        "1.2.840.10008.5.1.4.1.1.88.34",
    ]

    private enum Attribute {
        static let contentSequence = Tag(0x0040, 0xA730)
        static let conceptNameCodeSequence = Tag(0x0040, 0xA043)
        static let conceptCodeSequence = Tag(0x0040, 0xA168)
        static let valueType = Tag(0x0040, 0xA040)
        static let textValue = Tag(0x0040, 0xA160)
        static let graphicData = Tag(0x0070, 0x0022)
        static let referencedSOPSequence = Tag(0x0008, 0x1199)
        static let measuredValueSequence = Tag(0x0040, 0xA300)
        static let numericValue = Tag(0x0040, 0xA30A)
        static let instanceNumber = Tag(0x0020, 0x0013)
        static let studyInstanceUID = Tag(0x0020, 0x000D)
        static let patientID = Tag(0x0010, 0x0020)
    }

    /// Depth at which a content tree is cut: deeper ones are not reports but attacks on the reader.
    private static let deepest = 32

    /// Reads a file. Throws a `DICOMError`, or ``InputError`` when it is not a structured report.
    init(contentsOf url: URL) throws {
        let file = try DICOMFile(contentsOf: url)
        try file.convertToUTF8()
        let dataset = file.dataset
        sopClassUID = dataset.text(.sopClassUID) ?? ""
        guard Self.sopClasses.contains(sopClassUID) else {
            throw InputError.unreadable(url.lastPathComponent, reason: "it is not a structured report")
        }
        studyInstanceUID = dataset.text(Attribute.studyInstanceUID) ?? ""
        patientID = dataset.text(Attribute.patientID)
        let number = dataset.int(Attribute.instanceNumber) ?? 0
        recency =
            (dataset.text(.contentDate) ?? "") + (dataset.text(.contentTime) ?? "")
            + String(repeating: "0", count: max(0, 12 - String(number).count)) + String(number)
        for item in dataset.items(Attribute.contentSequence) { read(item, depth: 0) }
    }

    private mutating func read(_ item: Dataset, depth: Int) {
        guard depth < Self.deepest else { return }
        let concept = code(item, Attribute.conceptNameCodeSequence)
        switch item.text(Attribute.valueType) {
        case "CONTAINER":
            // Summary: the disclaimer of our narrative.
            if concept?.value == "55112-7" { return }
            if concept?.value == "125007" { return readGroup(item) }
            if let meaning = concept?.meaning { text += "\n\n\(meaning.uppercased()):\n" }
            for child in item.items(Attribute.contentSequence) { read(child, depth: depth + 1) }
        case "TEXT":
            guard concept?.value != "121106", let value = item.text(Attribute.textValue) else { return }
            // In our findings document the heading is the name of the text itself.
            if concept?.value == "59776-5" || concept?.value == "19005-8" {
                text += "\n\n\(concept?.meaning.uppercased() ?? ""):\n"
            }
            text += value.replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\r", with: "\n") + "\n"
        default: break
        }
    }

    /// A measurement group of TID 1410: one finding with its box.
    private mutating func readGroup(_ group: Dataset) {
        var label: String?
        var score: Double?
        var regions: [(image: String, region: Region)] = []
        for item in group.items(Attribute.contentSequence) {
            switch (item.text(Attribute.valueType), code(item, Attribute.conceptNameCodeSequence)?.value) {
            case ("CODE", "121071"):
                guard let code = code(item, Attribute.conceptCodeSequence) else { break }
                label =
                    Terminology.standard.findings.first {
                        $0.code.value == code.value && $0.code.scheme == code.scheme
                    }?.name ?? code.meaning
            case ("NUM", "122157"):
                score = item.items(Attribute.measuredValueSequence).first?.double(Attribute.numericValue).map {
                    $0 / 100
                }
            case ("SCOORD", _):
                guard let region = box(item.doubles(Attribute.graphicData) ?? []),
                    let reference = item.items(Attribute.contentSequence).first,
                    let image = reference.items(Attribute.referencedSOPSequence).first?.text(.referencedSOPInstanceUID)
                else { break }
                regions.append((image, region))
            default: break
            }
        }
        guard let label else { return }
        boxes += regions.map { LabelledBox(image: $0.image, label: label, region: $0.region, score: score) }
    }

    private func box(_ points: [Double]) -> Region? {
        guard points.count >= 4, points.count.isMultiple(of: 2) else { return nil }
        let xs = stride(from: 0, to: points.count, by: 2).map { points[$0] }
        let ys = stride(from: 1, to: points.count, by: 2).map { points[$0] }
        guard let x0 = xs.min(), let x1 = xs.max(), let y0 = ys.min(), let y1 = ys.max() else { return nil }
        return Region(x0: x0, y0: y0, x1: x1, y1: y1)
    }

    private func code(_ item: Dataset, _ tag: Tag) -> Code? {
        guard let code = item.items(tag).first else { return nil }
        return Code(
            value: code.text(.codeValue) ?? "", scheme: code.text(.codingSchemeDesignator) ?? "",
            meaning: code.text(.codeMeaning) ?? "")
    }
}

/// A directory of DICOM files, as reports by study.
struct StructuredReportDirectory {
    private(set) var reports: [StructuredReport] = []
    private(set) var faults: [InputFault] = []

    /// Reads every file below the directory, in the order of their paths. Files that are no structured report are named.
    init(_ directory: URL) throws {
        guard let files = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: [.isRegularFileKey])
        else { throw InputError.unreadable(directory.lastPathComponent, reason: "it cannot be listed") }
        let urls = files.compactMap { $0 as? URL }.sorted { $0.path < $1.path }
        for url in urls where (try? url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true {
            do {
                reports.append(try StructuredReport(contentsOf: url))
            } catch let error as InputError {
                faults.append(
                    InputFault(kind: .notAReport, file: url.lastPathComponent, row: nil, detail: error.description))
            } catch {
                faults.append(
                    InputFault(kind: .unreadableFile, file: url.lastPathComponent, row: nil, detail: "\(error)"))
            }
        }
    }

    /// One report per study: the narrative if there is one, and the latest of those.
    var latestByStudy: [String: StructuredReport] {
        var latest: [String: StructuredReport] = [:]
        for report in reports {
            guard let known = latest[report.studyInstanceUID] else {
                latest[report.studyInstanceUID] = report
                continue
            }
            func isNarrative(_ report: StructuredReport) -> Bool { report.sopClassUID.hasSuffix(".88.11") }
            if (isNarrative(report) ? 1 : 0, report.recency) > (isNarrative(known) ? 1 : 0, known.recency) {
                latest[report.studyInstanceUID] = report
            }
        }
        return latest
    }
}
