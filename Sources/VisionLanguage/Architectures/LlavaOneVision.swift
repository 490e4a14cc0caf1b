import Foundation
import Tensors

/// LLaVA-OneVision (Li et al., arXiv 2408.03326), the architecture of RadVLM: SigLIP on the whole image and on tiles, two
/// linears, Qwen2. The tiles' vectors are laid out as one picture, the padding cut off, shrunk where they are too many,
/// and every row ends with a learned newline.
struct LlavaOneVision: VisionLanguageArchitecture {
    struct Configuration: Decodable {
        var vision: VisionConfiguration
        var text: LanguageConfiguration
        var featureLayers: OneOrMany
        var strategy: String
        var function: ActivationFunction
        var projectorBias: Bool
        /// `anyres_max_9`: the greatest number of tiles' worth of vectors.
        var aspectRatio: String

        enum CodingKeys: String, CodingKey {
            case vision = "vision_config"
            case text = "text_config"
            case featureLayers = "vision_feature_layer"
            case strategy = "vision_feature_select_strategy"
            case function = "projector_hidden_act"
            case projectorBias = "multimodal_projector_bias"
            case aspectRatio = "vision_aspect_ratio"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vision = try container.decode(VisionConfiguration.self, forKey: .vision)
            text = try container.decode(LanguageConfiguration.self, forKey: .text)
            featureLayers = try container.value(.featureLayers, default: OneOrMany([-1]))
            strategy = try container.value(.strategy, default: "full")
            function = try container.function(.function, default: "gelu")
            projectorBias = try container.value(.projectorBias, default: true)
            aspectRatio = try container.value(.aspectRatio, default: "anyres_max_9")
        }
    }

    let preprocessor: ImagePreprocessor
    let vision: any VisionEncoder
    let projector: Projector
    let newline: [Float]
    let side: Int
    let maximumTiles: Int
    let decoder: TransformerDecoder
    let maximumPositions: Int
    let chat = ChatTemplate.chatML(imageNewline: true)
    let imageSlot = ImageSlot.token("<image>")

    init(_ source: ModelSource) throws {
        let configuration = try source.configuration(Configuration.self)
        let file = source.configurationFile.path
        try configuration.vision.check(strategy: configuration.strategy, file: file)
        guard configuration.aspectRatio.hasPrefix("anyres_max_"),
            let tiles = Int(configuration.aspectRatio.dropFirst("anyres_max_".count)), tiles > 0
        else {
            throw CheckpointError.unsupported(what: "vision_aspect_ratio \(configuration.aspectRatio)", file: file)
        }
        maximumTiles = tiles
        preprocessor = try ImagePreprocessor(PreprocessorConfiguration.load(directory: source.directory))
        let (encoder, width) = try configuration.vision.encoder(
            layers: configuration.featureLayers.values, source: source)
        guard preprocessor.resizing == .exact(width: encoder.imageSize, height: encoder.imageSize) else {
            throw CheckpointError.badConfiguration(file: file, reason: "tiles are not of the encoder's image_size")
        }
        vision = encoder
        side = configuration.vision.shape.side
        decoder = configuration.text.decoder(loader: source.loader)
        projector = source.loader.projector(
            "multi_modal_projector.", names: ["linear_1", "linear_2"],
            widths: [width, decoder.width, decoder.width], function: configuration.function,
            bias: configuration.projectorBias)
        newline = source.loader.vector("image_newline", decoder.width)
        maximumPositions = configuration.text.maximumPositions
        _ = try source.token("<image>")
    }

    func pixels(of image: ImageBuffer, options: ImageOptions) -> PixelTensor {
        preprocessor.pixels(of: image, options: options)
    }

    func features(of pixels: PixelTensor) -> Matrix { vision.features(of: pixels) }

    func project(_ features: Matrix, of pixels: PixelTensor) -> Matrix {
        let vectors = projector(features)
        let newlineRow = Matrix(rows: 1, columns: newline.count, newline)
        guard pixels.viewCount > 1 else { return Matrix(stacking: [vectors, newlineRow]) }
        let base = vectors.rows(0..<side * side)
        let picture = shrunk(unpadded(assembled(vectors, pixels), pixels))
        var parts = [base]
        for row in 0..<picture.height {
            parts.append(picture.pixels.rows(row * picture.width..<(row + 1) * picture.width))
            parts.append(newlineRow)
        }
        return Matrix(stacking: parts)
    }

    /// The tiles side by side.
    private func assembled(_ vectors: Matrix, _ pixels: PixelTensor) -> FeatureMap {
        let tiles = pixels.viewCount - 1
        let columns = pixels.tileColumns
        let rows = tiles / columns
        let (height, width) = (rows * side, columns * side)
        let picture = Matrix(rows: height * width, columns: vectors.columns)
        for tile in 0..<tiles {
            let (tileRow, tileColumn) = (tile / columns, tile % columns)
            for row in 0..<side {
                let from = (tile + 1) * side * side + row * side
                let to = (tileRow * side + row) * width + tileColumn * side
                picture.rows(to..<to + side).copy(from: vectors.rows(from..<from + side))
            }
        }
        return FeatureMap(height: height, width: width, pixels: picture)
    }

    /// Without the rows or columns that only show padding. Source: transformers, `unpad_image`.
    private func unpadded(_ picture: FeatureMap, _ pixels: PixelTensor) -> FeatureMap {
        let (sourceWidth, sourceHeight) = (pixels.geometry.sourceWidth, pixels.geometry.sourceHeight)
        let sourceRatio = Double(sourceWidth) / Double(sourceHeight)
        func rounded(_ value: Double) -> Int { Int((value * 1e7).rounded(.toNearestOrEven) / 1e7) }
        if sourceRatio > Double(picture.width) / Double(picture.height) {
            let height = rounded(Double(sourceHeight) * (Double(picture.width) / Double(sourceWidth)))
            let padding = (picture.height - height) / 2
            let kept = padding..<picture.height - padding
            return FeatureMap(
                height: kept.count, width: picture.width,
                pixels: picture.pixels.rows(kept.lowerBound * picture.width..<kept.upperBound * picture.width))
        }
        let width = rounded(Double(sourceWidth) * (Double(picture.height) / Double(sourceHeight)))
        let padding = (picture.width - width) / 2
        let kept = padding..<picture.width - padding
        let rows = (0..<picture.height).map { row in
            picture.pixels.rows(row * picture.width + kept.lowerBound..<row * picture.width + kept.upperBound)
        }
        return FeatureMap(height: picture.height, width: kept.count, pixels: Matrix(stacking: rows))
    }

    /// Shrunk bilinearly where the picture has more than 1.1² times the vectors that `anyres_max_N` allows.
    private func shrunk(_ picture: FeatureMap) -> FeatureMap {
        let allowed = Double(maximumTiles * side * side)
        let ratio = (Double(picture.height * picture.width) / allowed).squareRoot()
        guard ratio > 1.1 else { return picture }
        return picture.resizedBilinear(
            height: Int(Double(picture.height) / ratio), width: Int(Double(picture.width) / ratio))
    }
}

extension PixelTensor {
    /// Tiles in one row of the grid: those with the first tile's vertical place.
    fileprivate var tileColumns: Int {
        let tiles = geometry.views.dropFirst()
        return max(tiles.filter { $0.offsetY == tiles.first?.offsetY }.count, 1)
    }
}
