import Audit
import DICOM
import Foundation
import Results
import Worklist

/// What came back to the PACS, and how long it took.
struct DemoOutcome {
    /// What lies at the PACS.
    let files: [URL]
    let sending: DemoStudy.Sending
    let study: StudySummary
    let deliveries: [DeliveryEntry]
    let folder: URL

    /// For people: the draft, the findings, the timings, where the pictures lie.
    func text() throws -> String {
        let report = ReceivedReport(files)
        var lines = ["", "THE DRAFT, as the PACS got it"]
        for section in report.sections {
            lines.append("")
            lines.append(section.title)
            for sentence in section.sentences {
                lines += sentence.split(whereSeparator: \.isNewline).map { "  " + TerminalText.line(String($0)) }
            }
        }
        if !report.isAbstention { lines += ["", report.findings.aligned()] }
        lines += ["", timings.aligned(), ""]
        lines += objects().map { "  \($0)" }
        return (lines + (try pictures())).joined(separator: "\n")
    }

    private var timings: Table {
        var table = Table([.init("step", "STEP"), .init("time", "TIME (UTC)"), .init("after", "SECONDS AFTER RELEASE")])
        let sent = deliveries.compactMap(\.sentAt)
        let steps: [(String, Date?)] = [
            ("first image sent", sending.begun), ("received, durable", study.receivedAt),
            ("association released", sending.released), ("analysed", study.analysedAt),
            ("first result at the PACS", sent.min()), ("last result at the PACS (C-STORE-RSP)", sent.max()),
        ]
        for case (let step, let time?) in steps {
            let clock = time.formatted(
                Date.ISO8601FormatStyle(includingFractionalSeconds: true).time(includingFractionalSeconds: true))
            table.add([
                .text(step), .text(clock), .decimal(time.timeIntervalSince(sending.released), places: 3),
            ])
        }
        return table
    }

    private func objects() -> [String] {
        let kinds = files.compactMap { url -> ResultKind? in
            let dataset = try? DICOMFile(contentsOf: url, before: .patientName).dataset
            return dataset?.text(.sopClassUID).flatMap { ResultKind(sopClassUID: $0) }
        }
        let names = ResultKind.allCases.compactMap { kind -> String? in
            let count = kinds.count { $0 == kind }
            return count == 0 ? nil : count == 1 ? kind.rawValue : "\(count) x \(kind.rawValue)"
        }
        return [
            "Objects at the PACS: \(names.joined(separator: ", ")), in \(folder.appendingPathComponent("pacs").path)"
        ]
    }

    /// Writes the overlays of the last revision as PNG files.
    private func pictures() throws -> [String] {
        let overlays = try files.compactMap { url -> (url: URL, number: Int)? in
            let dataset = try DICOMFile(contentsOf: url, before: .pixelData).dataset
            guard dataset.text(.sopClassUID).flatMap({ ResultKind(sopClassUID: $0) }) == .overlay else { return nil }
            return (url, dataset.int(.instanceNumber) ?? 0)
        }
        // A revision's overlays are numbered from its hundred on (`CompositeHeader`).
        let newest = overlays.map { ($0.number - 1) / 100 }.max()
        let shown = overlays.filter { ($0.number - 1) / 100 == newest }.sorted { $0.number < $1.number }
        return try shown.enumerated().map { index, overlay in
            let target = folder.appendingPathComponent(index == 0 ? "overlay.png" : "overlay-\(index + 1).png")
            try ResultPicture.write(overlay.url, to: target)
            return "  Overlay picture: \(target.path)"
        }
    }
}
