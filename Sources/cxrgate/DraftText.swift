import Audit
import Findings
import Foundation
import Results

/// A reading on the terminal.
enum DraftText {
    /// The warning, the narrative by section, or why there is none.
    static func narrative(_ reading: Reading) -> String {
        var lines = ["DRAFT, NOT VERIFIED. " + TerminalText.line(reading.disclaimer)]
        if let abstention = reading.abstention {
            let term = Terminology.standard.abstentionReason(abstention.reason)
            lines.append("")
            lines.append("Not analysed (\(abstention.reason)): \(term?.explanation ?? "")")
            if let detail = abstention.detail { lines.append("  \(TerminalText.line(detail))") }
            return lines.joined(separator: "\n")
        }
        for (section, title) in [(ReportSection.findings, "Findings"), (.impression, "Impression")] {
            let sentences = reading.sentences.filter { $0.section == section }
            guard !sentences.isEmpty else { continue }
            lines.append("")
            lines.append(title)
            lines += sentences.map { "  " + TerminalText.line($0.text) }
        }
        return lines.joined(separator: "\n")
    }

    /// One row a finding, with its boxes as the result objects have them: whole pixels, x before y.
    ///
    /// - Parameter names: What the images are called, by SOP Instance UID.
    static func findings(_ reading: Reading, imageNames names: [String: String] = [:]) -> Table {
        var table = Table(
            [
                .init("finding", "FINDING"), .init("state", "STATE"), .init("probability", "PROBABILITY"),
                .init("certainty", "CERTAINTY"), .init("severity", "SEVERITY"), .init("side", "SIDE"),
                .init("site", "SITE", isRare: true), .init("regions", "REGIONS (x0,y0 to x1,y1)", maximumWidth: 80),
                .init("image", "IMAGE", maximumWidth: 40),
            ], emptyNote: "No coded findings.")
        for finding in reading.findings {
            let boxes = finding.regions.map { region -> String in
                let box = PixelBox(around: region.region)
                return "\(box.left),\(box.top) to \(box.right),\(box.bottom)"
            }
            let images = Set(finding.regions.map(\.sopInstanceUID))
            let shown = reading.images.map(\.sopInstanceUID).filter(images.contains)
            table.add([
                .text(name(finding.concept)), .text(finding.polarity.rawValue),
                .text(finding.probability.flatMap { $0.calibrated ? "\(Int(($0.value * 100).rounded())) %" : nil }),
                .text(finding.certainty?.rawValue), .text(finding.severity?.rawValue),
                .text(finding.laterality?.rawValue),
                .text(finding.site.flatMap { Terminology.standard.site($0)?.name }),
                .text(boxes.joined(separator: "; ")),
                .text(shown.map { names[$0] ?? $0 }.joined(separator: "; ")),
            ])
        }
        return table
    }

    /// A concept's name for people.
    static func name(_ concept: FindingConcept) -> String {
        switch concept {
        case .term(let key): Terminology.standard.finding(key)?.name ?? key
        case .code(let code): code.meaning
        }
    }
}
