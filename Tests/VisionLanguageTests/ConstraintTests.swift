import Foundation
import Testing

@testable import VisionLanguage

@Suite struct ConstraintTests {
    private func verdict(_ text: String, _ syntax: BoxSyntax, maximum: Int = 3) -> GrammarVerdict {
        BoxGrammar(syntax: syntax, maximum: maximum).verdict(Array(text.utf8)[...])
    }

    @Test(arguments: [
        ("", GrammarVerdict.partial), ("[", .partial), ("[0", .partial), ("[0.", .partial), ("[0.1", .partial),
        ("[0.12", .partial), ("[0.123", .impossible), ("[0.1, ", .partial), ("[2", .impossible), ("[1.5", .impossible),
        ("[1.0, 0, 1, 0.25", .partial), ("[0.1, 0.2, 0.3, 0.4]", .complete), ("[0.1 0.2", .impossible),
        ("[0.1, 0.2, 0.3]", .impossible), ("[0.1, 0.2, 0.3, 0.4] an", .partial),
        ("[0.1, 0.2, 0.3, 0.4] and [0.5, 0.6, 0.7, 0.8]", .complete), ("[0.1, 0.2, 0.3, 0.4] or", .impossible),
        ("[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1] and [0, 0, 1, 1]", .final), ("no", .impossible),
    ])
    func normalizedBoxesAreRecognised(_ text: String, _ expected: GrammarVerdict) {
        #expect(verdict(text, .normalizedList) == expected, "\(text)")
    }

    @Test(arguments: [
        ("<box><x5><y99><x10><y0></box>", GrammarVerdict.complete), ("<box><x5><y99>", .partial),
        ("<box><x100>", .impossible), ("<box><y5>", .impossible), ("<box><x5><y1><x2><y3></box><box>", .partial),
        ("<box><x5><y1><x2><y3></box><box><x5><y1><x2><y3></box>", .final),
    ])
    func binBoxesAreRecognised(_ text: String, _ expected: GrammarVerdict) {
        #expect(verdict(text, .binTokens, maximum: 2) == expected, "\(text)")
    }

    @Test(arguments: ["llava", "reference", "gemma3", "onevision"]) @ModelCompute
    func aRandomModelAnswersYesOrNoWhenItMust(_ name: String) throws {
        let model = try VisionLanguageModel.load(directory: Fixture.url("models/\(name)"), options: .exact)
        let prompt = try model.prompt("Is there a pneumothorax?")
        for seed in 1...4 {
            let options = GenerationOptions(
                sampling: .random(temperature: 3, seed: UInt64(seed)), constraint: .choices(["yes", "no"]))
            let answer = try DecodingSession(model: model).generate(prompt, options: options)
            #expect(["yes", "no"].contains(answer.text.trimmingCharacters(in: .whitespaces)), "\(answer.text)")
            #expect(answer.ending == .constraintFulfilled)
        }
    }

    @Test(arguments: ["llava", "reference", "gemma3", "onevision"]) @ModelCompute
    func aRandomModelWritesSoundBoxesWhenItMust(_ name: String) throws {
        let model = try VisionLanguageModel.load(directory: Fixture.url("models/\(name)"), options: .exact)
        let prompt = try model.prompt("Where is the left lung?")
        for seed in 1...4 {
            let options = GenerationOptions(
                sampling: .random(temperature: 2, seed: UInt64(seed)), maximumTokens: 200,
                constraint: .boxes(.normalizedList, maximum: 2))
            let answer = try DecodingSession(model: model).generate(prompt, options: options)
            let text = answer.text.trimmingCharacters(in: .whitespaces)
            #expect([.complete, .final].contains(verdict(text, .normalizedList, maximum: 2)), "\(text)")
        }
    }

    @Test @ModelCompute func aConstraintThatTheVocabularyCannotSpellEndsEmpty() throws {
        let model = try VisionLanguageModel.load(directory: Fixture.url("models/llava"), options: .exact)
        let answer = try DecodingSession(model: model).generate(
            model.prompt("x"), options: GenerationOptions(constraint: .choices([])))
        #expect(answer.ending == .constraintFulfilled && answer.text.isEmpty)
    }
}
