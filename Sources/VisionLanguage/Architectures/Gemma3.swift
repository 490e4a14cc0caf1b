import Tensors

/// Gemma 3 with vision, the architecture of MedGemma: SigLIP, average pooling, a norm, one matrix, Gemma 3's language
/// model; image tokens attend to each other in both directions.
struct Gemma3: VisionLanguageArchitecture {
    struct Configuration: Decodable {
        var vision: SigLIPVision.Configuration
        var text: Gemma3Text.Configuration
        var tokensPerImage: Int

        enum CodingKeys: String, CodingKey {
            case vision = "vision_config"
            case text = "text_config"
            case tokensPerImage = "mm_tokens_per_image"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vision = try container.decode(SigLIPVision.Configuration.self, forKey: .vision)
            text = try container.decode(Gemma3Text.Configuration.self, forKey: .text)
            tokensPerImage = try container.size(.tokensPerImage, default: 256)
        }
    }

    let preprocessor: ImagePreprocessor
    let vision: SigLIPVision
    let side: Int
    let pooledSide: Int
    let norm: RMSNorm
    let projection: Linear
    let decoder: TransformerDecoder
    let maximumPositions: Int
    let chat = ChatTemplate.gemma
    let imageSlot = ImageSlot.framed(
        before: "\n\n<start_of_image>", token: "<image_soft_token>", after: "<end_of_image>\n\n")

    init(_ source: ModelSource) throws {
        let configuration = try source.configuration(Configuration.self)
        let file = source.configurationFile.path
        let loader = source.loader
        preprocessor = try ImagePreprocessor(PreprocessorConfiguration.load(directory: source.directory))
        vision = SigLIPVision(
            configuration.vision,
            selection: try FeatureSelection([-1], layers: configuration.vision.layers, file: file),
            appliesPostNorm: true, prefix: "vision_tower.", loader: loader)
        side = configuration.vision.imageSize / configuration.vision.patchSize
        pooledSide = Int(Double(configuration.tokensPerImage).squareRoot())
        guard pooledSide * pooledSide == configuration.tokensPerImage, side % pooledSide == 0 else {
            throw CheckpointError.badConfiguration(
                file: file, reason: "mm_tokens_per_image does not divide the encoder's grid")
        }
        decoder = Gemma3Text.decoder(configuration.text, prefix: "language_model.", loader: loader)
        let width = configuration.vision.hiddenSize
        norm = loader.rmsNorm(
            "multi_modal_projector.mm_soft_emb_norm", width, epsilon: configuration.vision.epsilon, offset: 1)
        // Stored as [from, to], unlike every other linear layer.
        let stored = Matrix(
            rows: width, columns: decoder.width,
            loader.values("multi_modal_projector.mm_input_projection_weight", shape: [width, decoder.width]))
        projection = loader.linear(
            WeightMatrix(stored.transposed().values, rows: decoder.width, columns: width), bias: nil, part: .vision)
        maximumPositions = configuration.text.maximumPositions
        for token in ["<start_of_image>", "<image_soft_token>", "<end_of_image>"] { _ = try source.token(token) }
    }

    func pixels(of image: ImageBuffer, options: ImageOptions) -> PixelTensor { preprocessor.pixels(of: image) }
    func features(of pixels: PixelTensor) -> Matrix { vision.features(of: pixels) }

    func project(_ features: Matrix, of pixels: PixelTensor) -> Matrix { projection(norm(pooled(features))) }

    /// Means of squares of neighbouring vectors.
    private func pooled(_ features: Matrix) -> Matrix {
        let factor = side / pooledSide
        let result = Matrix(rows: pooledSide * pooledSide, columns: features.columns)
        for row in 0..<side {
            for column in 0..<side {
                let target = row / factor * pooledSide + column / factor
                result.rows(target..<target + 1).add(features.rows(row * side + column..<row * side + column + 1))
            }
        }
        result.multiply(by: 1 / Float(factor * factor))
        return result
    }
}
