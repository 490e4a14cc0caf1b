import Foundation
import Tensors

/// A vision-language model in memory. Immutable, so that any number of sessions share one.
///
/// Memory: weights in the file's format stay in the page cache (memory-mapped); converted ones are allocated once. Each
/// session adds ``cacheBytesPerPosition`` for every position it holds.
public final class VisionLanguageModel: Sendable {
    /// The directory it was loaded from.
    public let directory: URL
    /// `model_type`.
    public let family: String
    public let tokenizer: Tokenizer
    /// How conversations are written.
    public var chat: ChatTemplate { architecture.chat }
    /// The most positions of prompt and answer together.
    public var maximumPositions: Int { architecture.maximumPositions }
    /// The most images of one prompt.
    public var maximumImages: Int { architecture.maximumImages }
    /// Bytes of keys and values that one position takes in a session.
    public var cacheBytesPerPosition: Int { architecture.decoder.cacheBytesPerPosition }
    /// Whether it can synthesise images.
    public var draws: Bool { architecture.imageCodes != nil }
    /// What `generation_config.json` recommends, beside the defaults of ``GenerationOptions``.
    public let recommended: GenerationConfiguration

    let architecture: any VisionLanguageArchitecture
    let endTokens: Set<Int>

    private init(
        directory: URL, family: String, tokenizer: Tokenizer, architecture: any VisionLanguageArchitecture,
        recommended: GenerationConfiguration, endTokens: Set<Int>
    ) {
        self.directory = directory
        self.family = family
        self.tokenizer = tokenizer
        self.architecture = architecture
        self.recommended = recommended
        self.endTokens = endTokens
    }

    /// Loads a Hugging Face model directory.
    ///
    /// - Throws: ``CheckpointError`` that names what is missing, unknown or does not fit. Nothing in a checkpoint is
    ///   executed.
    public static func load(
        directory: URL, options: LoadingOptions = LoadingOptions()
    ) throws -> VisionLanguageModel {
        let file = directory.appendingPathComponent("config.json")
        let header = try ConfigurationFile.decode(ModelHeader.self, at: file)
        guard let type = ArchitectureRegistry.families[header.family] else {
            throw CheckpointError.unknownArchitecture(
                name: header.family, known: ArchitectureRegistry.families.keys.sorted())
        }
        if let method = header.quantization, method != QuantizedCheckpoint.method {
            throw CheckpointError.unsupported(what: "quantisation by \(method)", file: file.path)
        }
        let checkpoint = try CheckpointDirectory(url: directory)
        let tokenizer = try Tokenizer.load(directory: directory)
        let loader = WeightLoader(
            try CanonicalNames.rename(checkpoint.tensors, file: directory.path), options: options)
        let source = ModelSource(directory: directory, loader: loader, tokenizer: tokenizer)
        let architecture = try type.init(source)
        try loader.finish(architecture: header.family)
        let recommended = try GenerationConfiguration.load(directory: directory)
        var ends = Set(recommended.endTokens ?? header.endTokens)
        for stop in architecture.chat.stops {
            if let id = tokenizer.id(of: stop), tokenizer.isSpecial(id) { ends.insert(id) }
        }
        return VisionLanguageModel(
            directory: directory, family: header.family, tokenizer: tokenizer, architecture: architecture,
            recommended: recommended, endTokens: ends)
    }

    /// Encodes an image once for any number of questions.
    @ModelCompute
    public func encode(_ image: ImageBuffer, options: ImageOptions = ImageOptions()) throws -> ImageEmbedding {
        try Task.checkCancellation()
        let pixels = architecture.pixels(of: image, options: options)
        let features = architecture.features(of: pixels)
        let vectors = architecture.project(features, of: pixels)
        return ImageEmbedding(
            vectors: ConstantMatrix(rows: vectors.rows, columns: vectors.columns, values: vectors.values),
            geometry: pixels.geometry, labels: architecture.classify(features))
    }

    /// A user's text without what the tokenizer would take for control tokens, so that a text that spells
    /// `<|im_end|>` cannot end its own turn. The image marker stays.
    public func sanitized(_ text: String) -> String {
        var result = text
        for token in tokenizer.added.byID.values
        where token.special && token.content != ChatTemplate.imageMarker && result.contains(token.content) {
            result = result.replacingOccurrences(of: token.content, with: "")
        }
        return result
    }
}

/// What every `config.json` says about the whole.
struct ModelHeader: Decodable {
    var family: String
    var endTokens: [Int]
    /// Who quantised the weights; nil for plain ones.
    var quantization: String?

    private enum CodingKeys: String, CodingKey {
        case family = "model_type"
        case endTokens = "eos_token_id"
        case text = "text_config"
        case quantization = "quantization_config"
    }

    private struct Quantization: Decodable {
        var method: String

        enum CodingKeys: String, CodingKey {
            case method = "quant_method"
        }
    }

    private struct Text: Decodable {
        var endTokens: OneOrMany?

        enum CodingKeys: String, CodingKey {
            case endTokens = "eos_token_id"
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        family = try container.decode(String.self, forKey: .family)
        quantization = try container.decodeIfPresent(Quantization.self, forKey: .quantization)?.method
        let own = try container.decodeIfPresent(OneOrMany.self, forKey: .endTokens)
        let text = try container.decodeIfPresent(Text.self, forKey: .text)?.endTokens
        // 2 is Llama's, which older files leave out.
        endTokens = (own ?? text ?? OneOrMany([2])).values
    }
}

/// `generation_config.json`.
public struct GenerationConfiguration: Sendable, Decodable {
    /// How image codes are drawn (the reference model).
    public struct Image: Sendable, Decodable {
        public var guidance: Double
        public var temperature: Double
        public var topK: Int

        private enum CodingKeys: String, CodingKey {
            case guidance, temperature
            case topK = "top_k"
        }

        public init(guidance: Double = 3, temperature: Double = 1, topK: Int = 0) {
            self.guidance = guidance
            self.temperature = temperature
            self.topK = topK
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            guidance = try container.value(.guidance, default: 3)
            temperature = try container.value(.temperature, default: 1)
            topK = try container.value(.topK, default: 0)
        }
    }

    /// Tokens that end an answer.
    public var endTokens: [Int]?
    public var maximumTokens: Int?
    public var repetitionPenalty: Double?
    public var image: Image?

    private enum CodingKeys: String, CodingKey {
        case endTokens = "eos_token_id"
        case maximumTokens = "max_new_tokens"
        case repetitionPenalty = "repetition_penalty"
        case image
    }

    init() {}

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        endTokens = try container.decodeIfPresent(OneOrMany.self, forKey: .endTokens)?.values
        maximumTokens = try container.decodeIfPresent(Int.self, forKey: .maximumTokens)
        repetitionPenalty = try container.decodeIfPresent(Double.self, forKey: .repetitionPenalty)
        image = try container.decodeIfPresent(Image.self, forKey: .image)
    }

    static func load(directory: URL) throws -> GenerationConfiguration {
        let file = directory.appendingPathComponent("generation_config.json")
        guard FileManager.default.fileExists(atPath: file.path) else { return GenerationConfiguration() }
        return try ConfigurationFile.decode(GenerationConfiguration.self, at: file)
    }
}
