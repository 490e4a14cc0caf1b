import DICOM
import Foundation
import Results

/// The two reports as the PACS has them: what a viewer would show.
struct ReceivedReport {
    /// A section of the narrative.
    struct Section {
        let title: String
        let sentences: [String]
    }

    /// The sections of the narrative report, the summary with the warning first.
    private(set) var sections: [Section] = []
    /// Whether the reports say that the study was not analysed.
    private(set) var isAbstention = false
    /// One row a finding.
    private(set) var findings = Table(
        [
            .init("finding", "FINDING"), .init("state", "STATE"), .init("probability", "PROBABILITY"),
            .init("side", "SIDE"), .init("regions", "REGIONS (x0,y0 to x1,y1)", maximumWidth: 80),
        ], emptyNote: "No coded findings.")

    /// Reads the narrative and the findings report among some files, of each the last revision.
    init(_ files: [URL]) {
        let datasets = files.compactMap { try? DICOMFile(contentsOf: $0).dataset }
        func last(_ kind: ResultKind) -> Dataset? {
            datasets.filter { $0.text(.sopClassUID).flatMap { ResultKind(sopClassUID: $0) } == kind }
                .max { ($0.int(.instanceNumber) ?? 0) < ($1.int(.instanceNumber) ?? 0) }
        }
        sections = last(.narrative).map(Self.sections) ?? []
        if let report = last(.findings) { addFindings(report) }
    }

    private static func sections(_ dataset: Dataset) -> [Section] {
        dataset.items(.contentSequence).filter { $0.text(.valueType) == "CONTAINER" }.map { container in
            Section(
                title: container.conceptName ?? "",
                sentences: container.items(.contentSequence).compactMap { $0.text(.textValue) })
        }
    }

    /// Evaluations, with the regions of the measurement groups that bear the same code and side.
    private mutating func addFindings(_ dataset: Dataset) {
        let containers = dataset.items(.contentSequence)
        var regions: [String: [String]] = [:]
        var probabilities: [String: String] = [:]
        for measurements in containers where measurements.conceptCode == "126010" {
            for group in measurements.items(.contentSequence) where group.conceptCode == "125007" {
                let parts = group.items(.contentSequence)
                guard let finding = parts.first(where: { $0.conceptCode == "121071" }) else { continue }
                let key = [finding.value?.code ?? "", Self.side(parts)].joined(separator: " ")
                for part in parts where part.text(.valueType) == "SCOORD" {
                    if let box = Self.box(part) { regions[key, default: []].append(box) }
                }
                if let number = parts.first(where: { $0.conceptCode == "122157" })?
                    .items(.measuredValueSequence).first?.double(.numericValue)
                {
                    probabilities[key] = "\(Int(number.rounded())) %"
                }
            }
        }
        for evaluations in containers where evaluations.conceptCode == "C0034375" {
            for item in evaluations.items(.contentSequence) where item.text(.valueType) == "CODE" {
                // The conclusion is coded for an abstention only: with its reason.
                guard item.conceptCode != "121077" else {
                    isAbstention = true
                    continue
                }
                let side = Self.side(item.items(.contentSequence))
                let key = [item.conceptCode ?? "", side].joined(separator: " ")
                findings.add([
                    .text(item.conceptName), .text(item.value?.meaning), .text(probabilities[key]), .text(side),
                    .text(regions.removeValue(forKey: key)?.joined(separator: "; ")),
                ])
            }
        }
    }

    /// The laterality below a finding site, in lower case; empty when there is none.
    private static func side(_ items: [Dataset]) -> String {
        let site = items.first { $0.conceptCode == "363698007" }
        let laterality = site?.items(.contentSequence).first { $0.conceptCode == "272741003" }
        return laterality?.value?.meaning.lowercased() ?? ""
    }

    /// A polyline's corners.
    private static func box(_ item: Dataset) -> String? {
        guard let points = item.doubles(.graphicData), points.count >= 6 else { return nil }
        let columns = stride(from: 0, to: points.count, by: 2).map { Int(points[$0].rounded()) }
        let rows = stride(from: 1, to: points.count, by: 2).map { Int(points[$0].rounded()) }
        guard let left = columns.min(), let right = columns.max(), let top = rows.min(), let bottom = rows.max()
        else { return nil }
        return "\(left),\(top) to \(right),\(bottom)"
    }
}

extension Dataset {
    fileprivate var conceptCode: String? { items(.conceptNameCodeSequence).first?.text(.codeValue) }
    fileprivate var conceptName: String? { items(.conceptNameCodeSequence).first?.text(.codeMeaning) }

    /// The value of a CODE item.
    fileprivate var value: (code: String, meaning: String)? {
        items(.conceptCodeSequence).first.map { ($0.text(.codeValue) ?? "", $0.text(.codeMeaning) ?? "") }
    }
}
