import Tensors

/// MAIRA-2 (Bannur et al., arXiv 2406.04449): Rad-DINO with its final norm, four linears, Vicuna with linearly scaled
/// rotary positions; up to three images (frontal, lateral, prior frontal), each stretched to its own range.
struct Maira2: VisionLanguageArchitecture {
    struct Configuration: Decodable {
        var vision: DINOv2Vision.Configuration
        var text: LanguageConfiguration
        var featureLayer: Int
        var function: ActivationFunction
        var projectorLayers: Int

        enum CodingKeys: String, CodingKey {
            case vision = "vision_config"
            case text = "text_config"
            case featureLayer = "vision_feature_layer"
            case function = "projector_hidden_act"
            case projectorLayers = "projector_n_layers"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vision = try container.decode(DINOv2Vision.Configuration.self, forKey: .vision)
            text = try container.decode(LanguageConfiguration.self, forKey: .text)
            featureLayer = try container.value(.featureLayer, default: -1)
            function = try container.function(.function, default: "gelu")
            projectorLayers = try container.size(.projectorLayers, default: 4)
        }
    }

    let preprocessor: ImagePreprocessor
    let vision: any VisionEncoder
    let projector: Projector
    let decoder: TransformerDecoder
    let maximumPositions: Int
    let maximumImages = 3
    let chat = ChatTemplate.maira2
    let imageSlot = ImageSlot.token("<image>")

    init(_ source: ModelSource) throws {
        let configuration = try source.configuration(Configuration.self)
        preprocessor = try ImagePreprocessor(
            PreprocessorConfiguration.load(directory: source.directory), stretchesRange: true)
        let (encoder, width) = try VisionConfiguration.dinov2(configuration.vision, .huggingFace).encoder(
            layers: [configuration.featureLayer], appliesNorm: configuration.vision.appliesNorm, source: source)
        vision = encoder
        decoder = configuration.text.decoder(loader: source.loader)
        projector = source.loader.projector(
            "multi_modal_projector.layers.", names: (0..<configuration.projectorLayers).map { "\(2 * $0)" },
            widths: [width] + [Int](repeating: decoder.width, count: configuration.projectorLayers),
            function: configuration.function)
        maximumPositions = configuration.text.maximumPositions
        _ = try source.token("<image>")
    }

    func pixels(of image: ImageBuffer, options: ImageOptions) -> PixelTensor { preprocessor.pixels(of: image) }
    func features(of pixels: PixelTensor) -> Matrix { vision.features(of: pixels) }
    func project(_ features: Matrix, of pixels: PixelTensor) -> Matrix { projector(features) }
}
