import Foundation
import Tensors
import TestSupport
import Testing

@testable import VisionLanguage

@Suite struct QuantizationTests {
    private static let families = ["llava", "onevision", "gemma3", "llava-rad", "maira2", "reference"]

    @Test(arguments: families, [WeightFormat.q8, .q4]) @ModelCompute
    func aQuantisedFileIsTheModelQuantisedAtLoading(_ name: String, _ format: WeightFormat) throws {
        let scratch = try ScratchDirectory()
        let target = scratch.url.appendingPathComponent("quantised")
        let source = Fixture.url("models/\(name)")
        var shares: [Double] = []
        try QuantizedCheckpoint.write(
            from: source, to: target, formats: .init(language: format, vision: .q8)
        ) { shares.append($0) }
        #expect(shares == shares.sorted() && shares.last == 1)
        let fromFile = try VisionLanguageModel.load(directory: target, options: .exact)
        var options = LoadingOptions.exact
        (options.languageFormat, options.visionFormat) = (format, .q8)
        let atLoading = try VisionLanguageModel.load(directory: source, options: options)
        let image = try Fixture.picture("wide")
        let text = try #require(ParityTests.prompts[name])
        func logits(_ model: VisionLanguageModel) throws -> [Float] {
            let prompt = try model.prompt(text, images: [model.encode(image)])
            return try #require(try DecodingSession(model: model).prefill(prompt)).logits
        }
        // Gemma's projection is converted at loading only; in the file it keeps its transposed layout.
        #expect(try relativeError(logits(fromFile), logits(atLoading)) < (name == "gemma3" ? 0.05 : 1e-6))
        let description = try fromFile.description()
        #expect(description.bytesByType["U8"] ?? 0 > 0)
        let plain = try VisionLanguageModel.load(directory: source).description()
        #expect(description.weightBytes < plain.weightBytes || plain.bytesByType["F32"] == nil)
    }

    @Test(arguments: families) @ModelCompute
    func eightBitsStayCloseToFullPrecisionAndFourBitsLess(_ name: String) throws {
        let source = Fixture.url("models/\(name)")
        let reference = try VisionLanguageModel.load(directory: source, options: .exact)
        let text = try #require(ParityTests.prompts[name])
        let image = try Fixture.picture("wide")
        func drift(_ language: WeightFormat, _ activation: ActivationFormat) throws -> QuantizationDrift {
            let options = LoadingOptions(
                languageFormat: language, visionFormat: .q8, languageActivation: activation,
                visionActivation: activation, cacheFormat: .float32)
            return try DecodingSession.drift(
                of: VisionLanguageModel.load(directory: source, options: options), from: reference, image: image,
                prompts: [text], tokens: 16)
        }
        let same = try DecodingSession.drift(
            of: reference, from: reference, image: image, prompts: [text], tokens: 16)
        #expect(same.agreement == 1 && same.greatestDivergence < 1e-9 && same.positions == 16)
        let (eight, four) = (try drift(.q8, .float32), try drift(.q4, .float32))
        // Rows of 24 to 48 weights: one block a row, the hardest case for blocks of 32.
        #expect(eight.meanDivergence < 0.05, "\(eight)")
        #expect(eight.meanDivergence < four.meanDivergence)
        #expect(four.meanDivergence.isFinite)
        #expect(try drift(.q8, .int8).meanDivergence < 0.2)
    }

    @Test func visionBelowEightBitsAndSecondQuantisationAreRefused() throws {
        #expect(throws: CheckpointError.self) { try QuantizedCheckpoint.Formats(language: .q4, vision: .q4) }
        let scratch = try ScratchDirectory()
        let (once, twice) = (scratch.url.appendingPathComponent("1"), scratch.url.appendingPathComponent("2"))
        let formats = try QuantizedCheckpoint.Formats(language: .q4)
        try QuantizedCheckpoint.write(from: Fixture.url("models/reference"), to: once, formats: formats)
        #expect(throws: CheckpointError.self) {
            try QuantizedCheckpoint.write(from: once, to: twice, formats: formats)
        }
        #expect(!FileManager.default.fileExists(atPath: twice.path))
        #expect(throws: CheckpointError.self) {
            try QuantizedCheckpoint.write(from: Fixture.url("models/llava"), to: once, formats: formats)
        }
    }
}
