import Evaluation
import Foundation
import Testing

@Suite struct ReportEvaluationTests {
    let extractor: FindingExtractor

    init() throws {
        extractor = try FindingExtractor()
    }

    private func evaluate(_ pairs: [ReportPair], replicates: Int = 50) throws -> ReportEvaluation {
        try ReportEvaluation.evaluate(
            pairs, extractor: extractor, options: EvaluationOptions(replicates: replicates, seed: 3))
    }

    private func value(_ name: String, _ evaluation: ReportEvaluation) -> Double? {
        evaluation.scores.first { $0.name == name }?.estimate?.value
    }

    @Test func identicalReportsArePerfect() throws {
        let text = "Small left pleural effusion. Stable cardiomegaly. No pneumothorax."
        let evaluation = try evaluate((0..<5).map { ReportPair(id: "\($0)", reference: text, candidate: text) })
        #expect(evaluation.withoutSignificantError?.value == 1)
        #expect(evaluation.errors.allSatisfy { $0.total == 0 })
        #expect(abs((value("BLEU-4", evaluation) ?? 0) - 1) < 1e-12)
        #expect(value("ROUGE-L", evaluation) == 1)
        #expect(evaluation.labels.allSatisfy { $0.microF1?.value == 1 && $0.macroF1?.value == 1 })
        #expect(evaluation.worst.isEmpty)
    }

    @Test func emptyDraftsOmitEverythingAndCrashNothing() throws {
        let evaluation = try evaluate([
            ReportPair(id: "1", reference: "Left effusion.", candidate: ""),
            ReportPair(id: "2", reference: "", candidate: ""),
        ])
        #expect(evaluation.errors.first { $0.kind == .omittedFinding }?.total == 1)
        #expect(value("BLEU-4", evaluation) == 0)
        #expect(evaluation.worst.map(\.pair.id) == ["1"])
        #expect(try evaluate([]).pairs == 0)
    }

    @Test func theSameSeedGivesTheSameJSON() throws {
        let pairs = (0..<12).map {
            ReportPair(
                id: "\($0)", patient: "p\($0 / 3)", reference: "Left effusion. No edema.",
                candidate: $0.isMultiple(of: 3) ? "Right effusion." : "Left effusion.")
        }
        let one = try evaluate(pairs)
        #expect(try one.evaluationJSON() == (try evaluate(pairs).evaluationJSON()))
        #expect(one.patients == 4)
        #expect(one.errors.first { $0.kind == .wrongLocation }?.total == 4)
    }

    @Test func thePageIsSelfContainedAndEscapesReports() throws {
        let evil = "<script>alert(1)</script> Large left effusion & \u{202E}more"
        let page = try evaluate([ReportPair(id: "<b>1</b>", reference: evil, candidate: "\"Clear\" lungs.")]).html()
        #expect(!page.contains("<script"))
        #expect(!page.contains("\u{202E}"))
        #expect(page.contains("&lt;script&gt;"))
        #expect(page.contains("&lt;b&gt;1&lt;/b&gt;"))
        #expect(page.contains("<mark class=\"r\">effusion</mark>"))
        for address in ["http://", "https://", "src=", "url("] {
            let rest = page.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
            #expect(!rest.contains(address), "\(address)")
        }
        #expect(page.contains("@media print"))
    }
}
