import Findings
import VisionLanguage

/// A box that an answer gives, and what it says is there.
public struct LabelledRegion: Sendable, Equatable, Codable {
    /// The finding's name, or the words beside the box.
    public var label: String
    /// Where, in source pixels.
    public var region: ImageRegion

    /// A labelled box.
    public init(label: String, region: ImageRegion) {
        self.label = label
        self.region = region
    }
}

/// What a model answered to one question.
public struct Answer: Sendable, Equatable {
    /// The answer for people, boxes removed.
    public var text: String
    /// Its boxes.
    public var regions: [LabelledRegion]
    /// The answer as the model wrote it.
    public var rawText: String
    /// The prompt as the model got it, earlier turns included.
    public var prompt: String
    /// What the parser left out.
    public var dropped: [ReadingRecord.Dropped]
    /// Why the answer ended.
    public var ending: Generation.Ending
    /// Positions of the prompt, images included.
    public var promptTokens: Int
    /// How many of them were computed before: a second question shares the images with the first.
    public var reusedTokens: Int
}

/// A label with what the model holds of it.
public struct LabelledProbability: Sendable, Equatable, Codable {
    /// The label's name in the checkpoint, or as the model wrote it.
    public var label: String
    /// What it means; nil where the terminology has no word for it.
    public var concept: FindingConcept?
    /// Only for labels that were measured on real images.
    public var probability: Probability?
    /// What the label was measured on (`real`, `phantom`), or `text` when the model only named it.
    public var evidence: String
    /// The operating point on validation data, where the checkpoint has one.
    public var threshold: Double?
    /// Whether the label is at or above its operating point, or named; nil without an operating point.
    public var isPositive: Bool?

    /// A label.
    public init(
        label: String, concept: FindingConcept?, probability: Probability?, evidence: String, threshold: Double?,
        isPositive: Bool?
    ) {
        self.label = label
        self.concept = concept
        self.probability = probability
        self.evidence = evidence
        self.threshold = threshold
        self.isPositive = isPositive
    }
}

/// An image that a model drew from a text.
public struct SyntheticPicture: Sendable, Equatable {
    /// `[rows, columns]`, 0 black to 1 white, air dark.
    public var pixels: [Float]
    /// Rows.
    public var rows: Int
    /// Columns.
    public var columns: Int
    /// The image codes it was decoded from, row by row.
    public var codes: [Int]
    /// The prompt as the model got it.
    public var prompt: String
    /// What the codes were drawn with: the same model, prompt and seed give the same picture.
    public var seed: UInt64
}
