import Tensors

/// SigLIP's vision transformer (Zhai et al., arXiv 2303.15343): no class token, a bias in the patch embedding.
struct SigLIPVision: VisionEncoder {
    struct Configuration: Decodable, Sendable {
        var hiddenSize: Int
        var intermediateSize: Int
        var layers: Int
        var heads: Int
        var imageSize: Int
        var patchSize: Int
        var function: ActivationFunction
        var epsilon: Float

        enum CodingKeys: String, CodingKey {
            case hiddenSize = "hidden_size"
            case intermediateSize = "intermediate_size"
            case layers = "num_hidden_layers"
            case heads = "num_attention_heads"
            case imageSize = "image_size"
            case patchSize = "patch_size"
            case function = "hidden_act"
            case epsilon = "layer_norm_eps"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            hiddenSize = try container.size(.hiddenSize, default: 768)
            intermediateSize = try container.size(.intermediateSize, default: 3072)
            layers = try container.size(.layers, default: 12)
            heads = try container.size(.heads, default: 12)
            imageSize = try container.size(.imageSize, default: 224)
            patchSize = try container.size(.patchSize, default: 16)
            function = try container.function(.function, default: "gelu_pytorch_tanh")
            epsilon = try container.value(.epsilon, default: 1e-6)
        }
    }

    let imageSize: Int
    let patches: Convolution
    let positions: ConstantMatrix
    let layers: [EncoderLayer]
    let selection: FeatureSelection
    /// Applied after the last layer where the projector expects it (Gemma 3), not in LLaVA-OneVision.
    let postNorm: LayerNorm?

    init(
        _ configuration: Configuration, selection: FeatureSelection, appliesPostNorm: Bool, prefix: String,
        loader: WeightLoader
    ) {
        let width = configuration.hiddenSize
        let side = configuration.imageSize / configuration.patchSize
        imageSize = configuration.imageSize
        patches = loader.convolution(
            prefix + "embeddings.patch_embedding", from: 3, to: width, kernel: configuration.patchSize,
            stride: configuration.patchSize, padding: 0)
        positions = ConstantMatrix(
            rows: side * side, columns: width,
            values: loader.values(prefix + "embeddings.position_embedding.weight", shape: [side * side, width]))
        layers = (0..<selection.layerCount).map {
            loader.encoderLayer(
                "\(prefix)encoder.layers.\($0)", width: width, inner: configuration.intermediateSize,
                heads: configuration.heads, epsilon: configuration.epsilon, function: configuration.function)
        }
        self.selection = selection
        postNorm =
            appliesPostNorm
            ? loader.layerNorm(prefix + "post_layernorm", width, epsilon: configuration.epsilon) : nil
        loader.ignoreEncoder(prefix, layerName: "encoder.layers.", above: selection.layerCount)
        loader.ignore { $0 == prefix + "embeddings.position_ids" }
    }

    func features(_ planes: [Float]) -> Matrix {
        let image = FeatureMap(planes: planes, channels: 3, height: imageSize, width: imageSize)
        let x = patches(image).pixels
        x.add(positions.matrix())
        let hidden = selection.collect(x, layers: layers)
        return postNorm?(hidden) ?? hidden
    }
}
