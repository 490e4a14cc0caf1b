import Foundation
import Tensors

/// The project's own small model: convolutional stem, transformer encoder, merged neighbours through two linears, a
/// Llama-type decoder with image codes in its vocabulary, a classification head, a VQ decoder.
/// Source: `Training/LAYOUT.md`.
struct ReferenceModel: VisionLanguageArchitecture {
    struct Configuration: Decodable {
        struct Label: Decodable, Sendable {
            var name: String
            var evidence: String
            var temperature: Double
            var bias: Double
        }

        struct Classifier: Decodable, Sendable {
            var pooling: String
            var labels: [Label]
        }

        var vision: ConvolutionalStemVision.Configuration
        var text: Llama.Configuration
        var imageCodes: ImageCodeDecoder.Configuration?
        var classifier: Classifier?
        var mergeSize: Int
        var projectorSize: Int
        var function: ActivationFunction

        enum CodingKeys: String, CodingKey {
            case vision = "vision_config"
            case text = "text_config"
            case imageCodes = "vq_config"
            case classifier = "classifier_config"
            case mergeSize = "spatial_merge_size"
            case projectorSize = "projector_hidden_size"
            case function = "projector_hidden_act"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vision = try container.decode(ConvolutionalStemVision.Configuration.self, forKey: .vision)
            text = try container.decode(Llama.Configuration.self, forKey: .text)
            imageCodes = try container.decodeIfPresent(ImageCodeDecoder.Configuration.self, forKey: .imageCodes)
            classifier = try container.decodeIfPresent(Classifier.self, forKey: .classifier)
            mergeSize = try container.size(.mergeSize, default: 2)
            projectorSize = try container.size(.projectorSize, default: 512)
            function = try container.function(.function, default: "gelu")
            guard vision.side % mergeSize == 0 else {
                throw DecodingError.dataCorruptedError(
                    forKey: .mergeSize, in: container, debugDescription: "spatial_merge_size does not divide the grid")
            }
        }
    }

    let preprocessor: StandardizingPreprocessor
    let vision: ConvolutionalStemVision
    let side: Int
    let mergeSize: Int
    let projector: Projector
    let decoder: TransformerDecoder
    let maximumPositions: Int
    let labels: [Configuration.Label]
    let classifier: Linear?
    let imageCodes: ImageCodeDecoder?
    let chat = ChatTemplate.chatML(imageNewline: true)
    let imageSlot = ImageSlot.token("<image>")

    init(_ source: ModelSource) throws {
        let configuration = try source.configuration(Configuration.self)
        let loader = source.loader
        let preprocessorFile = source.directory.appendingPathComponent("preprocessor_config.json")
        preprocessor = try StandardizingPreprocessor(
            ConfigurationFile.decode(StandardizingPreprocessor.Configuration.self, at: preprocessorFile),
            file: preprocessorFile.path)
        vision = ConvolutionalStemVision(configuration.vision, prefix: "vision_tower.", loader: loader)
        guard preprocessor.configuration.size.width == vision.imageSize, vision.channels == 1 else {
            throw CheckpointError.badConfiguration(
                file: preprocessorFile.path, reason: "the size is not the encoder's image_size, or not grayscale")
        }
        side = configuration.vision.side
        mergeSize = configuration.mergeSize
        decoder = Llama.decoder(configuration.text, prefix: "language_model.", loader: loader)
        maximumPositions = configuration.text.decoder.maximumPositions
        let width = configuration.vision.hiddenSize
        projector = loader.projector(
            "multi_modal_projector.", names: ["linear_1", "linear_2"],
            widths: [mergeSize * mergeSize * width, configuration.projectorSize, decoder.width],
            function: configuration.function)
        if let head = configuration.classifier {
            guard head.pooling == "mean_max" else {
                throw CheckpointError.unsupported(what: "pooling \(head.pooling)", file: source.configurationFile.path)
            }
            labels = head.labels
            classifier = loader.linear("classifier", from: 2 * width, to: labels.count, bias: true, part: .vision)
        } else {
            (labels, classifier) = ([], nil)
        }
        let vocabularySize = configuration.text.decoder.vocabularySize
        imageCodes = try configuration.imageCodes.map {
            try ImageCodeDecoder($0, vocabularySize: vocabularySize, source: source)
        }
        _ = try source.token("<image>")
    }

    func pixels(of image: ImageBuffer, options: ImageOptions) -> PixelTensor { preprocessor.pixels(of: image) }
    func features(of pixels: PixelTensor) -> Matrix { vision.features(of: pixels) }

    func project(_ features: Matrix, of pixels: PixelTensor) -> Matrix {
        let merged = side / mergeSize
        let width = features.columns
        let x = Matrix(rows: merged * merged, columns: mergeSize * mergeSize * width)
        for row in 0..<side {
            for column in 0..<side {
                let target = row / mergeSize * merged + column / mergeSize
                let place = (row % mergeSize * mergeSize + column % mergeSize) * width
                x.rows(target..<target + 1).columns(place..<place + width)
                    .copy(from: features.rows(row * side + column..<row * side + column + 1))
            }
        }
        return projector(x)
    }

    func classify(_ features: Matrix) -> [LabelProbability] {
        guard let classifier else { return [] }
        let logits = classifier(pooled(features)).row(0)
        return zip(labels, logits).map { label, logit in
            LabelProbability(
                name: label.name, probability: 1 / (1 + exp(-(Double(logit) / label.temperature + label.bias))),
                evidence: label.evidence)
        }
    }

    /// Mean and maximum over all positions, joined.
    func pooled(_ features: Matrix) -> Matrix {
        var mean = [Float](repeating: 0, count: features.columns)
        var maximum = [Float](repeating: -.infinity, count: features.columns)
        for row in 0..<features.rows {
            features.withRow(row) { values in
                for column in values.indices {
                    mean[column] += values[column]
                    maximum[column] = max(maximum[column], values[column])
                }
            }
        }
        mean = mean.map { $0 / Float(features.rows) }
        return Matrix(rows: 1, columns: 2 * features.columns, mean + maximum)
    }
}
