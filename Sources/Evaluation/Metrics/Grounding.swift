import Findings

/// A box that a model or a reader drew.
public struct LabelledBox: Codable, Sendable, Equatable {
    /// The image, any name that both sides use.
    public let image: String
    /// What the box shows.
    public let label: String
    /// Where, in pixels of that image.
    public let region: Region
    /// How sure the model is; nil when it gives no number.
    public let score: Double?

    /// A box.
    public init(image: String, label: String, region: Region, score: Double? = nil) {
        self.image = image
        self.label = label
        self.region = region
        self.score = score
    }
}

/// How well boxes agree with reference boxes.
///
/// Average precision is COCO's: predictions in descending confidence, each takes the free reference box that it overlaps
/// most, precision made monotone and read at 101 recalls. A model that gives no confidences has one operating point and
/// no ranking; its average precision is then that of the single point (all predictions tied), which is lower than any
/// ranking's, so the two are never mixed in one table.
public struct GroundingScorer: Sendable {
    private struct Pair: Sendable {
        let image: Int
        let references: [Region]
        /// In descending confidence.
        let predictions: [(region: Region, score: Double)]
        /// Overlaps by prediction and reference.
        let overlaps: [[Double]]
    }

    /// Labels that have a reference box, sorted.
    public let labels: [String]
    /// The images that either side names.
    public let images: [String]
    /// Whether every prediction has a confidence.
    public let hasScores: Bool
    private let pairs: [String: [Pair]]
    /// Reference boxes per label.
    public let positives: [String: Int]

    /// A scorer over all boxes.
    public init(references: [LabelledBox], predictions: [LabelledBox]) {
        images = Set(references.map(\.image) + predictions.map(\.image)).sorted()
        labels = Set(references.map(\.label)).sorted()
        hasScores = !predictions.isEmpty && predictions.allSatisfy { $0.score != nil }
        let numbers = Dictionary(uniqueKeysWithValues: images.enumerated().map { ($1, $0) })
        let scored = hasScores
        let wanted = Dictionary(grouping: references) { Key(image: $0.image, label: $0.label) }
        let said = Dictionary(grouping: predictions) { Key(image: $0.image, label: $0.label) }
        var pairs: [String: [Pair]] = [:]
        for key in Set(wanted.keys).union(said.keys).sorted() {
            let regions = (wanted[key] ?? []).map(\.region)
            let ranked = (said[key] ?? []).map { (region: $0.region, score: scored ? $0.score ?? 0 : 1) }
                .enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.map(\.element)
            pairs[key.label, default: []].append(
                Pair(
                    image: numbers[key.image]!, references: regions, predictions: ranked,
                    overlaps: ranked.map { one in regions.map { one.region.intersectionOverUnion($0) } }))
        }
        self.pairs = pairs
        positives = Dictionary(grouping: references, by: \.label).mapValues(\.count)
    }

    private struct Key: Hashable, Comparable {
        let image: String
        let label: String
        static func < (one: Key, other: Key) -> Bool { (one.image, one.label) < (other.image, other.label) }
    }

    /// Average precision of a label at an overlap threshold; nil when it has no reference box. `weights` says how often
    /// each of ``images`` counts.
    public func averagePrecision(label: String, threshold: Double, weights: [Int]? = nil) -> Double? {
        var hits: [(score: Double, isHit: Bool, weight: Int)] = []
        var positives = 0
        for pair in pairs[label] ?? [] {
            let weight = weights?[pair.image] ?? 1
            guard weight > 0 else { continue }
            positives += weight * pair.references.count
            var isTaken = [Bool](repeating: false, count: pair.references.count)
            for (index, prediction) in pair.predictions.enumerated() {
                var best: Int?
                for candidate in pair.references.indices where !isTaken[candidate] {
                    let overlap = pair.overlaps[index][candidate]
                    if overlap >= threshold, overlap >= best.map({ pair.overlaps[index][$0] }) ?? 0 { best = candidate }
                }
                if let best { isTaken[best] = true }
                hits.append((prediction.score, best != nil, weight))
            }
        }
        guard positives > 0 else { return nil }
        return interpolated(hits, positives: positives)
    }

    private func interpolated(_ hits: [(score: Double, isHit: Bool, weight: Int)], positives: Int) -> Double {
        let ranked = hits.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }
        var recalls: [Double] = []
        var precisions: [Double] = []
        var found = 0
        var called = 0
        for (position, hit) in ranked.enumerated() {
            called += hit.element.weight
            if hit.element.isHit { found += hit.element.weight }
            // Without confidences all predictions are one point.
            guard hasScores || position == ranked.count - 1 else { continue }
            recalls.append(Double(found) / Double(positives))
            precisions.append(Double(found) / Double(called))
        }
        for index in precisions.indices.reversed().dropFirst() {
            precisions[index] = max(precisions[index], precisions[index + 1])
        }
        var sum = 0.0
        var index = 0
        for step in 0...100 {
            let recall = Double(step) / 100
            while index < recalls.count, recalls[index] < recall { index += 1 }
            if index < precisions.count { sum += precisions[index] }
        }
        return sum / 101
    }

    /// The mean over the labels that have reference boxes.
    public func meanAveragePrecision(threshold: Double, weights: [Int]? = nil) -> Double? {
        mean(labels.compactMap { averagePrecision(label: $0, threshold: threshold, weights: weights) })
    }

    /// The mean, over pairs of image and label with a reference, of the overlap of the areas that all boxes cover.
    public func meanOverlap(label: String? = nil, weights: [Int]? = nil) -> Double? {
        weightedMean(label, weights) { pair in
            let wanted = coveredArea(pair.references)
            let said = coveredArea(pair.predictions.map(\.region))
            let either = coveredArea(pair.references + pair.predictions.map(\.region))
            return either > 0 ? (wanted + said - either) / either : 0
        }
    }

    /// The share of pairs of image and label with a reference where the middle of the surest box lies in a reference box
    /// (the pointing game, Zhang 2016).
    public func pointingAccuracy(label: String? = nil, weights: [Int]? = nil) -> Double? {
        weightedMean(label, weights) { pair in
            guard let center = pair.predictions.first?.region.center else { return 0 }
            return pair.references.contains { $0.contains(x: center.x, y: center.y) } ? 1 : 0
        }
    }

    private func weightedMean(_ label: String?, _ weights: [Int]?, _ value: (Pair) -> Double) -> Double? {
        var sum = 0.0
        var count = 0
        for name in label.map({ [$0] }) ?? labels {
            for pair in pairs[name] ?? [] where !pair.references.isEmpty {
                let weight = weights?[pair.image] ?? 1
                guard weight > 0 else { continue }
                sum += Double(weight) * value(pair)
                count += weight
            }
        }
        return count > 0 ? sum / Double(count) : nil
    }

    private func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}

/// The area under a set of boxes, overlaps counted once: exact, by slabs between the boxes' edges.
func coveredArea(_ regions: [Region]) -> Double {
    let regions = regions.filter { !$0.isEmpty }
    let edges = Set(regions.flatMap { [$0.x0, $0.x1] }).sorted()
    var area = 0.0
    for (left, right) in zip(edges, edges.dropFirst()) {
        var top = -Double.infinity
        for region in regions.filter({ $0.x0 <= left && $0.x1 >= right }).sorted(by: { $0.y0 < $1.y0 }) {
            area += max(0, region.y1 - max(top, region.y0)) * (right - left)
            top = max(top, region.y1)
        }
    }
    return area
}
