import Foundation
import Tensors
import TestSupport
import Testing

@testable import VisionLanguage

private enum ShippedModel {
    static let directory = SharedData.packageRoot.appendingPathComponent("Models/reference")
    static let isPresent = FileManager.default.fileExists(
        atPath: directory.appendingPathComponent("parity.safetensors").path)
}

/// The shipped weights of `Models/reference` against the numbers that its training wrote beside them.
@Suite(.enabled(if: ShippedModel.isPresent, "Models/reference is absent"))
struct ReferenceModelTests {
    private struct Entry: Decodable {
        struct Answer: Decodable {
            var prompt: String
            var tokens: [Int]
            var text: String
        }
        var file: String
        var texts: [Answer]
    }

    @Test @ModelCompute func theRuntimeReproducesTheTrainersNumbers() throws {
        let model = try VisionLanguageModel.load(directory: ShippedModel.directory, options: .exact)
        let reference = try #require(model.architecture as? ReferenceModel)
        let file = try SafetensorsFile(url: ShippedModel.directory.appendingPathComponent("parity.safetensors"))
        let tensors = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0) })
        func expected(_ name: String) throws -> [Float] { try #require(tensors[name]).floats() }

        let picture = try PNGImage.load(ShippedModel.directory.appendingPathComponent("parity/00.png"))
        let pixels = reference.pixels(of: picture, options: ImageOptions())
        #expect(try relativeError(pixels.values, expected("pixel_values")) < 1e-5)
        let features = reference.features(of: pixels)
        #expect(try relativeError(features.values, expected("vision_tokens")) < 1e-4)
        let projected = reference.project(features, of: pixels)
        #expect(try relativeError(projected.values, expected("projected")) < 1e-4)
        let classifier = try #require(reference.classifier)
        #expect(
            try relativeError(classifier(reference.pooled(features)).row(0), expected("classifier_logits")) < 1e-4)
        let drawing = try #require(reference.imageCodes)
        let image = drawing.image(of: try expected("codes").map(Int.init))
        #expect(try relativeError(image.samples, expected("decoded")) < 1e-4)

        let embedding = ImageEmbedding(
            vectors: ConstantMatrix(rows: projected.rows, columns: projected.columns, values: projected.values),
            geometry: pixels.geometry, labels: reference.classify(features))
        let question = Turn(question: "Provide a radiology report for this Chest X-Ray.")
        let prompt = try model.prompt(model.chat.prompt([question], images: 1), images: [embedding])
        #expect(try prompt.tokens == expected("prompt_ids").map(Int.init))
        let logits = try #require(try DecodingSession(model: model).prefill(prompt)).logits
        #expect(try relativeError(logits, expected("first_logits")) < 1e-4)
    }

    /// All 50 images with `CXRGATE_FULL_PARITY=1`; without optimisation every tenth is enough waiting.
    @Test @ModelCompute func theSameTextFromThePicturesThemselves() throws {
        let model = try VisionLanguageModel.load(directory: ShippedModel.directory, options: .exact)
        let entries = try JSONDecoder().decode(
            [Entry].self, from: Data(contentsOf: ShippedModel.directory.appendingPathComponent("parity.json")))
        let isFull = ProcessInfo.processInfo.environment["CXRGATE_FULL_PARITY"] == "1"
        for index in stride(from: 0, to: entries.count, by: isFull ? 1 : 10) {
            let entry = entries[index]
            let image = try model.encode(PNGImage.load(ShippedModel.directory.appendingPathComponent(entry.file)))
            for answer in entry.texts {
                let conversation = Conversation(model: model, images: [image])
                let options = GenerationOptions(maximumTokens: answer.tokens.count + 1, repetitionGuard: nil)
                let found = try conversation.ask(answer.prompt, options: options)
                let ids = found.tokens.map(\.id).filter { !model.endTokens.contains($0) }
                let expected = answer.tokens.filter { !model.endTokens.contains($0) }
                #expect(Array(ids.prefix(expected.count)) == expected, "\(entry.file): \(answer.prompt)")
            }
        }
    }

    /// What 8 and 4 bits cost on the shipped weights, vision at 8 bits, as the gateway runs them (activations in 8 bits).
    @Test(arguments: [(WeightFormat.q8, 0.001, 0.99), (.q4, 0.01, 0.97)]) @ModelCompute
    func quantisedVariantsStayClose(_ format: WeightFormat, _ divergence: Double, _ agreement: Double) throws {
        let reference = try VisionLanguageModel.load(directory: ShippedModel.directory, options: .exact)
        var options = LoadingOptions()
        (options.languageFormat, options.visionFormat) = (format, .q8)
        let quantised = try VisionLanguageModel.load(directory: ShippedModel.directory, options: options)
        let question = Turn(
            question: "Provide a radiology report for this Chest X-Ray with the location of each finding.")
        let prompt = reference.chat.prompt([question], images: 1)
        let drifts = try stride(from: 0, to: 50, by: 10).map { index in
            let file = ShippedModel.directory.appendingPathComponent(String(format: "parity/%02d.png", index))
            return try DecodingSession.drift(
                of: quantised, from: reference, image: PNGImage.load(file), prompts: [prompt], tokens: 32)
        }
        let mean = drifts.map(\.meanDivergence).reduce(0, +) / Double(drifts.count)
        let same = drifts.map(\.agreement).reduce(0, +) / Double(drifts.count)
        print("\(format): divergence \(mean) nats, the same token at \(same) of 160 positions")
        #expect(mean < divergence)
        #expect(same > agreement)
    }
}
