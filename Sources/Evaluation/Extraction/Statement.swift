import Findings

/// How a report relates a finding to an earlier study.
public enum Temporality: String, Codable, Sendable, CaseIterable {
    case new, unchanged, increased, decreased, resolved

    /// Whether something became different, for better or worse.
    public var isChange: Bool { self != .unchanged }
}

/// One thing that a report says: a finding, whether it is there, and where, how much and since when.
public struct Statement: Codable, Hashable, Sendable {
    /// A key of the ``Terminology``.
    public var finding: String
    /// Present, absent, or undetermined when the report leaves it open.
    public var polarity: Polarity
    /// `probable` for "likely" and "consistent with"; nil when the report states it plainly.
    public var certainty: Certainty?
    /// The patient's side.
    public var laterality: Laterality?
    /// A site key of the ``Terminology``, when the report names a lobe or zone.
    public var site: String?
    /// How much.
    public var severity: Severity?
    /// What a comparison with an earlier study says.
    public var temporality: Temporality?
    /// Where the finding's words stand in the report, in UTF-8 bytes from its start.
    public var span: Range<Int>

    /// A statement; the span is empty when it does not come from a text.
    public init(
        finding: String, polarity: Polarity, certainty: Certainty? = nil, laterality: Laterality? = nil,
        site: String? = nil, severity: Severity? = nil, temporality: Temporality? = nil, span: Range<Int> = 0..<0
    ) {
        self.finding = finding
        self.polarity = polarity
        self.certainty = certainty
        self.laterality = laterality
        self.site = site
        self.severity = severity
        self.temporality = temporality
        self.span = span
    }

    /// The words of the span in the report that it was extracted from.
    public func words(in report: String) -> String {
        let utf8 = report.utf8
        guard span.upperBound <= utf8.count else { return "" }
        let start = utf8.index(utf8.startIndex, offsetBy: span.lowerBound)
        return String(report[start..<utf8.index(start, offsetBy: span.count)])
    }
}

/// The short form in which data files and people write statements: the finding, its polarity, then any of side, site,
/// severity and comparison, for instance `pleural_effusion present left mild new`.
extension Statement {
    /// Reads the short form. Throws ``LexiconFault/malformedStatement(_:)``.
    public init(notation: String) throws {
        let words = notation.split(separator: " ").map(String.init)
        guard words.count >= 2, Terminology.standard.finding(words[0]) != nil,
            let polarity = Polarity(rawValue: words[1])
        else { throw LexiconFault.malformedStatement(notation) }
        self.init(finding: words[0], polarity: polarity)
        for word in words.dropFirst(2) {
            if let value = Laterality(rawValue: word) {
                laterality = value
            } else if let value = Severity(rawValue: word) {
                severity = value
            } else if let value = Temporality(rawValue: word) {
                temporality = value
            } else if let value = Certainty(rawValue: word) {
                certainty = value
            } else if Terminology.standard.site(word) != nil {
                site = word
            } else {
                throw LexiconFault.malformedStatement(notation)
            }
        }
    }

    /// The short form, certainty left out.
    public var notation: String {
        [finding, polarity.rawValue, laterality?.rawValue, site, severity?.rawValue, temporality?.rawValue]
            .compactMap { $0 }.joined(separator: " ")
    }
}
