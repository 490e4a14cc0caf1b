import Findings

/// The six ways in which a draft differs from its reference, after the error types of ReXVal (Yu 2023) that LLaVA-Rad's
/// metric counts as well.
public enum ReportErrorKind: String, Codable, Sendable, CaseIterable {
    case falseFinding = "false_finding"
    case omittedFinding = "omitted_finding"
    case wrongLocation = "wrong_location"
    case wrongSeverity = "wrong_severity"
    case comparisonNotInReference = "comparison_not_in_reference"
    case omittedComparison = "omitted_comparison"

    /// The name in tables.
    public var title: String {
        switch self {
        case .falseFinding: "False finding"
        case .omittedFinding: "Omitted finding"
        case .wrongLocation: "Wrong location"
        case .wrongSeverity: "Wrong severity"
        case .comparisonNotInReference: "Comparison not in reference"
        case .omittedComparison: "Omitted comparison"
        }
    }
}

/// One error, with the words of both reports that show it.
public struct ReportError: Codable, Sendable, Equatable {
    /// Which of the six.
    public let kind: ReportErrorKind
    /// Whether it could change what happens to the patient, by the table of `significance.json`.
    public let isSignificant: Bool
    /// A key of the terminology; nil when a judge found the error.
    public let finding: String?
    /// The statement of the reference, if it makes one.
    public let reference: Statement?
    /// The statement of the candidate, if it makes one.
    public let candidate: Statement?
    /// Why this is an error, for a person.
    public let explanation: String
}

/// The errors of one candidate against its reference.
public struct ReportErrorCount: Codable, Sendable, Equatable {
    /// All errors, findings first.
    public let errors: [ReportError]
    /// Findings of the reference that the candidate has as well.
    public let matchedFindings: Int

    /// How many of a kind; only the significant ones when asked.
    public func count(_ kind: ReportErrorKind, significantOnly: Bool = false) -> Int {
        errors.count { $0.kind == kind && (!significantOnly || $0.isSignificant) }
    }

    /// How many errors could change what happens to the patient.
    public var significant: Int { errors.count { $0.isSignificant } }
}
