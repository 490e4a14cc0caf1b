/// Everything needed to tell how a reading came about, and to make it again.
public struct Provenance: Sendable, Equatable, Codable {
    /// One input image.
    public struct Input: Sendable, Equatable, Codable {
        /// SOP Instance UID.
        public var sopInstanceUID: String
        /// SHA-256 of the stored file, lower-case hexadecimal.
        public var sha256: String
        /// The view as the gateway understood it, for example `PA`.
        public var view: String?

        /// Names an input.
        public init(sopInstanceUID: String, sha256: String, view: String? = nil) {
            self.sopInstanceUID = sopInstanceUID
            self.sha256 = sha256
            self.view = view
        }
    }

    /// The model that read.
    public struct Model: Sendable, Equatable, Codable {
        /// The model's name.
        public var name: String
        /// The model's version.
        public var version: String
        /// SHA-256 over the weights, lower-case hexadecimal.
        public var weightsSHA256: String

        /// Names a model.
        public init(name: String, version: String, weightsSHA256: String) {
            self.name = name
            self.version = version
            self.weightsSHA256 = weightsSHA256
        }
    }

    /// One exchange with the model.
    public struct Turn: Sendable, Equatable, Codable {
        /// The text given to the model.
        public var prompt: String
        /// The model's answer, unaltered.
        public var answer: String

        /// Records an exchange.
        public init(prompt: String, answer: String) {
            self.prompt = prompt
            self.answer = answer
        }
    }

    /// Something that the parser left out of the result.
    public struct Dropped: Sendable, Equatable, Codable {
        /// The text left out.
        public var text: String
        /// Why.
        public var reason: String

        /// Records an omission.
        public init(text: String, reason: String) {
            self.text = text
            self.reason = reason
        }
    }

    /// One result object.
    public struct Result: Sendable, Equatable, Codable {
        /// SOP Instance UID.
        public var sopInstanceUID: String
        /// SOP Class UID.
        public var sopClassUID: String
        /// SHA-256 of the persisted file, lower-case hexadecimal.
        public var sha256: String

        /// Names a result.
        public init(sopInstanceUID: String, sopClassUID: String, sha256: String) {
            self.sopInstanceUID = sopInstanceUID
            self.sopClassUID = sopClassUID
            self.sha256 = sha256
        }
    }

    /// One finding as parsed: what the results say.
    public struct ParsedFinding: Sendable, Equatable, Codable {
        /// The finding's term.
        public var term: String
        /// `present`, `absent` or `uncertain`.
        public var polarity: String
        /// Probability from 0 to 1, where the model gives one.
        public var probability: Double?
        /// Left, top, right, bottom in source pixels, (0,0) the top-left corner of the first pixel.
        public var box: [Double]?
        /// The sentence it was parsed from.
        public var sentence: String?

        /// Records a finding.
        public init(
            term: String, polarity: String, probability: Double? = nil, box: [Double]? = nil, sentence: String? = nil
        ) {
            self.term = term
            self.polarity = polarity
            self.probability = probability
            self.box = box
            self.sentence = sentence
        }
    }

    /// The images read.
    public var inputs: [Input]
    /// The model that read.
    public var model: Model
    /// Decoding settings by name (temperature, top-p, maximum tokens …), as text.
    public var decoding: [String: String]
    /// The seed of the sampler.
    public var seed: UInt64?
    /// Prompts and raw answers, in order.
    public var turns: [Turn]
    /// The findings that the parser took from the answers.
    public var findings: [ParsedFinding]
    /// What the parser left out, and why.
    public var dropped: [Dropped]
    /// The result objects made from the reading.
    public var results: [Result]
    /// How long the reading took, in milliseconds.
    public var durationMilliseconds: Int
    /// The revision of the study's results, from 1.
    public var revision: Int

    /// Records how a reading came about.
    public init(
        inputs: [Input], model: Model, decoding: [String: String], seed: UInt64?, turns: [Turn],
        findings: [ParsedFinding], dropped: [Dropped], results: [Result], durationMilliseconds: Int, revision: Int = 1
    ) {
        self.inputs = inputs
        self.model = model
        self.decoding = decoding
        self.seed = seed
        self.turns = turns
        self.findings = findings
        self.dropped = dropped
        self.results = results
        self.durationMilliseconds = durationMilliseconds
        self.revision = revision
    }
}
