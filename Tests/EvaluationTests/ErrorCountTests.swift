import Findings
import Testing

@testable import Evaluation

@Suite struct ErrorCountTests {
    let counter: ErrorCounter

    init() throws {
        counter = try ErrorCounter(extractor: FindingExtractor())
    }

    static let report = """
        FINDINGS: Small left pleural effusion, unchanged. New right lower lobe consolidation concerning for pneumonia.
        The heart is mildly enlarged. No pneumothorax. Right PICC in the SVC.
        IMPRESSION: Right lower lobe consolidation. Small left effusion.
        """

    @Test func identicalReportsHaveNoErrors() {
        let count = counter.count(reference: Self.report, candidate: Self.report)
        #expect(count.errors.isEmpty, "\(count.errors.map(\.explanation))")
        #expect(count.matchedFindings == 5)
    }

    @Test func everySentenceAgreesWithItself() throws {
        for sentence in try LabelledSentence.load("development") + LabelledSentence.load("held-out") {
            let count = counter.count(reference: sentence.text, candidate: sentence.text)
            #expect(count.errors.isEmpty, "\(sentence.text): \(count.errors.map(\.explanation))")
        }
    }

    @Test func anEmptyReportOmitsEverything() {
        let count = counter.count(reference: Self.report, candidate: "")
        #expect(count.count(.omittedFinding) == 5)
        #expect(count.errors.count == 5)
        #expect(counter.count(reference: "", candidate: "").errors.isEmpty)
    }

    @Test func omissionsAndInventionsMirrorEachOther() {
        let other = "Large right pneumothorax. No effusion. Cardiomegaly, new."
        let there = counter.count(reference: Self.report, candidate: other)
        let back = counter.count(reference: other, candidate: Self.report)
        #expect(there.count(.omittedFinding) == back.count(.falseFinding))
        #expect(there.count(.falseFinding) == back.count(.omittedFinding))
        #expect(there.count(.wrongSeverity) == back.count(.wrongSeverity))
        #expect(there.count(.omittedComparison) == back.count(.comparisonNotInReference))
    }

    @Test func negativesAloneAreNoErrors() {
        let count = counter.count(
            reference: "No effusion. No pneumothorax.",
            candidate: "The lungs are clear. No acute cardiopulmonary process.")
        #expect(count.errors.isEmpty)
    }

    @Test(arguments: [
        ("Left effusion.", "No effusion.", ReportErrorKind.omittedFinding),
        ("No effusion.", "Left effusion.", .falseFinding), ("Left effusion.", "Right effusion.", .wrongLocation),
        ("Left effusion.", "Bilateral effusions.", .wrongLocation),
        ("Opacity in the right upper lobe.", "Opacity in the right lower lobe.", .wrongLocation),
        ("Trace left effusion.", "Large left effusion.", .wrongSeverity),
        ("Left effusion.", "Increased left effusion.", .comparisonNotInReference),
        ("Decreased left effusion.", "Increased left effusion.", .comparisonNotInReference),
        ("Stable left effusion.", "Left effusion.", .omittedComparison),
        ("Resolution of the left effusion.", "No effusion.", .omittedComparison),
        ("No effusion.", "The effusion has resolved.", .comparisonNotInReference),
    ])
    func eachTypeIsCounted(_ reference: String, _ candidate: String, _ kind: ReportErrorKind) {
        let count = counter.count(reference: reference, candidate: candidate)
        #expect(count.errors.map(\.kind) == [kind], "\(count.errors.map(\.explanation))")
    }

    @Test(arguments: [
        ("Opacity at the right base.", "Consolidation in the right lower lobe."),
        ("Bilateral effusions.", "Left effusion. Right effusion."),
        ("Left effusion. Right effusion.", "Bilateral effusions."),
        ("Possible pneumonia.", "Pneumonia."), ("Effusion.", "Left effusion."), ("Effusion.", "Small effusion."),
        ("Rib fracture.", "Fracture."),
    ])
    func whatIsTheSameInOtherWordsIsNoError(_ reference: String, _ candidate: String) {
        let count = counter.count(reference: reference, candidate: candidate)
        #expect(count.errors.isEmpty, "\(count.errors.map(\.explanation))")
    }

    @Test func theExplanationNamesTheSpans() throws {
        let candidate = "There is a large right pleural effusion."
        let count = counter.count(reference: "No effusion.", candidate: candidate)
        let error = try #require(count.errors.first)
        #expect(error.candidate?.words(in: candidate) == "pleural effusion")
        #expect(error.reference?.words(in: "No effusion.") == "effusion")
        #expect(error.explanation.contains("denies"))
    }

    @Test func everySignificanceRowsExampleHolds() {
        for row in counter.significance.rows {
            let count = counter.count(reference: row.example.reference, candidate: row.example.candidate)
            let found = count.errors.map { "\($0.kind.rawValue) \($0.isSignificant ? "significant" : "minor")" }
            #expect(found.contains(row.example.expect), "\(row.example): \(found)")
            #expect(row.example.expect.hasSuffix(row.significant ? "significant" : "minor"))
            #expect(count.errors.contains { $0.explanation.contains(row.reason) })
        }
    }
}
