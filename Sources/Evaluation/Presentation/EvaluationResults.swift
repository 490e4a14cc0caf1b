import Findings
import Foundation

/// How an evaluation is made.
public struct EvaluationOptions: Codable, Sendable, Equatable {
    /// Bootstrap replicates; 0 for none.
    public var replicates: Int
    /// The bootstrap's seed.
    public var seed: UInt64
    /// How labels that a report leaves open are counted.
    public var uncertain: UncertainPolicy
    /// How many of the worst cases are kept with their texts.
    public var worstCases: Int

    /// Options.
    public init(
        replicates: Int = 1000, seed: UInt64 = 1, uncertain: UncertainPolicy = .positive, worstCases: Int = 20
    ) {
        self.replicates = replicates
        self.seed = seed
        self.uncertain = uncertain
        self.worstCases = worstCases
    }
}

/// One figure with its name.
public struct NamedEstimate: Codable, Sendable, Equatable {
    /// What it is.
    public let name: String
    /// The figure; nil when the data do not define it.
    public let estimate: Estimate?
}

/// Drafts measured against signed reports.
public struct ReportEvaluation: Codable, Sendable, Equatable {
    /// One of the six types.
    public struct ErrorRow: Codable, Sendable, Equatable {
        public let kind: ReportErrorKind
        public let total: Int
        public let significant: Int
        public let perReport: Estimate?
        public let significantPerReport: Estimate?
    }

    /// Agreement on one label set.
    public struct LabelTable: Codable, Sendable, Equatable {
        public struct Row: Codable, Sendable, Equatable {
            public let counts: LabelAgreement.Row
            public let f1: Estimate?
        }
        public let set: LabelSet
        public let microF1: Estimate?
        public let macroF1: Estimate?
        public let rows: [Row]
    }

    /// One of the worst cases, with its texts.
    public struct Case: Codable, Sendable, Equatable {
        public let pair: ReportPair
        public let count: ReportErrorCount
    }

    /// How it was made.
    public let options: EvaluationOptions
    /// Pairs of reports, and patients if they are known.
    public let pairs: Int
    public let patients: Int?
    /// What could not be used.
    public let faults: [InputFault]
    /// Text metrics and hedges.
    public let scores: [NamedEstimate]
    public let errors: [ErrorRow]
    /// Reports without any significant error.
    public let withoutSignificantError: Estimate?
    public let labels: [LabelTable]
    /// Most significant errors first.
    public let worst: [Case]
    /// A language model's opinion, if one was asked.
    public var judge: JudgedReports?

    /// Measures the pairs.
    public static func evaluate(
        _ input: ReportPairs, extractor: FindingExtractor, options: EvaluationOptions = EvaluationOptions()
    ) throws -> ReportEvaluation {
        try evaluate(input.pairs, faults: input.faults, extractor: extractor, options: options)
    }

    /// Measures the pairs.
    public static func evaluate(
        _ pairs: [ReportPair], faults: [InputFault] = [], extractor: FindingExtractor,
        options: EvaluationOptions = EvaluationOptions()
    ) throws -> ReportEvaluation {
        let counter = try ErrorCounter(extractor: extractor)
        let hedges = HedgeCounter(extractor: extractor)
        let statements = pairs.map {
            (reference: extractor.statements(in: $0.reference), candidate: extractor.statements(in: $0.candidate))
        }
        let counts = statements.map { counter.count(reference: $0.reference, candidate: $0.candidate) }
        let hasPatients = pairs.contains { $0.patient != nil }
        let bootstrap = Bootstrap(
            rows: pairs.count, clusters: hasPatients ? pairs.map(\.patient) : nil, replicates: options.replicates,
            seed: options.seed)
        return ReportEvaluation(
            options: options, pairs: pairs.count, patients: hasPatients ? bootstrap.clusters : nil, faults: faults,
            scores: textScores(pairs, hedges, bootstrap), errors: errorRows(counts, bootstrap),
            withoutSignificantError: bootstrap.estimate { weights in
                weightedMean(counts.map { $0.significant == 0 ? 1 : 0 }, weights)
            },
            labels: LabelSet.allCases.map { labelTable($0, statements, bootstrap, options.uncertain) },
            worst: worst(pairs, counts, options.worstCases))
    }

    private static func textScores(
        _ pairs: [ReportPair], _ hedges: HedgeCounter, _ bootstrap: Bootstrap
    ) -> [NamedEstimate] {
        let statistics = pairs.map { BLEU.Statistics(reference: $0.reference, candidate: $0.candidate) }
        let cider = CIDEr(references: pairs.map(\.reference))
        let means: [(name: String, values: [Double])] = [
            ("ROUGE-L", pairs.map { ROUGE.l(reference: $0.reference, candidate: $0.candidate) }),
            ("CIDEr-D", pairs.map { cider.score(reference: $0.reference, candidate: $0.candidate) }),
            ("Hedges per reference", pairs.map { Double(hedges.count(in: $0.reference)) }),
            ("Hedges per candidate", pairs.map { Double(hedges.count(in: $0.candidate)) }),
        ]
        let estimates = bootstrap.estimates { weights in
            var sum = BLEU.Statistics()
            for (index, statistic) in statistics.enumerated() where weights?[index] != 0 {
                sum.add(statistic, weight: weights?[index] ?? 1)
            }
            return (1...4).map { sum.score(order: $0) } + means.map { weightedMean($0.values, weights) }
        }
        let names = (1...4).map { "BLEU-\($0)" } + means.map(\.name)
        return zip(names, estimates).map { NamedEstimate(name: $0, estimate: $1) }
    }

    private static func errorRows(_ counts: [ReportErrorCount], _ bootstrap: Bootstrap) -> [ErrorRow] {
        ReportErrorKind.allCases.map { kind in
            let all = counts.map { Double($0.count(kind)) }
            let significant = counts.map { Double($0.count(kind, significantOnly: true)) }
            let estimates = bootstrap.estimates { [weightedMean(all, $0), weightedMean(significant, $0)] }
            return ErrorRow(
                kind: kind, total: Int(all.reduce(0, +)), significant: Int(significant.reduce(0, +)),
                perReport: estimates[0], significantPerReport: estimates[1])
        }
    }

    private static func labelTable(
        _ set: LabelSet, _ statements: [(reference: [Statement], candidate: [Statement])], _ bootstrap: Bootstrap,
        _ uncertain: UncertainPolicy
    ) -> LabelTable {
        let labeler = Labeler(set)
        let outcomes = LabelOutcomes(
            statements.map {
                (reference: labeler.labels(of: $0.reference), candidate: labeler.labels(of: $0.candidate))
            }, labels: set.labels, uncertain: uncertain)
        let agreement = outcomes.agreement()
        let estimates = bootstrap.estimates { weights in
            let agreement = outcomes.agreement(weights: weights)
            return [agreement.microF1, agreement.macroF1] + agreement.rows.map(\.f1)
        }
        return LabelTable(
            set: set, microF1: estimates[0], macroF1: estimates[1],
            rows: zip(agreement.rows, estimates.dropFirst(2)).map { LabelTable.Row(counts: $0, f1: $1) })
    }

    private static func worst(_ pairs: [ReportPair], _ counts: [ReportErrorCount], _ limit: Int) -> [Case] {
        pairs.indices.filter { !counts[$0].errors.isEmpty }
            .sorted {
                (counts[$1].significant, counts[$1].errors.count, $0) < (
                    counts[$0].significant, counts[$0].errors.count, $1
                )
            }
            .prefix(limit).map { Case(pair: pairs[$0], count: counts[$0]) }
    }
}

/// A classifier's scores measured against the truth.
public struct ClassificationEvaluation: Codable, Sendable, Equatable {
    /// One label.
    public struct Row: Codable, Sendable, Equatable {
        public let label: String
        public let cases: Int
        public let positives: Int
        public let auroc: Estimate?
        public let averagePrecision: Estimate?
        /// nil when a score lies outside 0...1: then it is no probability.
        public let calibrationError: Estimate?
        public let brierScore: Estimate?
        public let roc: [ScoredLabels.ROCPoint]
        public let reliability: [ScoredLabels.ReliabilityBin]
    }

    public let options: EvaluationOptions
    public let faults: [InputFault]
    /// Cases whose truth is open, left out.
    public let uncertain: Int
    public let rows: [Row]
    /// The means over the labels that define them.
    public let macroAUROC: Double?
    public let macroAveragePrecision: Double?

    /// Measures the scores.
    public static func evaluate(
        _ table: ScoreTable, options: EvaluationOptions = EvaluationOptions()
    ) -> ClassificationEvaluation {
        let rows = table.labels.map { row($0, options) }
        func mean(_ values: [Double]) -> Double? { weightedMean(values, nil) }
        return ClassificationEvaluation(
            options: options, faults: table.faults, uncertain: table.uncertain, rows: rows,
            macroAUROC: mean(rows.compactMap { $0.auroc?.value }),
            macroAveragePrecision: mean(rows.compactMap { $0.averagePrecision?.value }))
    }

    private static func row(_ label: LabelScores, _ options: EvaluationOptions) -> Row {
        let scored = ScoredLabels(scores: label.scores, labels: label.truths)
        let hasPatients = label.patients.contains { $0 != nil }
        let bootstrap = Bootstrap(
            rows: scored.count, clusters: hasPatients ? label.patients : nil, replicates: options.replicates,
            seed: options.seed)
        let isProbability = label.scores.allSatisfy { (0...1).contains($0) }
        let estimates = bootstrap.estimates { weights in
            [
                scored.auroc(weights: weights), scored.averagePrecision(weights: weights),
                isProbability ? scored.expectedCalibrationError(weights: weights) : nil,
                isProbability ? scored.brierScore(weights: weights) : nil,
            ]
        }
        return Row(
            label: label.label, cases: scored.count, positives: scored.positives, auroc: estimates[0],
            averagePrecision: estimates[1], calibrationError: estimates[2], brierScore: estimates[3],
            roc: scored.rocCurve(), reliability: isProbability ? scored.reliability() : [])
    }
}

/// A model's boxes measured against a reader's.
public struct GroundingEvaluation: Codable, Sendable, Equatable {
    /// One label, or all of them.
    public struct Row: Codable, Sendable, Equatable {
        /// nil for the row over all labels.
        public let label: String?
        public let references: Int
        /// Average precision (its mean in the row over all), one per threshold.
        public let averagePrecision: [Estimate?]
        public let meanOverlap: Estimate?
        public let pointingAccuracy: Estimate?
    }

    public let options: EvaluationOptions
    public let faults: [InputFault]
    public let images: Int
    public let predictions: Int
    /// Whether the predictions are ranked by confidences; if not, average precision is that of one point.
    public let hasScores: Bool
    /// Overlaps from which a box counts as found.
    public let thresholds: [Double]
    /// The row over all labels first.
    public let rows: [Row]

    /// Measures the boxes. With `scored` false, confidences are not used even where they are given.
    public static func evaluate(
        references: BoxTable, predictions: BoxTable, thresholds: [Double] = [0.1, 0.3, 0.5, 0.75],
        usesConfidences: Bool = true, options: EvaluationOptions = EvaluationOptions()
    ) -> GroundingEvaluation {
        let boxes =
            usesConfidences
            ? predictions.boxes
            : predictions.boxes.map { LabelledBox(image: $0.image, label: $0.label, region: $0.region) }
        let scorer = GroundingScorer(references: references.boxes, predictions: boxes)
        let patients = scorer.images.map { references.patients[$0] ?? predictions.patients[$0] }
        let bootstrap = Bootstrap(
            rows: scorer.images.count, clusters: patients.contains { $0 != nil } ? patients : nil,
            replicates: options.replicates, seed: options.seed)
        func row(_ label: String?) -> Row {
            let estimates = bootstrap.estimates { weights in
                thresholds.map { threshold in
                    label.map { scorer.averagePrecision(label: $0, threshold: threshold, weights: weights) }
                        ?? scorer.meanAveragePrecision(threshold: threshold, weights: weights)
                } + [
                    scorer.meanOverlap(label: label, weights: weights),
                    scorer.pointingAccuracy(label: label, weights: weights),
                ]
            }
            return Row(
                label: label, references: label.map { scorer.positives[$0] ?? 0 } ?? references.boxes.count,
                averagePrecision: Array(estimates.prefix(thresholds.count)), meanOverlap: estimates[thresholds.count],
                pointingAccuracy: estimates[thresholds.count + 1])
        }
        return GroundingEvaluation(
            options: options, faults: references.faults + predictions.faults, images: scorer.images.count,
            predictions: boxes.count, hasScores: scorer.hasScores, thresholds: thresholds,
            rows: [row(nil)] + scorer.labels.map { row($0) })
    }
}

extension Encodable {
    /// The result as JSON for machines: keys sorted; a number that JSON cannot hold is written as text.
    public func evaluationJSON() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
