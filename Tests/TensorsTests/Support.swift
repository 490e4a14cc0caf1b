import Foundation

@testable import Tensors

/// SplitMix64: the same numbers everywhere for a seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Normally distributed values.
    mutating func normal(_ count: Int, scale: Float = 1) -> [Float] {
        (0..<count).map { _ in
            let radius = (-2 * log(Double.random(in: Double.leastNonzeroMagnitude...1, using: &self))).squareRoot()
            return scale * Float(radius * cos(2 * .pi * Double.random(in: 0..<1, using: &self)))
        }
    }
}

/// Runs `body` at each level that this CPU has, then returns to the level before.
func forEachLevel(_ body: (Compute.Level) throws -> Void) rethrows {
    let before = Compute.level
    defer { Compute.force(before) }
    for level in Compute.Level.allCases where level <= Compute.supportedLevel {
        Compute.force(level)
        try body(level)
    }
}

/// Largest difference relative to the largest magnitude of the reference.
func relativeError(_ values: [Float], _ reference: [Double]) -> Double {
    var difference = 0.0
    var magnitude = 1e-30
    guard values.count == reference.count else { return .infinity }
    for (value, expected) in zip(values, reference) {
        let d = abs(Double(value) - expected)
        if d.isNaN { return .infinity }
        difference = max(difference, d)
        magnitude = max(magnitude, abs(expected))
    }
    return difference / magnitude
}

/// y = x Wᵀ + b in double precision; w `[n, k]`.
func referenceLinear(_ x: [Float], _ w: [Float], bias: [Float]?, tokens: Int, n: Int, k: Int) -> [Double] {
    var y = [Double](repeating: 0, count: tokens * n)
    for t in 0..<tokens {
        for r in 0..<n {
            var sum = bias.map { Double($0[r]) } ?? 0
            for i in 0..<k { sum += Double(x[t * k + i]) * Double(w[r * k + i]) }
            y[t * n + r] = sum
        }
    }
    return y
}
