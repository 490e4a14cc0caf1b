import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

/// The tables in Conformance say what the program does.
@Suite struct DocumentationTests {
    private func text(_ name: String) throws -> String {
        try String(
            contentsOf: SharedData.packageRoot.appendingPathComponent("Conformance/\(name)"), encoding: .utf8)
    }

    @Test func theCodeTableIsTheTerminology() throws {
        let table = try text("CODES.md")
        let terminology = Terminology.standard
        func isListed(_ key: String, _ code: Code) -> Bool {
            table.split(separator: "\n").contains {
                $0.hasPrefix("| \(key) |") && $0.contains("(\(code.value), \(code.scheme), \(code.meaning))")
            }
        }
        for term in terminology.findings { #expect(isListed(term.key, term.code), "\(term.key)") }
        for term in terminology.sites { #expect(isListed(term.key, term.code), "\(term.key)") }
        for term in terminology.abstentionReasons { #expect(isListed(term.key, term.code), "\(term.key)") }
        let unconfirmed = terminology.findings.filter { $0.verification == .unconfirmed }
        for term in unconfirmed {
            #expect(
                table.split(separator: "\n").contains {
                    $0.hasPrefix("| \(term.key) |") && $0.contains("check before release")
                }, "\(term.key)")
        }
    }

    @Test func theExampleReadingGivesEveryObject() throws {
        let document = try text("READING.md")
        let start = try #require(document.range(of: "```json\n")).upperBound
        let end = try #require(document.range(of: "```", range: start..<document.endIndex)).lowerBound
        var study = SampleStudy.oneRegion
        study.reading = try Reading(json: Data(document[start..<end].utf8))
        #expect(try Built(study).objects.count == 5)
    }
}
