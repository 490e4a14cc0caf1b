import Tensors

/// CLIP's vision transformer (Radford et al., arXiv 2103.00020) as Hugging Face stores it, the misspelt `pre_layrnorm`
/// included. The class token takes part in attention and is dropped from the features.
struct CLIPVision: VisionEncoder {
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
            patchSize = try container.size(.patchSize, default: 32)
            function = try container.function(.function, default: "quick_gelu")
            epsilon = try container.value(.epsilon, default: 1e-5)
        }
    }

    let imageSize: Int
    let patches: Convolution
    let classEmbedding: [Float]
    let positions: ConstantMatrix
    let preNorm: LayerNorm
    let layers: [EncoderLayer]
    let selection: FeatureSelection

    init(_ configuration: Configuration, selection: FeatureSelection, prefix: String, loader: WeightLoader) {
        let width = configuration.hiddenSize
        let side = configuration.imageSize / configuration.patchSize
        imageSize = configuration.imageSize
        patches = loader.convolution(
            prefix + "embeddings.patch_embedding", from: 3, to: width, kernel: configuration.patchSize,
            stride: configuration.patchSize, padding: 0, bias: false)
        classEmbedding = loader.vector(prefix + "embeddings.class_embedding", width)
        positions = ConstantMatrix(
            rows: side * side + 1, columns: width,
            values: loader.values(
                prefix + "embeddings.position_embedding.weight", shape: [side * side + 1, width]))
        preNorm = loader.layerNorm(prefix + "pre_layrnorm", width, epsilon: configuration.epsilon)
        layers = (0..<selection.layerCount).map {
            loader.encoderLayer(
                "\(prefix)encoder.layers.\($0)", width: width, inner: configuration.intermediateSize,
                heads: configuration.heads, epsilon: configuration.epsilon, function: configuration.function)
        }
        self.selection = selection
        loader.ignoreEncoder(prefix, layerName: "encoder.layers.", above: selection.layerCount)
        // A buffer that older saves contain.
        loader.ignore { $0 == prefix + "embeddings.position_ids" }
    }

    func features(_ planes: [Float]) -> Matrix {
        let image = FeatureMap(planes: planes, channels: 3, height: imageSize, width: imageSize)
        let grid = patches(image).pixels
        let x = Matrix(stacking: [Matrix(rows: 1, columns: classEmbedding.count, classEmbedding), grid])
        x.add(positions.matrix())
        let hidden = selection.collect(preNorm(x), layers: layers)
        return hidden.rows(1..<hidden.rows)
    }
}

/// Constant activations of a model, Sendable where ``Matrix`` is not.
struct ConstantMatrix: Sendable {
    let rows: Int
    let columns: Int
    let values: [Float]

    func matrix() -> Matrix { Matrix(rows: rows, columns: columns, values) }
}

extension WeightLoader {
    /// Layers above the one whose output is used, and the norms and heads after them, are part of the published files.
    func ignoreEncoder(_ prefix: String, layerName: String, above count: Int) {
        ignore { name in
            guard name.hasPrefix(prefix) else { return false }
            let rest = name.dropFirst(prefix.count)
            if rest.hasPrefix(layerName) {
                let number = rest.dropFirst(layerName.count).prefix { $0 != "." }
                return Int(number).map { $0 >= count } ?? false
            }
            return ["post_layernorm.", "head."].contains { rest.hasPrefix($0) }
        }
    }
}
