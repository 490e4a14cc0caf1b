import Foundation
import Tensors

/// A family of vision-language models: its configuration, its parts, and how its prompts are written.
///
/// A new family is one file with one such type and one line in ``ArchitectureRegistry``.
protocol VisionLanguageArchitecture: Sendable {
    /// Reads the configuration and takes the weights.
    init(_ source: ModelSource) throws

    var decoder: TransformerDecoder { get }
    /// How a conversation becomes a prompt.
    var chat: ChatTemplate { get }
    /// How an image is written in a prompt.
    var imageSlot: ImageSlot { get }
    /// The most images of one prompt.
    var maximumImages: Int { get }
    /// The most positions the language model was trained for.
    var maximumPositions: Int { get }

    /// The pixel tensor of an image.
    func pixels(of image: ImageBuffer, options: ImageOptions) -> PixelTensor
    /// What the vision encoder hands to the projector, `[views * tokens, width]`.
    func features(of pixels: PixelTensor) -> Matrix
    /// What takes the place of the image in the prompt, `[tokens, language model's width]`.
    func project(_ features: Matrix, of pixels: PixelTensor) -> Matrix
    /// Probabilities of the classification head's labels; empty for families without one.
    func classify(_ features: Matrix) -> [LabelProbability]
    /// The decoder of image codes; nil for families that do not draw.
    var imageCodes: ImageCodeDecoder? { get }
}

extension VisionLanguageArchitecture {
    var maximumImages: Int { 1 }
    var imageCodes: ImageCodeDecoder? { nil }

    func classify(_ features: Matrix) -> [LabelProbability] { [] }
}

extension VisionEncoder {
    /// All views below each other.
    func features(of pixels: PixelTensor) -> Matrix {
        let views = (0..<pixels.viewCount).map { features(pixels.planes($0)) }
        return views.count == 1 ? views[0] : Matrix(stacking: views)
    }
}

/// How an image is written in the text that is tokenised.
enum ImageSlot: Sendable {
    /// The marker is a token of the vocabulary, repeated once for every image vector.
    case token(String)
    /// As `token`, with text around the run (Gemma 3).
    case framed(before: String, token: String, after: String)
    /// The marker is no token: the text on each side is tokenised by itself (LLaVA's own code).
    case boundary
}

/// A label of the classification head.
public struct LabelProbability: Sendable, Equatable {
    /// The label's name in the checkpoint.
    public let name: String
    /// Calibrated probability.
    public let probability: Double
    /// What the label was measured on, as the checkpoint states it (`real`, `phantom`).
    public let evidence: String
}

/// A model directory while it is being loaded.
struct ModelSource {
    let directory: URL
    let loader: WeightLoader
    let tokenizer: Tokenizer

    /// `config.json` as the family reads it.
    func configuration<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try ConfigurationFile.decode(type, at: configurationFile)
    }

    var configurationFile: URL { directory.appendingPathComponent("config.json") }

    /// The number of a token that the family needs.
    func token(_ name: String) throws -> Int {
        guard let id = tokenizer.id(of: name) else {
            throw CheckpointError.badConfiguration(
                file: directory.appendingPathComponent("tokenizer.json").path, reason: "the token \(name) is missing")
        }
        return id
    }
}

/// The families that can be loaded, by `model_type`.
enum ArchitectureRegistry {
    static let families: [String: any VisionLanguageArchitecture.Type] = [
        "llava": Llava.self,
        "llava_onevision": LlavaOneVision.self,
        "llava_rad": LlavaRad.self,
        "maira2": Maira2.self,
        "gemma3": Gemma3.self,
        "cxr_reference": ReferenceModel.self,
    ]
}

/// The vision encoders that configurations name.
enum VisionConfiguration: Decodable, Sendable {
    case clip(CLIPVision.Configuration)
    case siglip(SigLIPVision.Configuration)
    case dinov2(DINOv2Vision.Configuration, DINOv2Vision.Keys)

    private enum CodingKeys: String, CodingKey {
        case type = "model_type"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let type = try container.value(.type, default: "clip_vision_model")
        switch type {
        case "clip_vision_model": self = .clip(try CLIPVision.Configuration(from: decoder))
        case "siglip_vision_model": self = .siglip(try SigLIPVision.Configuration(from: decoder))
        case "dinov2": self = .dinov2(try DINOv2Vision.Configuration(from: decoder), .huggingFace)
        case "timm_dinov2": self = .dinov2(try DINOv2Vision.Configuration(from: decoder), .timm)
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: container, debugDescription: "the vision encoder \(type) is not supported")
        }
    }

    /// The width of one hidden state, the number of layers, and the edge of a view in tokens.
    var shape: (width: Int, layers: Int, side: Int) {
        switch self {
        case .clip(let configuration):
            (configuration.hiddenSize, configuration.layers, configuration.imageSize / configuration.patchSize)
        case .siglip(let configuration):
            (configuration.hiddenSize, configuration.layers, configuration.imageSize / configuration.patchSize)
        case .dinov2(let configuration, _):
            (configuration.hiddenSize, configuration.layers, configuration.imageSize / configuration.patchSize)
        }
    }

    func encoder(
        layers: [Int], appliesNorm: Bool = false, prefix: String = "vision_tower.", source: ModelSource
    ) throws -> (encoder: any VisionEncoder, width: Int) {
        let selection = try FeatureSelection(layers, layers: shape.layers, file: source.configurationFile.path)
        let width = shape.width * selection.states.count
        switch self {
        case .clip(let configuration):
            return (
                CLIPVision(configuration, selection: selection, prefix: prefix, loader: source.loader), width
            )
        case .siglip(let configuration):
            return (
                SigLIPVision(
                    configuration, selection: selection, appliesPostNorm: appliesNorm, prefix: prefix,
                    loader: source.loader), width
            )
        case .dinov2(let configuration, let keys):
            return (
                DINOv2Vision(
                    configuration, keys: keys, selection: selection, appliesNorm: appliesNorm, prefix: prefix,
                    loader: source.loader), width
            )
        }
    }

    /// `vision_feature_select_strategy`: `default` drops the class token, `full` keeps all tokens.
    func check(strategy: String, file: String) throws {
        let hasClassToken = if case .siglip = self { false } else { true }
        guard strategy == (hasClassToken ? "default" : "full") else {
            throw CheckpointError.unsupported(
                what: "vision_feature_select_strategy \(strategy) with this encoder", file: file)
        }
    }
}

/// The language models that configurations name.
enum LanguageConfiguration: Decodable, Sendable {
    case llama(Llama.Configuration)
    case mistral(Mistral.Configuration)
    case qwen2(Qwen2.Configuration)
    case gemma3(Gemma3Text.Configuration)

    private enum CodingKeys: String, CodingKey {
        case type = "model_type"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let type = try container.value(.type, default: "llama")
        switch type {
        case "llama": self = .llama(try Llama.Configuration(from: decoder))
        case "mistral": self = .mistral(try Mistral.Configuration(from: decoder))
        case "qwen2": self = .qwen2(try Qwen2.Configuration(from: decoder))
        case "gemma3_text": self = .gemma3(try Gemma3Text.Configuration(from: decoder))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: container, debugDescription: "the language model \(type) is not supported")
        }
    }

    var maximumPositions: Int {
        switch self {
        case .llama(let configuration): configuration.decoder.maximumPositions
        case .mistral(let configuration): configuration.decoder.maximumPositions
        case .qwen2(let configuration): configuration.decoder.maximumPositions
        case .gemma3(let configuration): configuration.maximumPositions
        }
    }

    func decoder(prefix: String = "language_model.", loader: WeightLoader) -> TransformerDecoder {
        switch self {
        case .llama(let configuration): Llama.decoder(configuration, prefix: prefix, loader: loader)
        case .mistral(let configuration): Mistral.decoder(configuration, prefix: prefix, loader: loader)
        case .qwen2(let configuration): Qwen2.decoder(configuration, prefix: prefix, loader: loader)
        case .gemma3(let configuration): Gemma3Text.decoder(configuration, prefix: prefix, loader: loader)
        }
    }
}
