import Foundation

/// Chooses tokens from logits.
struct Sampler {
    private let sampling: GenerationOptions.Sampling
    private let penalty: Float
    private var random: SplitMix64

    init(_ options: GenerationOptions) {
        sampling = options.sampling
        penalty = Float(options.repetitionPenalty)
        if case .random(_, _, _, let seed) = options.sampling {
            random = SplitMix64(state: seed)
        } else {
            random = SplitMix64(state: 0)
        }
    }

    /// The next token.
    ///
    /// - Parameters:
    ///   - logits: of the whole vocabulary.
    ///   - seen: tokens that the penalty applies to.
    ///   - allowed: tokens to choose among; nil for all.
    mutating func choose(_ logits: [Float], seen: Set<Int>, allowed: [Int]?) -> GeneratedToken {
        let normalizer = Self.logSumExp(logits)
        var scores = logits
        if penalty != 1 {
            for token in seen where scores.indices.contains(token) {
                scores[token] = scores[token] > 0 ? scores[token] / penalty : scores[token] * penalty
            }
        }
        let token: Int
        switch sampling {
        case .greedy: token = Self.best(scores, among: allowed)
        case .random(let temperature, let topP, let topK, _):
            token =
                temperature <= 0
                ? Self.best(scores, among: allowed)
                : draw(scores, among: allowed, temperature: temperature, topP: topP, topK: topK)
        }
        return GeneratedToken(id: token, logProbability: logits[token] - normalizer)
    }

    /// ln Σ exp(x), without overflow.
    static func logSumExp(_ logits: [Float]) -> Float {
        let maximum = logits.max() ?? 0
        guard maximum.isFinite else { return maximum }
        return maximum + Float(log(logits.reduce(0.0) { $0 + Double(exp($1 - maximum)) }))
    }

    private static func best(_ scores: [Float], among allowed: [Int]?) -> Int {
        var best = allowed?.first ?? 0
        if let allowed {
            for token in allowed where scores[token] > scores[best] { best = token }
        } else {
            for token in scores.indices where scores[token] > scores[best] { best = token }
        }
        return best
    }

    private mutating func draw(
        _ scores: [Float], among allowed: [Int]?, temperature: Double, topP: Double, topK: Int
    ) -> Int {
        var candidates = (allowed ?? Array(scores.indices)).map { (token: $0, score: Double(scores[$0]) / temperature) }
        // Equal scores keep the order of their numbers, so that a seed means the same everywhere.
        candidates.sort { ($1.score, $0.token) < ($0.score, $1.token) }
        if topK > 0 { candidates = Array(candidates.prefix(topK)) }
        let maximum = candidates.first?.score ?? 0
        var weights = candidates.map { exp($0.score - maximum) }
        if topP < 1 {
            let total = weights.reduce(0, +)
            var sum = 0.0
            let count = weights.firstIndex { weight in
                sum += weight
                return sum >= topP * total
            }
            weights = Array(weights.prefix((count ?? weights.count - 1) + 1))
        }
        var point = random.unit() * weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            point -= weight
            if point < 0 { return candidates[index].token }
        }
        return candidates[max(weights.count - 1, 0)].token
    }
}

/// A small generator whose sequence is fixed by its seed. Source: Steele, Lea and Flood, OOPSLA 2014.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in 0..<1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
