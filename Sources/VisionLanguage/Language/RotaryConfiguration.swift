import Tensors

/// Rotary position embedding as configurations state it: `rope_theta` with `rope_scaling` in older files,
/// `rope_parameters` in newer ones.
struct RotaryConfiguration: Decodable, Sendable {
    var base: Double?
    /// The factor of linear scaling.
    var factor = 1.0

    enum CodingKeys: String, CodingKey {
        case base = "rope_theta"
        case newType = "rope_type"
        case oldType = "type"
        case factor
    }

    init(base: Double) {
        self.base = base
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        base = try container.decodeIfPresent(Double.self, forKey: .base)
        let oldType = try container.decodeIfPresent(String.self, forKey: .oldType)
        switch try container.decodeIfPresent(String.self, forKey: .newType) ?? oldType {
        case nil, "default": break
        case "linear": factor = try container.decode(Double.self, forKey: .factor)
        case let type?:
            throw DecodingError.dataCorruptedError(
                forKey: .newType, in: container, debugDescription: "rope type \(type) is not supported")
        }
    }

    func embedding(dimensions: Int, assumedBase: Double) -> RotaryEmbedding {
        RotaryEmbedding(base: base ?? assumedBase, dimensions: dimensions, scale: factor)
    }
}

/// What Llama, Mistral and Qwen2 have in common in `text_config`.
struct DecoderConfiguration: Decodable, Sendable {
    var vocabularySize: Int
    var hiddenSize: Int
    var intermediateSize: Int
    var layers: Int
    var heads: Int
    var keyValueHeads: Int
    var headDimension: Int
    var epsilon: Float
    var function: ActivationFunction
    var tiesHead: Bool
    var maximumPositions: Int
    var rotary: RotaryConfiguration

    enum CodingKeys: String, CodingKey {
        case vocabularySize = "vocab_size"
        case hiddenSize = "hidden_size"
        case intermediateSize = "intermediate_size"
        case layers = "num_hidden_layers"
        case heads = "num_attention_heads"
        case keyValueHeads = "num_key_value_heads"
        case headDimension = "head_dim"
        case epsilon = "rms_norm_eps"
        case function = "hidden_act"
        case tiesHead = "tie_word_embeddings"
        case maximumPositions = "max_position_embeddings"
        case base = "rope_theta"
        case oldRotary = "rope_scaling"
        case newRotary = "rope_parameters"
    }

    /// What an architecture assumes where the file is silent.
    struct Assumed {
        var vocabularySize: Int
        var hiddenSize: Int
        var intermediateSize: Int
        var layers: Int
        var heads: Int
        /// Nil: as many as heads.
        var keyValueHeads: Int?
        var maximumPositions: Int
        var base: Double
    }

    init(from decoder: any Decoder) throws {
        try self.init(from: decoder, assumed: Llama.assumed)
    }

    init(from decoder: any Decoder, assumed: Assumed) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        vocabularySize = try container.size(.vocabularySize, default: assumed.vocabularySize)
        hiddenSize = try container.size(.hiddenSize, default: assumed.hiddenSize)
        intermediateSize = try container.size(.intermediateSize, default: assumed.intermediateSize)
        layers = try container.size(.layers, default: assumed.layers)
        heads = try container.size(.heads, default: assumed.heads)
        keyValueHeads = try container.size(.keyValueHeads, default: assumed.keyValueHeads ?? heads)
        headDimension = try container.size(.headDimension, default: hiddenSize / heads)
        epsilon = try container.value(.epsilon, default: 1e-6)
        function = try container.function(.function, default: "silu")
        tiesHead = try container.value(.tiesHead, default: false)
        maximumPositions = try container.size(.maximumPositions, default: assumed.maximumPositions)
        let base = try container.value(.base, default: assumed.base)
        rotary =
            try container.decodeIfPresent(RotaryConfiguration.self, forKey: .newRotary)
            ?? container.decodeIfPresent(RotaryConfiguration.self, forKey: .oldRotary)
            ?? RotaryConfiguration(base: base)
        rotary.base = rotary.base ?? base
        guard heads % keyValueHeads == 0, headDimension % 2 == 0 else {
            throw DecodingError.dataCorruptedError(
                forKey: .keyValueHeads, in: container,
                debugDescription: "\(heads) heads of \(headDimension) do not share \(keyValueHeads) key/value heads")
        }
    }
}

extension WeightLoader {
    /// Embedding, layers, final norm and head under the names of Hugging Face's Llama family.
    ///
    /// - Parameters:
    ///   - prefix: of `model.` and `lm_head.`.
    ///   - bias: whether query, key and value have one.
    ///   - window: the attention window of a layer.
    func decoder(
        _ configuration: DecoderConfiguration, prefix: String, bias: Bool, outputBias: Bool = false,
        window: (Int) -> Int?
    ) -> TransformerDecoder {
        let width = configuration.hiddenSize
        let queryWidth = configuration.heads * configuration.headDimension
        let keyWidth = configuration.keyValueHeads * configuration.headDimension
        let inner = configuration.intermediateSize
        let layers = (0..<configuration.layers).map { index -> DecoderLayer in
            let layer = "\(prefix)model.layers.\(index)"
            func projection(_ name: String, _ inputs: Int, _ outputs: Int, _ bias: Bool) -> Linear {
                linear("\(layer).\(name)_proj", from: inputs, to: outputs, bias: bias, part: .language)
            }
            return DecoderLayer(
                inputNorm: rmsNorm(layer + ".input_layernorm", width, epsilon: configuration.epsilon),
                query: projection("self_attn.q", width, queryWidth, bias),
                key: projection("self_attn.k", width, keyWidth, bias),
                value: projection("self_attn.v", width, keyWidth, bias),
                output: projection("self_attn.o", queryWidth, width, outputBias),
                queryNorm: nil, keyNorm: nil, attentionPostNorm: nil,
                perceptronNorm: rmsNorm(
                    layer + ".post_attention_layernorm", width, epsilon: configuration.epsilon),
                perceptron: GatedMLP(
                    gate: projection("mlp.gate", width, inner, false), up: projection("mlp.up", width, inner, false),
                    down: projection("mlp.down", inner, width, false), function: configuration.function),
                perceptronPostNorm: nil, window: window(index), scale: nil, rotation: 0)
        }
        ignore { $0.hasSuffix("rotary_emb.inv_freq") }
        let embedding = embedding(
            prefix + "model.embed_tokens.weight", rows: configuration.vocabularySize, columns: width)
        return TransformerDecoder(
            width: width, embedding: embedding, embeddingScale: nil, layers: layers,
            rotations: [
                configuration.rotary.embedding(dimensions: configuration.headDimension, assumedBase: 10_000)
            ],
            norm: rmsNorm(prefix + "model.norm", width, epsilon: configuration.epsilon),
            head: head(prefix, embedding, configuration.vocabularySize, width, isTied: configuration.tiesHead),
            headDimension: configuration.headDimension, keyValueHeads: configuration.keyValueHeads,
            cacheFormat: options.cacheFormat)
    }

    /// `lm_head`, or the embedding where they are tied (a tied file may hold a copy).
    func head(_ prefix: String, _ embedding: WeightMatrix, _ rows: Int, _ columns: Int, isTied: Bool) -> Linear {
        let name = prefix + "lm_head.weight"
        if isTied {
            ignore { $0 == name || $0 == name + "_scale" }
            return linear(embedding, bias: nil, part: .language)
        }
        return linear(self.embedding(name, rows: rows, columns: columns), bias: nil, part: .language)
    }
}
