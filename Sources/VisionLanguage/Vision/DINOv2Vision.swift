import Tensors

/// DINOv2's vision transformer (Oquab et al., arXiv 2304.07193) with LayerScale, in Hugging Face's keys (MAIRA-2's
/// Rad-DINO) and in timm's (LLaVA-Rad's tower, with query, key and value in one matrix).
struct DINOv2Vision: VisionEncoder {
    /// The two spellings of the same tensors.
    enum Keys: Sendable {
        case huggingFace, timm
    }

    struct Configuration: Decodable, Sendable {
        var hiddenSize: Int
        var intermediateSize: Int
        var layers: Int
        var heads: Int
        var imageSize: Int
        var patchSize: Int
        var function: ActivationFunction
        var epsilon: Float
        /// Whether the backbone's features pass its final norm.
        var appliesNorm: Bool

        enum CodingKeys: String, CodingKey {
            case hiddenSize = "hidden_size"
            case intermediateSize = "intermediate_size"
            case ratio = "mlp_ratio"
            case layers = "num_hidden_layers"
            case heads = "num_attention_heads"
            case imageSize = "image_size"
            case patchSize = "patch_size"
            case function = "hidden_act"
            case epsilon = "layer_norm_eps"
            case appliesNorm = "apply_layernorm"
            case usesSwiGLU = "use_swiglu_ffn"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            hiddenSize = try container.size(.hiddenSize, default: 768)
            let ratio = try container.value(.ratio, default: 4.0)
            intermediateSize = try container.size(.intermediateSize, default: Int(Double(hiddenSize) * ratio))
            layers = try container.size(.layers, default: 12)
            heads = try container.size(.heads, default: 12)
            imageSize = try container.size(.imageSize, default: 518)
            patchSize = try container.size(.patchSize, default: 14)
            function = try container.function(.function, default: "gelu")
            epsilon = try container.value(.epsilon, default: 1e-6)
            appliesNorm = try container.value(.appliesNorm, default: true)
            guard try !container.value(.usesSwiGLU, default: false) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .usesSwiGLU, in: container, debugDescription: "DINOv2 with SwiGLU is not supported")
            }
        }
    }

    let imageSize: Int
    let patches: Convolution
    let classToken: [Float]
    let positions: ConstantMatrix
    let layers: [EncoderLayer]
    let selection: FeatureSelection
    let norm: LayerNorm?

    init(
        _ configuration: Configuration, keys: Keys, selection: FeatureSelection, appliesNorm: Bool, prefix: String,
        loader: WeightLoader
    ) {
        let width = configuration.hiddenSize
        let tokens = (configuration.imageSize / configuration.patchSize).squared + 1
        let isTimm = keys == .timm
        imageSize = configuration.imageSize
        patches = loader.convolution(
            prefix + (isTimm ? "patch_embed.proj" : "embeddings.patch_embeddings.projection"), from: 3, to: width,
            kernel: configuration.patchSize, stride: configuration.patchSize, padding: 0)
        classToken = loader.values(prefix + (isTimm ? "cls_token" : "embeddings.cls_token"), shape: [1, 1, width])
        positions = ConstantMatrix(
            rows: tokens, columns: width,
            values: loader.values(
                prefix + (isTimm ? "pos_embed" : "embeddings.position_embeddings"), shape: [1, tokens, width]))
        layers = (0..<selection.layerCount).map { index in
            isTimm
                ? loader.timmLayer("\(prefix)blocks.\(index)", configuration)
                : loader.dinoLayer("\(prefix)encoder.layer.\(index)", configuration)
        }
        self.selection = selection
        let normName = prefix + (isTimm ? "norm" : "layernorm")
        norm = appliesNorm ? loader.layerNorm(normName, width, epsilon: configuration.epsilon) : nil
        loader.ignoreEncoder(prefix, layerName: isTimm ? "blocks." : "encoder.layer.", above: selection.layerCount)
        // Used in pretraining only.
        loader.ignore { $0 == prefix + "embeddings.mask_token" || $0.hasPrefix(normName + ".") }
    }

    func features(_ planes: [Float]) -> Matrix {
        let image = FeatureMap(planes: planes, channels: 3, height: imageSize, width: imageSize)
        let x = Matrix(stacking: [Matrix(rows: 1, columns: classToken.count, classToken), patches(image).pixels])
        x.add(positions.matrix())
        let hidden = selection.collect(x, layers: layers)
        let normed = norm?(hidden) ?? hidden
        return normed.rows(1..<normed.rows)
    }
}

extension WeightLoader {
    fileprivate func dinoLayer(_ prefix: String, _ configuration: DINOv2Vision.Configuration) -> EncoderLayer {
        let width = configuration.hiddenSize
        func projection(_ name: String) -> Linear {
            linear("\(prefix).attention.\(name)", from: width, to: width, bias: true, part: .vision)
        }
        return EncoderLayer(
            attentionNorm: layerNorm(prefix + ".norm1", width, epsilon: configuration.epsilon),
            query: projection("attention.query"), key: projection("attention.key"),
            value: projection("attention.value"), output: projection("output.dense"),
            attentionScale: vector(prefix + ".layer_scale1.lambda1", width),
            perceptronNorm: layerNorm(prefix + ".norm2", width, epsilon: configuration.epsilon),
            expand: linear(
                prefix + ".mlp.fc1", from: width, to: configuration.intermediateSize, bias: true, part: .vision),
            function: configuration.function,
            contract: linear(
                prefix + ".mlp.fc2", from: configuration.intermediateSize, to: width, bias: true, part: .vision),
            perceptronScale: vector(prefix + ".layer_scale2.lambda1", width), heads: configuration.heads)
    }

    fileprivate func timmLayer(_ prefix: String, _ configuration: DINOv2Vision.Configuration) -> EncoderLayer {
        let width = configuration.hiddenSize
        let qkv = fusedLinears(prefix + ".attn.qkv", from: width, to: [width, width, width], part: .vision)
        return EncoderLayer(
            attentionNorm: layerNorm(prefix + ".norm1", width, epsilon: configuration.epsilon), query: qkv[0],
            key: qkv[1], value: qkv[2],
            output: linear(prefix + ".attn.proj", from: width, to: width, bias: true, part: .vision),
            attentionScale: vector(prefix + ".ls1.gamma", width),
            perceptronNorm: layerNorm(prefix + ".norm2", width, epsilon: configuration.epsilon),
            expand: linear(
                prefix + ".mlp.fc1", from: width, to: configuration.intermediateSize, bias: true, part: .vision),
            function: configuration.function,
            contract: linear(
                prefix + ".mlp.fc2", from: configuration.intermediateSize, to: width, bias: true, part: .vision),
            perceptronScale: vector(prefix + ".ls2.gamma", width), heads: configuration.heads)
    }
}

extension Int {
    var squared: Int { self * self }
}
