import Foundation

/// How tokens are chosen and when generation ends.
public struct GenerationOptions: Sendable {
    /// Choice among the model's candidates.
    public enum Sampling: Sendable, Equatable {
        /// The most probable token.
        case greedy
        /// At random, by the distribution sharpened by the temperature and cut to the smallest set that holds `topP` of
        /// the probability and at most `topK` tokens (0: all). The same seed gives the same tokens.
        case random(temperature: Double, topP: Double = 1, topK: Int = 0, seed: UInt64)
    }

    /// Stops a model that has begun to repeat itself.
    public struct RepetitionGuard: Sendable, Equatable {
        /// The longest repeated passage that is looked for, in tokens.
        public var longestPassage: Int
        /// How many times in a row a passage must stand to count.
        public var repetitions: Int
        /// The fewest tokens that the repeated passages must cover together.
        public var leastTokens: Int

        /// The defaults do not touch what a report may say: three like sentences, four boxes.
        public init(longestPassage: Int = 64, repetitions: Int = 4, leastTokens: Int = 48) {
            self.longestPassage = longestPassage
            self.repetitions = repetitions
            self.leastTokens = leastTokens
        }
    }

    public var sampling: Sampling
    /// The most tokens of an answer.
    public var maximumTokens: Int
    /// Strings that end the answer; they are not part of it.
    public var stopStrings: [String]
    /// Time from the call; what was generated until then is returned.
    public var deadline: Duration?
    /// Divides the logits of tokens that were already generated or prompted (Keskar et al., arXiv 1909.05858); 1 for none.
    public var repetitionPenalty: Double
    public var repetitionGuard: RepetitionGuard?
    /// What the answer must look like.
    public var constraint: DecodingConstraint?
    /// Goes on after the end of sequence until another limit; for measurements.
    public var ignoresEndOfSequence: Bool

    /// Greedy, up to 512 tokens, with the repetition guard.
    public init(
        sampling: Sampling = .greedy, maximumTokens: Int = 512, stopStrings: [String] = [], deadline: Duration? = nil,
        repetitionPenalty: Double = 1, repetitionGuard: RepetitionGuard? = RepetitionGuard(),
        constraint: DecodingConstraint? = nil, ignoresEndOfSequence: Bool = false
    ) {
        self.sampling = sampling
        self.maximumTokens = maximumTokens
        self.stopStrings = stopStrings
        self.deadline = deadline
        self.repetitionPenalty = repetitionPenalty
        self.repetitionGuard = repetitionGuard
        self.constraint = constraint
        self.ignoresEndOfSequence = ignoresEndOfSequence
    }
}

/// One generated token.
public struct GeneratedToken: Sendable, Equatable {
    /// Its number in the vocabulary.
    public let id: Int
    /// The natural logarithm of the probability that the model gave it, before temperature, cuts and constraints.
    public let logProbability: Float
}

/// What was generated, and why it ended.
public struct Generation: Sendable, Equatable {
    public enum Ending: String, Sendable, Equatable {
        case endOfSequence, stopString, maximumTokens, deadline, repetition, constraintFulfilled, contextFull
    }

    /// The answer without the stop string or the repetitions.
    public internal(set) var text: String
    /// All tokens generated, the one that ended the answer included.
    public internal(set) var tokens: [GeneratedToken]
    public internal(set) var ending: Ending
    /// Positions of the prompt, image included, and how many of them were taken from the cache.
    public internal(set) var promptTokens: Int
    public internal(set) var reusedTokens: Int
}

/// Why nothing could be generated.
public enum GenerationError: Error, CustomStringConvertible, Equatable {
    /// The prompt and the model's context do not fit together.
    case promptTooLong(tokens: Int, allowed: Int)
    /// The prompt has other images than it was given.
    case imageCountMismatch(markers: Int, images: Int)
    /// The model takes fewer images.
    case tooManyImages(given: Int, allowed: Int)
    /// An image was encoded by another model.
    case foreignImage
    /// The prompt has no tokens.
    case emptyPrompt
    /// The model has no decoder of image codes.
    case cannotDraw(model: String)

    public var description: String {
        switch self {
        case .promptTooLong(let tokens, let allowed):
            "the prompt has \(tokens) tokens with its images, the model was trained for \(allowed)"
        case .imageCountMismatch(let markers, let images):
            "the prompt places \(markers) images and was given \(images)"
        case .tooManyImages(let given, let allowed): "\(given) images were given, the model takes \(allowed)"
        case .foreignImage: "an image was encoded by a model of another width"
        case .emptyPrompt: "the prompt is empty"
        case .cannotDraw(let model): "\(model) cannot synthesise images"
        }
    }
}
