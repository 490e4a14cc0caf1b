import Tensors

/// LLaVA-Rad (Zambrano Chaves et al., arXiv 2403.08002) as `Training/convert/llava_rad.py` writes it: a DINOv2-type tower
/// in timm's keys without its final norm, two linears, Vicuna with merged LoRA.
struct LlavaRad: VisionLanguageArchitecture {
    struct Configuration: Decodable {
        var vision: VisionConfiguration
        var text: LanguageConfiguration
        var featureLayers: OneOrMany
        var function: ActivationFunction

        enum CodingKeys: String, CodingKey {
            case vision = "vision_config"
            case text = "text_config"
            case featureLayers = "vision_feature_layer"
            case function = "projector_hidden_act"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vision = try container.decode(VisionConfiguration.self, forKey: .vision)
            text = try container.decode(LanguageConfiguration.self, forKey: .text)
            featureLayers = try container.value(.featureLayers, default: OneOrMany([-2]))
            function = try container.function(.function, default: "gelu")
        }
    }

    let preprocessor: ImagePreprocessor
    let vision: any VisionEncoder
    let projector: Projector
    let decoder: TransformerDecoder
    let maximumPositions: Int
    let chat = ChatTemplate.vicuna
    let imageSlot = ImageSlot.boundary

    init(_ source: ModelSource) throws {
        let configuration = try source.configuration(Configuration.self)
        preprocessor = try ImagePreprocessor(PreprocessorConfiguration.load(directory: source.directory))
        let (encoder, width) = try configuration.vision.encoder(
            layers: configuration.featureLayers.values, source: source)
        vision = encoder
        decoder = configuration.text.decoder(loader: source.loader)
        projector = source.loader.projector(
            "multi_modal_projector.", names: ["0", "2"], widths: [width, decoder.width, decoder.width],
            function: configuration.function)
        maximumPositions = configuration.text.maximumPositions
    }

    func pixels(of image: ImageBuffer, options: ImageOptions) -> PixelTensor { preprocessor.pixels(of: image) }
    func features(of pixels: PixelTensor) -> Matrix { vision.features(of: pixels) }
    func project(_ features: Matrix, of pixels: PixelTensor) -> Matrix { projector(features) }
}
