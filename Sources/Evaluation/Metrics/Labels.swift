import Findings

/// A set of labels that findings are folded into.
public enum LabelSet: String, Codable, Sendable, CaseIterable {
    case cheXpert14 = "chexpert14"
    case nih14

    /// The labels in the set's own order.
    public var labels: [String] {
        let terms = Terminology.standard.findings
        return switch self {
        case .cheXpert14: terms.compactMap(\.cheXpert14)
        case .nih14: terms.compactMap(\.nih14)
        }
    }

    /// The label of a finding: its own, else that of the nearest broader term that has one.
    public func label(of finding: String) -> String? {
        Terminology.standard.lineage(of: finding).lazy.compactMap {
            self == .cheXpert14 ? $0.cheXpert14 : $0.nih14
        }.first
    }
}

/// How a label that a report leaves open is counted.
public enum UncertainPolicy: String, Codable, Sendable, CaseIterable {
    /// As positive.
    case positive
    /// As negative.
    case negative
    /// The pair of reports is left out for this label.
    case ignore
}

/// Folds statements into labels.
public struct Labeler: Sendable {
    /// The labels it gives.
    public let set: LabelSet
    private let labelByFinding: [String: String]

    /// A labeler for a set.
    public init(_ set: LabelSet) {
        self.set = set
        labelByFinding = Dictionary(
            uniqueKeysWithValues: Terminology.standard.findings.compactMap { term in
                set.label(of: term.key).map { (term.key, $0) }
            })
    }

    /// The labels that a report speaks of. Present outweighs undetermined, which outweighs absent. "No Finding" is
    /// present when no abnormality is present or left open, devices aside, as in CheXpert.
    public func labels(of statements: [Statement]) -> [String: Polarity] {
        var labels: [String: Polarity] = [:]
        var isAbnormal = false
        for statement in statements where statement.finding != "no_finding" {
            let group = Terminology.standard.finding(statement.finding)?.group
            if statement.polarity != .absent, group == .abnormality { isAbnormal = true }
            guard let label = labelByFinding[statement.finding] else { continue }
            labels[label] = labels[label].map { stronger($0, statement.polarity) } ?? statement.polarity
        }
        if set == .cheXpert14 { labels["No Finding"] = isAbnormal ? .absent : .present }
        return labels
    }

    private func stronger(_ one: Polarity, _ other: Polarity) -> Polarity {
        if one == .present || other == .present { return .present }
        return one == .undetermined || other == .undetermined ? .undetermined : .absent
    }
}

/// Agreement on labels over many reports. Silence and denial both count as negative.
public struct LabelAgreement: Codable, Sendable, Equatable {
    /// Counts of one label.
    public struct Row: Codable, Sendable, Equatable {
        /// The label.
        public let label: String
        /// Both, only the candidate, only the reference.
        public var truePositives = 0
        public var falsePositives = 0
        public var falseNegatives = 0

        /// References that are positive.
        public var positives: Int { truePositives + falseNegatives }
        /// F1, or nil when neither report ever has the label.
        public var f1: Double? {
            let total = 2 * truePositives + falsePositives + falseNegatives
            return total == 0 ? nil : 2 * Double(truePositives) / Double(total)
        }
    }

    /// One row per label.
    public private(set) var rows: [Row]

    /// F1 over all decisions together; 1 when there is nothing to find and nothing was found.
    public var microF1: Double {
        let hits = rows.reduce(0) { $0 + $1.truePositives }
        let total = rows.reduce(0) { $0 + 2 * $1.truePositives + $1.falsePositives + $1.falseNegatives }
        return total == 0 ? 1 : 2 * Double(hits) / Double(total)
    }

    /// The mean of F1 over the labels that either report ever has; 1 when there is none.
    public var macroF1: Double {
        let values = rows.compactMap(\.f1)
        return values.isEmpty ? 1 : values.reduce(0, +) / Double(values.count)
    }

    fileprivate init(labels: [String]) {
        rows = labels.map { Row(label: $0) }
    }

    fileprivate mutating func add(_ outcome: LabelOutcomes.Outcome, weight: Int, row: Int) {
        switch outcome {
        case .truePositive: rows[row].truePositives += weight
        case .falsePositive: rows[row].falsePositives += weight
        case .falseNegative: rows[row].falseNegatives += weight
        case .other: break
        }
    }
}

/// What each pair of reports decides on each label, worked out once so that bootstrap replicates only add up.
public struct LabelOutcomes: Sendable {
    fileprivate enum Outcome: UInt8, Sendable {
        case other, truePositive, falsePositive, falseNegative
    }

    private let labels: [String]
    /// By label, then by pair.
    private let outcomes: [[Outcome]]

    /// The outcomes of pairs of labels.
    public init(
        _ pairs: [(reference: [String: Polarity], candidate: [String: Polarity])], labels: [String],
        uncertain: UncertainPolicy
    ) {
        self.labels = labels
        outcomes = labels.map { label in
            pairs.map { pair in
                let reference = pair.reference[label]
                let candidate = pair.candidate[label]
                if uncertain == .ignore, reference == .undetermined || candidate == .undetermined { return .other }
                func isPositive(_ polarity: Polarity?) -> Bool {
                    polarity == .present || polarity == .undetermined && uncertain == .positive
                }
                return switch (isPositive(reference), isPositive(candidate)) {
                case (true, true): .truePositive
                case (false, true): .falsePositive
                case (true, false): .falseNegative
                case (false, false): .other
                }
            }
        }
    }

    /// Agreement over all pairs, each counted `weights` times (once when nil).
    public func agreement(weights: [Int]? = nil) -> LabelAgreement {
        var agreement = LabelAgreement(labels: labels)
        for (row, column) in outcomes.enumerated() {
            for (index, outcome) in column.enumerated() where outcome != .other {
                agreement.add(outcome, weight: weights?[index] ?? 1, row: row)
            }
        }
        return agreement
    }
}
