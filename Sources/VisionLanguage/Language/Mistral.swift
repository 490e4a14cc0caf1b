/// Mistral (Jiang et al., arXiv 2310.06825): grouped queries and, in its first release, a sliding window.
enum Mistral {
    struct Configuration: Decodable, Sendable {
        var decoder: DecoderConfiguration
        var slidingWindow: Int?

        private enum CodingKeys: String, CodingKey {
            case slidingWindow = "sliding_window"
        }

        init(from decoder: any Decoder) throws {
            self.decoder = try DecoderConfiguration(from: decoder, assumed: Mistral.assumed)
            slidingWindow = try decoder.container(keyedBy: CodingKeys.self)
                .decodeIfPresent(Int.self, forKey: .slidingWindow)
        }
    }

    static let assumed = DecoderConfiguration.Assumed(
        vocabularySize: 32_000, hiddenSize: 4096, intermediateSize: 14_336, layers: 32, heads: 32, keyValueHeads: 8,
        maximumPositions: 32_768, base: 10_000)

    static func decoder(_ configuration: Configuration, prefix: String, loader: WeightLoader) -> TransformerDecoder {
        loader.decoder(configuration.decoder, prefix: prefix, bias: false) { _ in configuration.slidingWindow }
    }
}
