import Foundation
import Tensors

/// From a grid of vector-quantised image codes to a grayscale image: codebook, then convolutions with residual blocks and
/// nearest-neighbour upsampling (van den Oord et al., arXiv 1711.00937). Source of the layout: `Training/LAYOUT.md`.
struct ImageCodeDecoder: Sendable {
    struct Configuration: Decodable, Sendable {
        var grid: Int
        var codebookSize: Int
        var codeWidth: Int
        var channels: [Int]
        var blocks: [Int]
        var groups: Int
        var epsilon: Float
        var firstToken: Int
        var startToken: Int
        var endToken: Int

        enum CodingKeys: String, CodingKey {
            case grid
            case codebookSize = "codebook_size"
            case codeWidth = "code_dim"
            case channels = "decoder_channels"
            case blocks = "decoder_blocks"
            case groups = "norm_num_groups"
            case epsilon = "norm_eps"
            case firstToken = "image_code_offset"
            case startToken = "image_start_token_id"
            case endToken = "image_end_token_id"
        }
    }

    struct Block: Sendable {
        let firstNorm: GroupNorm
        let first: Convolution
        let secondNorm: GroupNorm
        let second: Convolution

        func callAsFunction(_ x: FeatureMap) -> FeatureMap {
            let inner = firstNorm(x)
            inner.pixels.apply(.silu)
            let outer = secondNorm(first(inner))
            outer.pixels.apply(.silu)
            let result = second(outer)
            result.pixels.add(x.pixels)
            return result
        }
    }

    struct Level: Sendable {
        let blocks: [Block]
        let upsample: Convolution?
    }

    let configuration: Configuration
    let codebook: WeightMatrix
    let input: Convolution
    let levels: [Level]
    let outputNorm: GroupNorm
    let output: Convolution

    /// Codes of one image.
    var codeCount: Int { configuration.grid * configuration.grid }
    /// Tokens that stand for codes.
    var tokens: Range<Int> { configuration.firstToken..<configuration.firstToken + configuration.codebookSize }
    /// Rows and columns of the image.
    var imageSize: Int { configuration.grid << (levels.count - 1) }

    init(_ configuration: Configuration, vocabularySize: Int, source: ModelSource) throws {
        let loader = source.loader
        let prefix = "vq_model."
        let channels = configuration.channels
        guard let first = channels.first, let last = channels.last, configuration.blocks.count == channels.count,
            channels.allSatisfy({ $0 > 0 && $0 % max(configuration.groups, 1) == 0 }), configuration.groups > 0,
            configuration.grid > 0, configuration.codebookSize > 0, configuration.firstToken >= 0,
            configuration.firstToken + configuration.codebookSize <= vocabularySize,
            (0..<vocabularySize).contains(configuration.startToken)
        else {
            throw CheckpointError.badConfiguration(
                file: source.configurationFile.path, reason: "vq_config does not fit itself or the vocabulary")
        }
        self.configuration = configuration
        codebook = loader.weight(
            prefix + "codebook.weight", rows: configuration.codebookSize, columns: configuration.codeWidth,
            part: .vision)
        func convolution(_ name: String, _ from: Int, _ to: Int) -> Convolution {
            loader.convolution(prefix + "decoder." + name, from: from, to: to, kernel: 3, stride: 1, padding: 1)
        }
        func norm(_ name: String, _ width: Int) -> GroupNorm {
            loader.groupNorm(
                prefix + "decoder." + name, width, groups: configuration.groups, epsilon: configuration.epsilon)
        }
        input = convolution("conv_in", configuration.codeWidth, first)
        levels = channels.enumerated().map { index, width in
            Level(
                blocks: (0..<configuration.blocks[index]).map { number in
                    let block = "levels.\(index).blocks.\(number)"
                    return Block(
                        firstNorm: norm(block + ".norm1", width), first: convolution(block + ".conv1", width, width),
                        secondNorm: norm(block + ".norm2", width), second: convolution(block + ".conv2", width, width))
                },
                upsample: index + 1 < channels.count
                    ? convolution("levels.\(index).upsample", width, channels[index + 1]) : nil)
        }
        outputNorm = norm("norm_out", last)
        output = convolution("conv_out", last, 1)
    }

    /// The image of a grid of codes (row by row): samples in 0...1, dark air and bright bone.
    func image(of codes: [Int]) -> (width: Int, height: Int, samples: [Float]) {
        precondition(codes.count == codeCount, "\(codes.count) codes for a grid of \(codeCount)")
        let grid = configuration.grid
        var x = input(FeatureMap(height: grid, width: grid, pixels: codebook.lookup(codes)))
        for level in levels {
            for block in level.blocks { x = block(x) }
            if let upsample = level.upsample { x = upsample(x.upsampledNearest(by: 2)) }
        }
        let normed = outputNorm(x)
        normed.pixels.apply(.silu)
        let samples = output(normed).pixels.values.map { min(max(($0 + 1) / 2, 0), 1) }
        return (x.width, x.height, samples)
    }
}
