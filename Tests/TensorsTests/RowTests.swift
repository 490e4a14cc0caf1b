import Foundation
import Testing

@testable import Tensors

extension KernelTests {
    @Suite struct RowTests {
        static let widths = [1, 3, 8, 16, 31, 64, 100, 257]

        @Test func normsMatchTheReference() {
            var generator = SeededGenerator(seed: 31)
            for width in Self.widths {
                let x = generator.normal(3 * width, scale: 2)
                let w = generator.normal(width)
                let b = generator.normal(width)
                var rms: [Double] = []
                var layer: [Double] = []
                for r in 0..<3 {
                    let row = x[(r * width)..<((r + 1) * width)].map(Double.init)
                    let power = row.map { $0 * $0 }.reduce(0, +) / Double(width)
                    let mean = row.reduce(0, +) / Double(width)
                    let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
                    for i in 0..<width {
                        rms.append(row[i] / (power + 1e-5).squareRoot() * (Double(w[i]) + 1))
                        layer.append((row[i] - mean) / (variance + 1e-5).squareRoot() * Double(w[i]) + Double(b[i]))
                    }
                }
                forEachLevel { level in
                    let m = Matrix(rows: 3, columns: width, x)
                    let a = RMSNorm(weight: w, epsilon: 1e-5, weightOffset: 1)(m)
                    let c = LayerNorm(weight: w, bias: b, epsilon: 1e-5)(m)
                    #expect(relativeError(a.values, rms) < 2e-6, "\(level), width \(width), seed 31")
                    #expect(relativeError(c.values, layer) < 4e-6, "\(level), width \(width), seed 31")
                }
            }
        }

        @Test func headsAreNormalisedOneByOne() {
            var generator = SeededGenerator(seed: 32)
            let x = Matrix(rows: 2, columns: 24, generator.normal(48))
            let norm = RMSNorm(weight: generator.normal(8), epsilon: 1e-6)
            let expected = norm(x.copy().reshaped(rows: 6, columns: 8)).values
            norm.applyToHeads(x)
            #expect(x.values == expected)
        }

        @Test func functionsMatchTheReference() {
            let points =
                stride(from: -20.0, through: 20.0, by: 0.037).map { Float($0) } + [0, -0.0, 60, -60, 100, -100]
            let references: [(ActivationFunction, (Double) -> Double)] = [
                (.silu, { $0 / (1 + exp(-$0)) }), (.gelu, { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }),
                (.geluTanh, { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }),
                (.quickGELU, { $0 / (1 + exp(-1.702 * $0)) }), (.relu, { max(0, $0) }),
            ]
            for (function, reference) in references {
                forEachLevel { level in
                    let x = Matrix(rows: 1, columns: points.count, points)
                    x.apply(function)
                    for (value, point) in zip(x.values, points) {
                        let expected = reference(Double(point))
                        #expect(
                            abs(Double(value) - expected) < 1e-6 * max(1, abs(expected)),
                            "\(function)(\(point)) at \(level)")
                    }
                    let up = Matrix(rows: 1, columns: points.count, points.map { $0 + 0.5 })
                    let gate = Matrix(rows: 1, columns: points.count, points)
                    gate.gate(function, with: up)
                    #expect(relativeError(gate.values, zip(x.values, up.values).map { Double($0) * Double($1) }) < 1e-6)
                }
            }
        }

        @Test func softmaxMatchesTheReferenceAndHoldsAtTheEnds() {
            var generator = SeededGenerator(seed: 33)
            for width in Self.widths {
                let x = generator.normal(2 * width, scale: 30)
                var expected: [Double] = []
                for r in 0..<2 {
                    let row = x[(r * width)..<((r + 1) * width)].map(Double.init)
                    let m = row.max() ?? 0
                    let sum = row.map { exp($0 - m) }.reduce(0, +)
                    expected += row.map { exp($0 - m) / sum }
                }
                forEachLevel { level in
                    let m = Matrix(rows: 2, columns: width, x)
                    m.softmax()
                    #expect(relativeError(m.values, expected) < 1e-6, "\(level), width \(width), seed 33")
                }
            }
            forEachLevel { level in
                let masked = Matrix(rows: 3, columns: 20, [Float](repeating: -.infinity, count: 60))
                masked[0, 3] = 5
                masked[0, 17] = 5
                masked[1, 2] = .nan
                masked.softmax()
                #expect(masked[0, 3] == 0.5 && masked[0, 17] == 0.5 && masked[0, 0] == 0, "\(level)")
                #expect(masked.row(1).allSatisfy { $0.isNaN } && masked.row(2).allSatisfy { $0.isNaN }, "\(level)")
            }
        }

        @Test func rotationTurnsHalvesByTheAngle() {
            var generator = SeededGenerator(seed: 34)
            let positions = [0, 7, 1000]
            let x = generator.normal(3 * 2 * 40)
            let rope = RotaryEmbedding(base: 10000, dimensions: 36, scale: 2)
            var expected = x.map(Double.init)
            for (r, position) in positions.enumerated() {
                for head in 0..<2 {
                    for i in 0..<18 {
                        let angle = Double(position) / 2 * pow(10000, -Double(2 * i) / 36)
                        let at = (r * 2 + head) * 40 + i
                        expected[at] = Double(x[at]) * cos(angle) - Double(x[at + 18]) * sin(angle)
                        expected[at + 18] = Double(x[at + 18]) * cos(angle) + Double(x[at]) * sin(angle)
                    }
                }
            }
            forEachLevel { level in
                let m = Matrix(rows: 3, columns: 80, x)
                rope.table(positions: positions).rotate(m, headDimension: 40)
                // Angles are f32, as in the published models: at position 1000 they are off by up to 3e-5.
                #expect(relativeError(m.values, expected) < 5e-5, "\(level)")
            }
        }

        @Test func sumsAndScales() {
            let x = Matrix(rows: 2, columns: 3, [1, 2, 3, 4, 5, 6])
            x.add(Matrix(rows: 2, columns: 3, [1, 1, 1, 2, 2, 2]), scale: [1, 10, 100])
            #expect(x.values == [2, 12, 103, 6, 25, 206])
            x.addToEachRow([1, 0, -3])
            #expect(x.values == [3, 12, 100, 7, 25, 203])
            x.multiply(by: 2)
            #expect(x.values == [6, 24, 200, 14, 50, 406])
        }

        @Test func theLargestAreFoundInOrder() {
            var generator = SeededGenerator(seed: 35)
            for count in [1, 2, 7, 50] {
                var values = generator.normal(50).map { ($0 * 4).rounded() }
                values[10] = .nan
                let x = Matrix(rows: 1, columns: 50, values)
                let expected = values.enumerated().filter { !$0.element.isNaN }
                    .sorted { $0.element > $1.element || ($0.element == $1.element && $0.offset < $1.offset) }
                #expect(x.largest(count, row: 0).map(\.column) == expected.prefix(count).map(\.offset), "seed 35")
                #expect(x.argmax(row: 0) == expected[0].offset)
            }
        }
    }
}
