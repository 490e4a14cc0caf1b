import Foundation
import Tensors
import TestSupport
import Testing

@testable import VisionLanguage

/// The models of `Fixtures/models` against what PyTorch computed with them.
@Suite struct ParityTests {
    static let models = [
        "llava", "llava-old-keys", "llava-mistral", "onevision", "gemma3", "llava-rad", "maira2", "reference",
    ]
    static let cases = ["square", "wide", "tall"]

    private struct Case {
        let model: VisionLanguageModel
        let image: ImageBuffer
        let expected: [String: StoredTensor]
        let name: String

        func floats(_ what: String) throws -> [Float] { try #require(expected["\(name).\(what)"]).floats() }
        func integers(_ what: String) throws -> [Int] { try floats(what).map(Int.init) }
    }

    private static func load(_ model: String, _ name: String) throws -> Case {
        Case(
            model: try VisionLanguageModel.load(directory: Fixture.url("models/\(model)"), options: .exact),
            image: try Fixture.picture(name),
            expected: try Fixture.tensors("models/\(model)/expected.safetensors"), name: name)
    }

    @Test(arguments: models, cases)
    @ModelCompute func visionFeaturesAndProjectionAreTheReferences(_ model: String, _ name: String) throws {
        let test = try Self.load(model, name)
        let architecture = test.model.architecture
        let pixels = architecture.pixels(of: test.image, options: ImageOptions())
        let features = architecture.features(of: pixels)
        #expect(try relativeError(features.values, test.floats("features")) < 1e-4)
        let projected = architecture.project(features, of: pixels)
        #expect(try relativeError(projected.values, test.floats("projected")) < 1e-4)
    }

    @Test(arguments: models, cases)
    @ModelCompute func firstLogitsAndGreedyTokensAreTheReferences(_ model: String, _ name: String) throws {
        let test = try Self.load(model, name)
        let image = try test.model.encode(test.image)
        let prompt = try test.model.prompt(Self.prompts[model] ?? "", images: [image])
        let placeholder = try test.integers("ids").map { $0 == -200 ? -1 : $0 }
        #expect(prompt.tokens == placeholder)
        let session = DecodingSession(model: test.model)
        let logits = try #require(try session.prefill(prompt)).logits
        #expect(try relativeError(logits, test.floats("logits")) < 1e-4)
        let options = GenerationOptions(
            maximumTokens: 64, repetitionGuard: nil, ignoresEndOfSequence: true)
        let generation = try session.generate(prompt, options: options)
        let greedy = try test.integers("greedy")
        #expect(generation.tokens.map(\.id) == greedy)
        #expect(generation.ending == .maximumTokens)
    }

    /// The texts that the fixture script tokenised.
    static let prompts = [
        "llava": "USER: <image>\nIs there a pneumothorax? ASSISTANT:",
        "llava-old-keys": "USER: <image>\nIs there a pneumothorax? ASSISTANT:",
        "llava-mistral": "USER: <image>\nIs there a pneumothorax? ASSISTANT:",
        "onevision": "<|im_start|>user\n<image>\nProvide a report.<|im_end|>\n<|im_start|>assistant\n",
        "gemma3": "<start_of_turn>user\n<image>Describe this.<end_of_turn>\n<start_of_turn>model\n",
        "llava-rad": "A chat. USER: <image>\n"
            + "Provide a description of the findings given the following indication: cough. ASSISTANT:",
        "maira2": "USER: Given the current frontal image only<image> Describe. ASSISTANT:",
        "reference": "<|im_start|>user\n<image>\nList all abnormalities.<|im_end|>\n<|im_start|>assistant\n",
    ]

    @Test(arguments: cases)
    @ModelCompute func referenceModelClassifiesAndDrawsAsPyTorchDoes(_ name: String) throws {
        let test = try Self.load("reference", name)
        let reference = try #require(test.model.architecture as? ReferenceModel)
        let pixels = reference.pixels(of: test.image, options: ImageOptions())
        #expect(try relativeError(pixels.values, test.floats("pixels")) < 1e-5)
        let features = reference.features(of: pixels)
        let classifier = try #require(reference.classifier)
        let logits = classifier(reference.pooled(features)).row(0)
        #expect(try relativeError(logits, test.floats("classes")) < 1e-4)
        let labels = reference.classify(features)
        #expect(labels.map(\.name) == ["Atelectasis", "Fracture"])
        #expect(labels.map(\.evidence) == ["real", "phantom"])
        let expected = 1 / (1 + exp(-(Double(logits[0]) / 1.31 - 0.42)))
        #expect(abs(labels[0].probability - expected) < 1e-9)

        let drawing = try #require(reference.imageCodes)
        let image = drawing.image(of: try test.integers("codes"))
        #expect(image.width == 16 && image.height == 16 && drawing.imageSize == 16)
        #expect(try relativeError(image.samples, test.floats("synthesis")) < 1e-4)
    }
}
