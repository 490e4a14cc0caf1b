import Findings
import Foundation
import Testing

@testable import Evaluation

/// A hand-labelled sentence.
struct LabelledSentence {
    let text: String
    let expected: [Statement]

    /// Reads `sentence => statement; statement` lines.
    static func load(_ name: String) throws -> [LabelledSentence] {
        let text = try String(contentsOf: Fixtures.url("extraction/\(name).txt"), encoding: .utf8)
        return try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = line.components(separatedBy: " =>")
            guard parts.count == 2 else { throw LexiconFault.malformedStatement(String(line)) }
            let notations = parts[1].split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
            return LabelledSentence(
                text: parts[0], expected: try notations.filter { !$0.isEmpty }.map(Statement.init(notation:)))
        }
    }
}

/// Files beside the tests.
enum Fixtures {
    static func url(_ path: String) -> URL {
        Bundle.module.resourceURL!.appendingPathComponent("Fixtures/\(path)")
    }

    static func data(_ path: String) throws -> Data { try Data(contentsOf: url(path)) }
}

/// Counts of matched, invented and missed statements.
struct ExtractionScore {
    var matched = 0
    var invented = 0
    var missed = 0

    var precision: Double { Double(matched) / Double(max(1, matched + invented)) }
    var recall: Double { Double(matched) / Double(max(1, matched + missed)) }

    mutating func add(found: [String], expected: [String]) {
        var remaining = expected
        for statement in found {
            if let index = remaining.firstIndex(of: statement) {
                remaining.remove(at: index)
                matched += 1
            } else {
                invented += 1
            }
        }
        missed += remaining.count
    }
}

@Suite struct ExtractionTests {
    let extractor: FindingExtractor

    init() throws {
        extractor = try FindingExtractor()
    }

    @Test func everyRulesExampleHolds() {
        #expect(extractor.lexicon.examples.count > 70)
        for example in extractor.lexicon.examples {
            let found = extractor.statements(in: example.text)
                .map { $0.certainty == .probable ? $0.notation + " probable" : $0.notation }.sorted()
            let expected = example.expect.map { text in
                // Compared in the canonical order of the short form.
                guard let statement = try? Statement(notation: text) else { return "malformed: \(text)" }
                return statement.certainty == .probable ? statement.notation + " probable" : statement.notation
            }
            #expect(found == expected.sorted(), "\(example.text)")
        }
    }

    /// Floors that the extractor reaches; the figures are printed.
    @Test(arguments: [("development", 300, 0.98, 0.98), ("held-out", 80, 0.85, 0.85)])
    func handLabelledSentencesAreRead(_ set: String, _ least: Int, _ precision: Double, _ recall: Double) throws {
        let sentences = try LabelledSentence.load(set)
        #expect(sentences.count >= least)
        var full = ExtractionScore()
        var polarity = ExtractionScore()
        for sentence in sentences {
            let found = extractor.statements(in: sentence.text)
            let before = full
            full.add(found: found.map(\.notation), expected: sentence.expected.map(\.notation))
            polarity.add(
                found: found.map { "\($0.finding) \($0.polarity)" },
                expected: sentence.expected.map { "\($0.finding) \($0.polarity)" })
            if full.invented != before.invented || full.missed != before.missed {
                print("differs (\(set)): \(sentence.text)")
                print("   found    \(found.map(\.notation).joined(separator: "; "))")
                print("   expected \(sentence.expected.map(\.notation).joined(separator: "; "))")
            }
        }
        func show(_ name: String, _ score: ExtractionScore) {
            print(
                "\(set), \(sentences.count) sentences, \(name): precision \(score.precision), recall \(score.recall)"
                    + " (\(score.matched) matched, \(score.invented) invented, \(score.missed) missed)")
        }
        show("finding and polarity", polarity)
        show("all attributes", full)
        #expect(full.precision >= precision)
        #expect(full.recall >= recall)
    }

    @Test func theSpanHoldsTheFindingsWords() {
        let report = "FINDINGS: Kleine Vorrede — “quoted”. Small left pleural effusions. The heart is mildly enlarged."
        let statements = extractor.statements(in: report)
        #expect(statements.map { $0.words(in: report) } == ["pleural effusions", "heart is mildly enlarged"])
    }

    @Test func sectionsAboutTheQuestionMakeNoStatement() {
        let report = """
            EXAMINATION: Chest PA and lateral
            INDICATION: 54-year-old with cough, evaluate for pneumonia.
            Known effusion.

            COMPARISON: 3 May, pneumothorax.

            FINDINGS:
            The lungs are clear. No pleural
            effusion or pneumothorax. Heart size
            normal

            IMPRESSION:
            1. No acute cardiopulmonary process.
            2. Small hiatal hernia
            """
        #expect(
            extractor.statements(in: report).map(\.notation) == [
                "lung_opacity absent", "pleural_effusion absent", "pneumothorax absent", "cardiomegaly absent",
                "no_finding present", "hiatal_hernia present mild",
            ])
    }

    @Test(arguments: ["", " ", "\n\n", ".", "...", "no", "no.", "‐—“”", "\u{0}\u{1}", ",,,;;;", "No and or, but."])
    func emptyTextsMakeNoStatement(_ text: String) {
        #expect(extractor.statements(in: text).isEmpty)
    }

    @Test func aMegabyteReportIsRead() {
        let sentence = "No focal consolidation, pleural effusion, or pneumothorax. The heart is mildly enlarged. "
        let report = String(repeating: sentence, count: 1_000_000 / sentence.utf8.count)
        #expect(extractor.statements(in: report).count == 4 * (1_000_000 / sentence.utf8.count))
    }

    @Test func aSentenceWithoutEndTakesNoQuadraticTime() {
        let report = String(repeating: "no effusion and small left nodule, possible mass ", count: 2_000)
        #expect(extractor.statements(in: report).count == 6_000)
    }

    @Test func randomWordsNeverBreakIt() {
        let seed: UInt64 = 77
        var generator = RandomSource(seed: seed)
        print("seed \(seed)")
        let words =
            extractor.lexicon.examples.flatMap { $0.text.split(separator: " ").map(String.init) }
            + [",", ";", ".", "(", ")", ":", "/", "\n", "\n\n", "1.", "é", "\u{2014}", "'s", "no", "not", "and", "or"]
        for _ in 0..<2_000 {
            let text = (0..<generator.next(below: 40)).map { _ in words[generator.next(below: words.count)] }
                .joined(separator: " ")
            for statement in extractor.statements(in: text) {
                #expect(statement.span.lowerBound < statement.span.upperBound)
                #expect(statement.span.upperBound <= text.utf8.count)
            }
        }
    }
}
