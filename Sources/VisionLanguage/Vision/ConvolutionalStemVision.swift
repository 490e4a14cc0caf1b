import Tensors

/// The reference model's encoder: strided convolutions with residual blocks, then transformer layers.
/// Source: `Training/LAYOUT.md`.
struct ConvolutionalStemVision: VisionEncoder {
    struct Configuration: Decodable, Sendable {
        var imageSize: Int
        var channels: Int
        var stemChannels: [Int]
        var stemBlocks: [Int]
        var stemFunction: ActivationFunction
        var hiddenSize: Int
        var intermediateSize: Int
        var layers: Int
        var heads: Int
        var function: ActivationFunction
        var epsilon: Float

        /// Tokens along each edge.
        var side: Int { imageSize >> stemChannels.count }

        enum CodingKeys: String, CodingKey {
            case imageSize = "image_size"
            case channels = "num_channels"
            case stemChannels = "stem_channels"
            case stemBlocks = "stem_blocks"
            case stemFunction = "stem_act"
            case hiddenSize = "hidden_size"
            case intermediateSize = "intermediate_size"
            case layers = "num_hidden_layers"
            case heads = "num_attention_heads"
            case function = "hidden_act"
            case epsilon = "layer_norm_eps"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            imageSize = try container.size(.imageSize, default: 256)
            channels = try container.size(.channels, default: 1)
            stemChannels = try container.decode([Int].self, forKey: .stemChannels)
            stemBlocks = try container.decode([Int].self, forKey: .stemBlocks)
            stemFunction = try container.function(.stemFunction, default: "relu")
            hiddenSize = try container.size(.hiddenSize, default: 256)
            intermediateSize = try container.size(.intermediateSize, default: 1024)
            layers = try container.size(.layers, default: 4)
            heads = try container.size(.heads, default: 4)
            function = try container.function(.function, default: "gelu")
            epsilon = try container.value(.epsilon, default: 1e-6)
            guard stemChannels.count == stemBlocks.count, !stemChannels.isEmpty, stemChannels.allSatisfy({ $0 > 0 }),
                stemChannels.last == hiddenSize, imageSize % (1 << stemChannels.count) == 0,
                hiddenSize % heads == 0
            else {
                throw DecodingError.dataCorruptedError(
                    forKey: .stemChannels, in: container,
                    debugDescription: "the stem does not lead from image_size to hidden_size")
            }
        }
    }

    struct Stage: Sendable {
        let down: Convolution
        let blocks: [(first: Convolution, second: Convolution)]
    }

    let imageSize: Int
    let channels: Int
    let stages: [Stage]
    let stemFunction: ActivationFunction
    let positions: ConstantMatrix
    let layers: [EncoderLayer]
    let postNorm: LayerNorm

    init(_ configuration: Configuration, prefix: String, loader: WeightLoader) {
        imageSize = configuration.imageSize
        channels = configuration.channels
        stemFunction = configuration.stemFunction
        var previous = configuration.channels
        var stages: [Stage] = []
        for (index, width) in configuration.stemChannels.enumerated() {
            let stage = "\(prefix)stem.\(index)"
            let down = loader.convolution(
                stage + ".conv", from: previous, to: width, kernel: 3, stride: 2, padding: 1)
            let blocks = (0..<configuration.stemBlocks[index]).map { block in
                (
                    first: loader.convolution(
                        "\(stage).blocks.\(block).conv1", from: width, to: width, kernel: 3, stride: 1, padding: 1),
                    second: loader.convolution(
                        "\(stage).blocks.\(block).conv2", from: width, to: width, kernel: 3, stride: 1, padding: 1)
                )
            }
            stages.append(Stage(down: down, blocks: blocks))
            previous = width
        }
        self.stages = stages
        let width = configuration.hiddenSize
        let tokens = configuration.side.squared
        positions = ConstantMatrix(
            rows: tokens, columns: width,
            values: loader.values(prefix + "position_embedding", shape: [tokens, width]))
        layers = (0..<configuration.layers).map {
            loader.encoderLayer(
                "\(prefix)encoder.layers.\($0)", width: width, inner: configuration.intermediateSize,
                heads: configuration.heads, epsilon: configuration.epsilon, function: configuration.function)
        }
        postNorm = loader.layerNorm(prefix + "post_layernorm", width, epsilon: configuration.epsilon)
    }

    func features(_ planes: [Float]) -> Matrix {
        var map = FeatureMap(planes: planes, channels: channels, height: imageSize, width: imageSize)
        for stage in stages {
            map = stage.down(map)
            map.pixels.apply(stemFunction)
            for block in stage.blocks {
                let inner = block.first(map)
                inner.pixels.apply(stemFunction)
                map.pixels.add(block.second(inner).pixels)
                map.pixels.apply(stemFunction)
            }
        }
        let x = map.pixels
        x.add(positions.matrix())
        for layer in layers { layer.apply(to: x) }
        return postNorm(x)
    }
}
