/// A value with its uncertainty.
public struct Estimate: Codable, Sendable, Equatable {
    /// The value on the data as they are.
    public let value: Double
    /// The 2.5th and 97.5th percentile of the bootstrap replicates; nil when there were none.
    public let lower: Double?
    public let upper: Double?

    /// A value, with or without an interval.
    public init(value: Double, lower: Double?, upper: Double?) {
        self.value = value
        self.lower = lower
        self.upper = upper
    }
}

/// Percentile bootstrap (Efron 1979) by clusters: all rows of a patient are drawn together, because the images of one
/// patient are not independent.
public struct Bootstrap: Sendable {
    /// How many replicates; 0 gives values without intervals.
    public let replicates: Int
    /// The seed: same seed, same interval.
    public let seed: UInt64
    private let clusterOfRow: [Int]
    private let clusterCount: Int

    /// A bootstrap over rows. Rows with the same cluster name stay together; nil means that each row stands alone.
    public init(rows: Int, clusters: [String?]? = nil, replicates: Int = 1000, seed: UInt64 = 1) {
        self.replicates = replicates
        self.seed = seed
        var numbers: [String: Int] = [:]
        var count = 0
        clusterOfRow = (0..<rows).map { row in
            if let name = clusters?[row] {
                if let known = numbers[name] { return known }
                numbers[name] = count
            }
            count += 1
            return count - 1
        }
        clusterCount = count
    }

    /// How many clusters are drawn from.
    public var clusters: Int { clusterCount }

    /// The estimates of several statistics of the same rows. `statistics` gets how often each row counts, nil for the data
    /// as they are, and gives nil for a statistic that a replicate does not define (no positives, for instance).
    public func estimates(_ statistics: ([Int]?) -> [Double?]) -> [Estimate?] {
        let values = statistics(nil)
        var draws = Array(repeating: [Double](), count: values.count)
        var generator = RandomSource(seed: seed)
        for _ in 0..<(clusterCount > 1 ? replicates : 0) {
            var counts = [Int](repeating: 0, count: clusterCount)
            for _ in 0..<clusterCount { counts[generator.next(below: clusterCount)] += 1 }
            for (index, value) in statistics(clusterOfRow.map { counts[$0] }).enumerated() {
                if let value, value.isFinite { draws[index].append(value) }
            }
        }
        return zip(values, draws).map { value, draws in
            value.map { value in
                let sorted = draws.sorted()
                return Estimate(
                    value: value, lower: percentile(sorted, 0.025), upper: percentile(sorted, 0.975))
            }
        }
    }

    /// The estimate of one statistic.
    public func estimate(_ statistic: ([Int]?) -> Double?) -> Estimate? {
        estimates { [statistic($0)] }[0]
    }

    /// Linear interpolation between order statistics, as NumPy's default.
    private func percentile(_ sorted: [Double], _ fraction: Double) -> Double? {
        guard let last = sorted.last else { return nil }
        let position = fraction * Double(sorted.count - 1)
        let index = Int(position)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (position - Double(index)) * (sorted[index + 1] - sorted[index])
    }
}
