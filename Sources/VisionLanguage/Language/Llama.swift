/// Llama and Vicuna (Touvron et al., arXiv 2302.13971): no biases, rotary base 10,000, head not tied by default.
enum Llama {
    struct Configuration: Decodable, Sendable {
        var decoder: DecoderConfiguration
        var attentionBias: Bool

        private enum CodingKeys: String, CodingKey {
            case attentionBias = "attention_bias"
        }

        init(from decoder: any Decoder) throws {
            self.decoder = try DecoderConfiguration(from: decoder, assumed: Llama.assumed)
            attentionBias = try decoder.container(keyedBy: CodingKeys.self).value(.attentionBias, default: false)
        }
    }

    static let assumed = DecoderConfiguration.Assumed(
        vocabularySize: 32_000, hiddenSize: 4096, intermediateSize: 11_008, layers: 32, heads: 32, keyValueHeads: nil,
        maximumPositions: 4096, base: 10_000)

    static func decoder(_ configuration: Configuration, prefix: String, loader: WeightLoader) -> TransformerDecoder {
        loader.decoder(
            configuration.decoder, prefix: prefix, bias: configuration.attentionBias,
            outputBias: configuration.attentionBias, window: { _ in nil })
    }
}
