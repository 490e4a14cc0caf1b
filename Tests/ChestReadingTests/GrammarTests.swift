import Findings
import Foundation
import TestSupport
import Testing

@testable import ChestReading

/// Whole reports in the words that the reference model was taught (`Fixtures/make_reports.py`).
@Suite struct GrammarTests {
    private struct Report: Decodable {
        struct Told: Decodable {
            var label: String
            var side: String
            var severity: String
            var boxes: Int
        }

        var report: String
        var told: [Told]
    }

    private static let severities: [String: Set<Severity>] = [
        "small": [.minimal, .mild], "moderate": [.moderate], "large": [.severe],
    ]

    @Test func wholeReportsComeBackAsTheyWereMeant() throws {
        let file = SharedData.packageRoot.appendingPathComponent("Tests/ChestReadingTests/Fixtures/reports.json")
        let reports = try JSONDecoder().decode([Report].self, from: Data(contentsOf: file))
        #expect(reports.count == 120)
        for report in reports {
            let parsed = try Parsed(report.report)
            #expect(parsed.reading.validate(against: .standard).isEmpty)
            var accounted: Set<String> = []
            for told in report.told {
                guard case .term(let key)? = HeadEvidence.concept(of: told.label) else {
                    Issue.record("the terminology has no term for \(told.label)")
                    continue
                }
                let found = parsed.findings.filter { Self.means($0.concept, key) && $0.polarity != .absent }
                accounted.formUnion(found.map(\.id))
                let comment = Comment(rawValue: "\(told) in: \(report.report) -> \(found) \(parsed.dropped)")
                #expect(!found.isEmpty, comment)
                #expect(found.flatMap(\.regions).count >= told.boxes, comment)
                if let side = Laterality(rawValue: told.side), key != "rib_fracture" {
                    #expect(found.contains { $0.laterality == side }, comment)
                }
                if let severity = Self.severities[told.severity] {
                    #expect(found.contains { $0.severity.map(severity.contains) ?? false }, comment)
                }
            }
            let others = parsed.findings.filter { $0.polarity != .absent && !accounted.contains($0.id) }
                .filter { $0.concept != .term("no_finding") }
            #expect(others.isEmpty, "\(report.report) -> \(others)")
        }
    }

    /// Whether a concept is the label's, or nearer or broader.
    private static func means(_ concept: FindingConcept, _ key: String) -> Bool {
        guard case .term(let own) = concept else { return false }
        return Terminology.standard.lineage(of: own).contains { $0.key == key }
            || Terminology.standard.lineage(of: key).contains { $0.key == own }
    }
}
