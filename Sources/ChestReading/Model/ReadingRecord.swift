/// How a reading came about: enough to reconstruct it.
public struct ReadingRecord: Sendable, Equatable, Codable {
    /// A prompt as the model got it, and its raw answer.
    public struct Turn: Sendable, Equatable, Codable {
        public var prompt: String
        public var answer: String

        public init(prompt: String, answer: String) {
            self.prompt = prompt
            self.answer = answer
        }
    }

    /// Something of an answer that is not in the reading, and why.
    public struct Dropped: Sendable, Equatable, Codable {
        public var text: String
        public var reason: String

        public init(text: String, reason: String) {
            self.text = text
            self.reason = reason
        }
    }

    /// Decoding settings by name, as text.
    public var decoding: [String: String]
    /// The sampler's seed; nil where nothing was left to chance.
    public var seed: UInt64?
    /// Prompts and answers, in order.
    public var turns: [Turn]
    /// What the parser left out.
    public var dropped: [Dropped]
    /// From the first pixel given to the model to the parsed reading.
    public var duration: Duration

    /// A record.
    public init(
        decoding: [String: String], seed: UInt64? = nil, turns: [Turn], dropped: [Dropped], duration: Duration
    ) {
        self.decoding = decoding
        self.seed = seed
        self.turns = turns
        self.dropped = dropped
        self.duration = duration
    }
}
