import Tensors

/// LLaVA-1.5 (Liu et al., arXiv 2310.03744) as `llava-hf` publishes it: CLIP, two linears, Vicuna or Mistral.
struct Llava: VisionLanguageArchitecture {
    struct Configuration: Decodable {
        var vision: VisionConfiguration
        var text: LanguageConfiguration
        var featureLayers: OneOrMany
        var strategy: String
        var function: ActivationFunction
        var projectorBias: Bool

        enum CodingKeys: String, CodingKey {
            case vision = "vision_config"
            case text = "text_config"
            case featureLayers = "vision_feature_layer"
            case strategy = "vision_feature_select_strategy"
            case function = "projector_hidden_act"
            case projectorBias = "multimodal_projector_bias"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vision = try container.decode(VisionConfiguration.self, forKey: .vision)
            text = try container.decode(LanguageConfiguration.self, forKey: .text)
            featureLayers = try container.value(.featureLayers, default: OneOrMany([-2]))
            strategy = try container.value(.strategy, default: "default")
            function = try container.function(.function, default: "gelu")
            projectorBias = try container.value(.projectorBias, default: true)
        }
    }

    let preprocessor: ImagePreprocessor
    let vision: any VisionEncoder
    let projector: Projector
    let decoder: TransformerDecoder
    let maximumPositions: Int
    let chat: ChatTemplate
    let imageSlot = ImageSlot.token("<image>")

    init(_ source: ModelSource) throws {
        let configuration = try source.configuration(Configuration.self)
        try configuration.vision.check(strategy: configuration.strategy, file: source.configurationFile.path)
        preprocessor = try ImagePreprocessor(PreprocessorConfiguration.load(directory: source.directory))
        let (encoder, width) = try configuration.vision.encoder(
            layers: configuration.featureLayers.values, source: source)
        vision = encoder
        decoder = configuration.text.decoder(loader: source.loader)
        projector = source.loader.projector(
            "multi_modal_projector.", names: ["linear_1", "linear_2"],
            widths: [width, decoder.width, decoder.width], function: configuration.function,
            bias: configuration.projectorBias)
        maximumPositions = configuration.text.maximumPositions
        chat = if case .mistral = configuration.text { .mistral } else { .llava }
        _ = try source.token("<image>")
    }

    func pixels(of image: ImageBuffer, options: ImageOptions) -> PixelTensor { preprocessor.pixels(of: image) }
    func features(of pixels: PixelTensor) -> Matrix { vision.features(of: pixels) }
    func project(_ features: Matrix, of pixels: PixelTensor) -> Matrix { projector(features) }
}
