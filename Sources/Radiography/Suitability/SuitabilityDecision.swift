/// Why the gateway abstains from reading an image. The raw value is the key by which reports and the audit name it.
public enum AbstentionReason: String, Codable, Sendable, CaseIterable {
    case notRadiograph
    case noPresentation
    case notChest
    case bodyPartUnknown
    case lateralOnly
    case unsupportedView
    case viewUnknown
    case belowAgeRange
    case ageUnknown
    case unreadablePixels
    case imageTooSmall
    case blankImage
    case implausiblePixels
    case polarityContradiction
    case orientationDoubtful
}

/// What one rule found.
public struct RuleFinding: Codable, Equatable, Sendable {
    /// The rule's name, as in the documentation.
    public let rule: String
    /// The coded reason when the rule abstains; `nil` when it only remarks.
    public let reason: AbstentionReason?
    /// What was found, for a person.
    public let evidence: String

    /// A finding.
    public init(rule: String, reason: AbstentionReason?, evidence: String) {
        self.rule = rule
        self.reason = reason
        self.evidence = evidence
    }
}

/// Whether an image is read. Every rule runs, so that a person sees all reasons; the first one leads.
public struct SuitabilityDecision: Codable, Equatable, Sendable {
    /// Findings of the rules that found something, in the rules' order.
    public let findings: [RuleFinding]
    /// The projection as far as known.
    public let view: ViewEvidence
    /// The age in years as far as known.
    public let age: AgeEvidence?
    /// The measures of the picture; `nil` when there is none.
    public let measures: PictureMeasures?

    /// A decision.
    public init(findings: [RuleFinding], view: ViewEvidence, age: AgeEvidence?, measures: PictureMeasures?) {
        self.findings = findings
        self.view = view
        self.age = age
        self.measures = measures
    }

    /// The reasons to abstain, leading one first; empty when the image is read.
    public var reasons: [AbstentionReason] { findings.compactMap(\.reason) }

    /// Whether the image is read.
    public var isSuitable: Bool { reasons.isEmpty }

    /// One sentence for a person.
    public var explanation: String {
        guard let leading = findings.first(where: { $0.reason != nil }), let reason = leading.reason else {
            return "suitable: \(view.explanation)"
        }
        return "not suitable (\(reason.rawValue)): \(leading.evidence)"
    }
}
