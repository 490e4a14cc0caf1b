import Foundation

/// Scores of a classifier for one label, sorted once so that bootstrap replicates cost one pass each.
public struct ScoredLabels: Sendable {
    /// Descending by score.
    private let order: [Int]
    private let scores: [Double]
    private let labels: [Bool]

    /// Scores (higher means more likely) and whether each case is positive; equal in number.
    public init(scores: [Double], labels: [Bool]) {
        precondition(scores.count == labels.count, "one label per score")
        self.scores = scores
        self.labels = labels
        order = scores.indices.sorted { scores[$0] > scores[$1] }
    }

    /// How many cases.
    public var count: Int { scores.count }

    /// How many cases are positive.
    public var positives: Int { labels.count { $0 } }

    /// The points of the curve from (0, 0) to (1, 1): one per distinct score.
    public struct ROCPoint: Codable, Sendable, Equatable {
        /// 1 - specificity.
        public let falsePositiveRate: Double
        /// Sensitivity.
        public let truePositiveRate: Double
        /// The lowest score that counts as positive here; infinite at (0, 0).
        public let threshold: Double
    }

    /// The area under the ROC curve, ties counted half; nil unless there are both positives and negatives.
    public func auroc(weights: [Int]? = nil) -> Double? {
        var area = 0.0
        var truePositives = 0.0
        var falsePositives = 0.0
        sweep(weights) { positives, negatives, _ in
            area += negatives * (truePositives + positives / 2)
            truePositives += positives
            falsePositives += negatives
        }
        return truePositives > 0 && falsePositives > 0 ? area / (truePositives * falsePositives) : nil
    }

    /// Average precision: the sum of precision at each threshold, weighted by the recall it adds; nil without positives.
    public func averagePrecision(weights: [Int]? = nil) -> Double? {
        var sum = 0.0
        var truePositives = 0.0
        var called = 0.0
        sweep(weights) { positives, negatives, _ in
            truePositives += positives
            called += positives + negatives
            if called > 0 { sum += positives * truePositives / called }
        }
        return truePositives > 0 ? sum / truePositives : nil
    }

    /// The ROC curve; empty unless there are both positives and negatives.
    public func rocCurve() -> [ROCPoint] {
        let total = Double(positives)
        let others = Double(count) - total
        guard total > 0, others > 0 else { return [] }
        var points = [ROCPoint(falsePositiveRate: 0, truePositiveRate: 0, threshold: .infinity)]
        var truePositives = 0.0
        var falsePositives = 0.0
        sweep(nil) { positives, negatives, score in
            truePositives += positives
            falsePositives += negatives
            points.append(
                ROCPoint(
                    falsePositiveRate: falsePositives / others, truePositiveRate: truePositives / total,
                    threshold: score))
        }
        return points
    }

    /// Calls `group` for each distinct score from the highest, with the weights of its positives and negatives.
    private func sweep(_ weights: [Int]?, group: (Double, Double, Double) -> Void) {
        var index = 0
        while index < order.count {
            let score = scores[order[index]]
            var positives = 0.0
            var negatives = 0.0
            while index < order.count, scores[order[index]] == score {
                let weight = Double(weights?[order[index]] ?? 1)
                if labels[order[index]] { positives += weight } else { negatives += weight }
                index += 1
            }
            group(positives, negatives, score)
        }
    }

    /// One bin of a reliability diagram.
    public struct ReliabilityBin: Codable, Sendable, Equatable {
        /// The mean of the predicted probabilities.
        public let predicted: Double
        /// The share of positives.
        public let observed: Double
        /// Cases.
        public let count: Int
    }

    /// Bins of equal width over 0...1, empty ones left out; a probability on an edge belongs to the lower bin, as in
    /// scikit-learn's `calibration_curve`.
    public func reliability(bins: Int = 10, weights: [Int]? = nil) -> [ReliabilityBin] {
        var sums = Array(repeating: (predicted: 0.0, observed: 0.0, count: 0), count: bins)
        for index in scores.indices {
            let weight = weights?[index] ?? 1
            guard weight > 0 else { continue }
            // The bin is searched among the inner edges themselves: multiplying would misplace scores on an edge.
            var bin = min(bins - 1, max(0, Int(scores[index] * Double(bins))))
            while bin > 0, scores[index] <= Double(bin) / Double(bins) { bin -= 1 }
            while bin < bins - 1, scores[index] > Double(bin + 1) / Double(bins) { bin += 1 }
            sums[bin].predicted += scores[index] * Double(weight)
            sums[bin].observed += labels[index] ? Double(weight) : 0
            sums[bin].count += weight
        }
        return sums.filter { $0.count > 0 }.map {
            ReliabilityBin(
                predicted: $0.predicted / Double($0.count), observed: $0.observed / Double($0.count), count: $0.count)
        }
    }

    /// Expected calibration error: the mean distance of the bins from the diagonal, weighted by their cases.
    public func expectedCalibrationError(bins: Int = 10, weights: [Int]? = nil) -> Double {
        let bins = reliability(bins: bins, weights: weights)
        let total = bins.reduce(0) { $0 + $1.count }
        guard total > 0 else { return 0 }
        return bins.reduce(0) { $0 + abs($1.predicted - $1.observed) * Double($1.count) } / Double(total)
    }

    /// The Brier score: the mean squared distance of the probabilities from the truth.
    public func brierScore(weights: [Int]? = nil) -> Double {
        var sum = 0.0
        var total = 0.0
        for index in scores.indices {
            let weight = Double(weights?[index] ?? 1)
            let distance = scores[index] - (labels[index] ? 1 : 0)
            sum += weight * distance * distance
            total += weight
        }
        return total > 0 ? sum / total : 0
    }
}
