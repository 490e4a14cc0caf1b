import Foundation
import Testing

@testable import Tensors

extension KernelTests {
    @Suite struct AttentionTests {
        struct Case {
            var queries: Int, keys: Int, heads: Int, keyValueHeads: Int, dimension: Int
            var mask: AttentionMask
        }

        static let cases = [
            Case(queries: 1, keys: 1, heads: 1, keyValueHeads: 1, dimension: 64, mask: .causal),
            Case(queries: 1, keys: 200, heads: 4, keyValueHeads: 4, dimension: 128, mask: .causal),
            Case(queries: 1, keys: 77, heads: 28, keyValueHeads: 4, dimension: 128, mask: .causal),
            Case(queries: 2, keys: 50, heads: 14, keyValueHeads: 2, dimension: 72, mask: .causal),
            Case(queries: 130, keys: 130, heads: 2, keyValueHeads: 2, dimension: 64, mask: .causal),
            Case(queries: 70, keys: 230, heads: 4, keyValueHeads: 2, dimension: 100, mask: .causal),
            Case(queries: 65, keys: 300, heads: 2, keyValueHeads: 1, dimension: 256, mask: .causal(window: 20)),
            Case(queries: 1, keys: 300, heads: 2, keyValueHeads: 1, dimension: 256, mask: .causal(window: 20)),
            Case(queries: 37, keys: 37, heads: 3, keyValueHeads: 3, dimension: 72, mask: .full),
            Case(
                queries: 90, keys: 100, heads: 2, keyValueHeads: 1, dimension: 80,
                mask: AttentionMask(isCausal: true, window: 8, bidirectionalSpans: [5..<40, 60..<80])),
        ]

        @Test func everyLevelAttendsLikeTheReference() {
            var generator = SeededGenerator(seed: 41)
            for one in Self.cases {
                let q = generator.normal(one.queries * one.heads * one.dimension)
                let k = generator.normal(one.keys * one.keyValueHeads * one.dimension)
                let v = generator.normal(one.keys * one.keyValueHeads * one.dimension)
                for (format, tolerance) in [(WeightFormat.float32, 3e-6), (.float16, 2e-3), (.bfloat16, 2e-2)] {
                    let expected = Self.reference(one, q, k, v)
                    forEachLevel { level in
                        let out = Self.run(one, q, k, v, format: format)
                        let error = relativeError(out, expected)
                        #expect(error < tolerance, "\(one) in \(format) at \(level), seed 41: error \(error)")
                    }
                }
            }
        }

        @Test func largeScoresDoNotOverflow() {
            var generator = SeededGenerator(seed: 42)
            let one = Case(queries: 20, keys: 40, heads: 1, keyValueHeads: 1, dimension: 64, mask: .causal)
            let q = generator.normal(20 * 64, scale: 60)
            let k = generator.normal(40 * 64, scale: 60)
            let v = generator.normal(40 * 64)
            let expected = Self.reference(one, q, k, v)
            forEachLevel { level in
                #expect(relativeError(Self.run(one, q, k, v, format: .float32), expected) < 1e-2, "\(level), seed 42")
            }
        }

        @Test func aTruncatedOrCopiedCacheServesThePrefix() {
            var generator = SeededGenerator(seed: 43)
            let cache = KeyValueCache(heads: 2, headDimension: 16, capacity: 30)
            let prefix = Matrix(rows: 10, columns: 32, generator.normal(320))
            cache.append(keys: prefix, values: prefix)
            let copy = cache.copy(capacity: 12)
            let q = Matrix(rows: 1, columns: 32, generator.normal(32))
            let next = Matrix(rows: 1, columns: 32, generator.normal(32))
            cache.append(keys: next, values: next)
            let first = cache.attend(q, mask: .causal).values
            let other = Matrix(rows: 5, columns: 32, generator.normal(160))
            cache.append(keys: other, values: other)
            cache.truncate(to: 10)
            cache.append(keys: next, values: next)
            copy.append(keys: next, values: next)
            let rows = Matrix(rows: 3, columns: 32)
            cache.attend(q, mask: .causal, into: rows.rows(1..<2))
            #expect(rows.row(1) == first && rows.row(0) == [Float](repeating: 0, count: 32))
            #expect(cache.attend(q, mask: .causal).values == first)
            #expect(copy.attend(q, mask: .causal).values == first)
        }

        static func run(_ one: Case, _ q: [Float], _ k: [Float], _ v: [Float], format: WeightFormat) -> [Float] {
            let cache = KeyValueCache(
                heads: one.keyValueHeads, headDimension: one.dimension, capacity: one.keys + 3, format: format)
            let width = one.keyValueHeads * one.dimension
            cache.append(
                keys: Matrix(rows: one.keys, columns: width, k), values: Matrix(rows: one.keys, columns: width, v))
            return cache.attend(Matrix(rows: one.queries, columns: one.heads * one.dimension, q), mask: one.mask).values
        }

        static func reference(_ one: Case, _ q: [Float], _ k: [Float], _ v: [Float]) -> [Double] {
            let d = one.dimension
            let width = one.keyValueHeads * d
            let group = one.heads / one.keyValueHeads
            var out = [Double](repeating: 0, count: q.count)
            for t in 0..<one.queries {
                let position = one.keys - one.queries + t
                let seen = (0..<one.keys).filter { key in
                    guard one.mask.isCausal else { return true }
                    if one.mask.bidirectionalSpans.contains(where: { $0.contains(position) && $0.contains(key) }) {
                        return true
                    }
                    return key <= position && key > position - (one.mask.window ?? Int.max / 2)
                }
                for head in 0..<one.heads {
                    let from = head / group * d
                    let at = t * one.heads * d + head * d
                    let scores = seen.map { key in
                        (0..<d).map { Double(q[at + $0]) * Double(k[key * width + from + $0]) }.reduce(0, +)
                            / Double(d).squareRoot()
                    }
                    let largest = scores.max() ?? 0
                    let weights = scores.map { exp($0 - largest) }
                    let sum = weights.reduce(0, +)
                    for (key, weight) in zip(seen, weights) {
                        for i in 0..<d { out[at + i] += weight / sum * Double(v[key * width + from + i]) }
                    }
                }
            }
            return out
        }
    }
}
