/// Qwen2 (Yang et al., arXiv 2407.10671): biases on query, key and value, grouped queries, rotary base 10⁶ in the 7B model.
enum Qwen2 {
    struct Configuration: Decodable, Sendable {
        var decoder: DecoderConfiguration
        var slidingWindow: Int?
        /// Layers from this one on use the window.
        var windowStart: Int

        private enum CodingKeys: String, CodingKey {
            case usesWindow = "use_sliding_window"
            case slidingWindow = "sliding_window"
            case windowStart = "max_window_layers"
        }

        init(from decoder: any Decoder) throws {
            self.decoder = try DecoderConfiguration(from: decoder, assumed: Qwen2.assumed)
            let container = try decoder.container(keyedBy: CodingKeys.self)
            slidingWindow =
                try container.value(.usesWindow, default: false)
                ? container.decodeIfPresent(Int.self, forKey: .slidingWindow) : nil
            windowStart = try container.value(.windowStart, default: 28)
        }
    }

    static let assumed = DecoderConfiguration.Assumed(
        vocabularySize: 151_936, hiddenSize: 4096, intermediateSize: 22_016, layers: 32, heads: 32, keyValueHeads: 32,
        maximumPositions: 32_768, base: 10_000)

    static func decoder(_ configuration: Configuration, prefix: String, loader: WeightLoader) -> TransformerDecoder {
        loader.decoder(configuration.decoder, prefix: prefix, bias: true) {
            $0 >= configuration.windowStart ? configuration.slidingWindow : nil
        }
    }
}
