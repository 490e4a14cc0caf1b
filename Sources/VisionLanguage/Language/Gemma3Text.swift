import Tensors

/// Gemma 3's language model (arXiv 2503.19786): norms before and after each part with weights stored as differences from
/// one, normalised queries and keys, five windowed layers to one that sees everything, embeddings times sqrt(width),
/// a tied head.
enum Gemma3Text {
    struct Configuration: Decodable, Sendable {
        var vocabularySize: Int
        var hiddenSize: Int
        var intermediateSize: Int
        var layers: Int
        var heads: Int
        var keyValueHeads: Int
        var headDimension: Int
        var epsilon: Float
        var function: ActivationFunction
        var slidingWindow: Int
        var queryScalar: Double
        var maximumPositions: Int
        /// Whether each layer sees everything.
        var isGlobal: [Bool]
        var globalRotary: RotaryConfiguration
        var localRotary: RotaryConfiguration

        enum CodingKeys: String, CodingKey {
            case vocabularySize = "vocab_size"
            case hiddenSize = "hidden_size"
            case intermediateSize = "intermediate_size"
            case layers = "num_hidden_layers"
            case heads = "num_attention_heads"
            case keyValueHeads = "num_key_value_heads"
            case headDimension = "head_dim"
            case epsilon = "rms_norm_eps"
            case function = "hidden_activation"
            case slidingWindow = "sliding_window"
            case queryScalar = "query_pre_attn_scalar"
            case maximumPositions = "max_position_embeddings"
            case layerTypes = "layer_types"
            case pattern = "sliding_window_pattern"
            case base = "rope_theta"
            case localBase = "rope_local_base_freq"
            case oldRotary = "rope_scaling"
            case newRotary = "rope_parameters"
        }

        private struct NewRotary: Decodable {
            var global: RotaryConfiguration
            var local: RotaryConfiguration

            enum CodingKeys: String, CodingKey {
                case global = "full_attention"
                case local = "sliding_attention"
            }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vocabularySize = try container.size(.vocabularySize, default: 262_208)
            hiddenSize = try container.size(.hiddenSize, default: 2304)
            intermediateSize = try container.size(.intermediateSize, default: 9216)
            layers = try container.size(.layers, default: 26)
            heads = try container.size(.heads, default: 8)
            keyValueHeads = try container.size(.keyValueHeads, default: 4)
            headDimension = try container.size(.headDimension, default: 256)
            epsilon = try container.value(.epsilon, default: 1e-6)
            function = try container.function(.function, default: "gelu_pytorch_tanh")
            slidingWindow = try container.size(.slidingWindow, default: 4096)
            queryScalar = try container.value(.queryScalar, default: 256)
            maximumPositions = try container.size(.maximumPositions, default: 131_072)
            let pattern = try container.size(.pattern, default: 6)
            let types = try container.decodeIfPresent([String].self, forKey: .layerTypes)
            isGlobal = types?.map { $0 == "full_attention" } ?? (0..<layers).map { ($0 + 1) % pattern == 0 }
            if let rotary = try? container.decodeIfPresent(NewRotary.self, forKey: .newRotary) {
                (globalRotary, localRotary) = (rotary.global, rotary.local)
            } else {
                globalRotary =
                    try container.decodeIfPresent(RotaryConfiguration.self, forKey: .oldRotary)
                    ?? RotaryConfiguration(base: 1_000_000)
                globalRotary.base = try container.value(.base, default: 1_000_000)
                localRotary = RotaryConfiguration(base: try container.value(.localBase, default: 10_000))
            }
            guard isGlobal.count == layers, heads % keyValueHeads == 0, headDimension % 2 == 0 else {
                throw DecodingError.dataCorruptedError(
                    forKey: .layers, in: container, debugDescription: "layer types or heads do not fit")
            }
        }
    }

    static func decoder(_ configuration: Configuration, prefix: String, loader: WeightLoader) -> TransformerDecoder {
        let width = configuration.hiddenSize
        let inner = configuration.intermediateSize
        let layers = (0..<configuration.layers).map { index -> DecoderLayer in
            let layer = "\(prefix)model.layers.\(index)"
            func norm(_ name: String, _ count: Int) -> RMSNorm {
                loader.rmsNorm("\(layer).\(name)", count, epsilon: configuration.epsilon, offset: 1)
            }
            func projection(_ name: String, _ inputs: Int, _ outputs: Int) -> Linear {
                loader.linear("\(layer).\(name)_proj", from: inputs, to: outputs, bias: false, part: .language)
            }
            let queryWidth = configuration.heads * configuration.headDimension
            let keyWidth = configuration.keyValueHeads * configuration.headDimension
            return DecoderLayer(
                inputNorm: norm("input_layernorm", width),
                query: projection("self_attn.q", width, queryWidth), key: projection("self_attn.k", width, keyWidth),
                value: projection("self_attn.v", width, keyWidth),
                output: projection("self_attn.o", queryWidth, width),
                queryNorm: norm("self_attn.q_norm", configuration.headDimension),
                keyNorm: norm("self_attn.k_norm", configuration.headDimension),
                attentionPostNorm: norm("post_attention_layernorm", width),
                perceptronNorm: norm("pre_feedforward_layernorm", width),
                perceptron: GatedMLP(
                    gate: projection("mlp.gate", width, inner), up: projection("mlp.up", width, inner),
                    down: projection("mlp.down", inner, width), function: configuration.function),
                perceptronPostNorm: norm("post_feedforward_layernorm", width),
                window: configuration.isGlobal[index] ? nil : configuration.slidingWindow,
                scale: Float(1 / configuration.queryScalar.squareRoot()),
                rotation: configuration.isGlobal[index] ? 0 : 1)
        }
        let dimensions = configuration.headDimension
        let embedding = loader.embedding(
            prefix + "model.embed_tokens.weight", rows: configuration.vocabularySize, columns: width)
        return TransformerDecoder(
            width: width, embedding: embedding, embeddingScale: Float(width).squareRoot(), layers: layers,
            rotations: [
                configuration.globalRotary.embedding(dimensions: dimensions, assumedBase: 1_000_000),
                configuration.localRotary.embedding(dimensions: dimensions, assumedBase: 10_000),
            ],
            norm: loader.rmsNorm(prefix + "model.norm", width, epsilon: configuration.epsilon, offset: 1),
            head: loader.head(prefix, embedding, configuration.vocabularySize, width, isTied: true),
            headDimension: dimensions, keyValueHeads: configuration.keyValueHeads,
            cacheFormat: loader.options.cacheFormat)
    }
}
