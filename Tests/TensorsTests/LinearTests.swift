import Foundation
import Testing

@testable import Tensors

// Levels are a setting of the process: every suite that forces one is inside this serialised one.
@Suite(.serialized) struct KernelTests {}

extension KernelTests {
    @Suite struct LinearTests {
        /// Tokens, outputs, inputs: one row, tails of every kind (blocks of 32, groups of 256, tiles of 6 x 64), several panels.
        static let shapes = [
            (1, 1, 1), (1, 5, 31), (1, 64, 256), (2, 7, 100), (3, 13, 33), (4, 12, 512), (5, 6, 77), (8, 50, 544),
            (9, 7, 37),
            (16, 6, 64), (17, 25, 288), (64, 12, 256), (65, 101, 300), (130, 49, 1030),
        ]

        @Test func everyLevelMultipliesFloat32LikeTheReference() {
            check(.float32, .float32, tolerance: 2e-6)
        }

        @Test func everyLevelMultipliesHalfPrecisionWeightsExactly() {
            check(.float16, .float32, tolerance: 2e-6)
            check(.bfloat16, .float32, tolerance: 2e-6)
        }

        @Test func weightOnlyQuantisationKeepsTheActivations() {
            // Up to 8 tokens: 16-bit activations in blocks of 32.
            check(.q8, .float32, tolerance: 4e-5)
            check(.q4, .float32, tolerance: 4e-5)
        }

        @Test func bfloat16ActivationsAreWithinTheirRounding() {
            check(.float32, .bfloat16, tolerance: 8e-3)
            check(.bfloat16, .bfloat16, tolerance: 8e-3)
            check(.q4, .bfloat16, tolerance: 8e-3)
        }

        @Test func dynamicInt8IsWithinItsRounding() {
            check(.q8, .int8, tolerance: 2e-2)
            check(.q4, .int8, tolerance: 2e-2)
        }

        /// Compares with the product of the *stored* weights, so that only the kernel's own error counts.
        private func check(_ format: WeightFormat, _ activation: ActivationFormat, tolerance: Double) {
            var generator = SeededGenerator(seed: 11)
            for (tokens, n, k) in Self.shapes {
                let x = generator.normal(tokens * k)
                let bias = generator.normal(n)
                let weight = WeightMatrix(generator.normal(n * k, scale: 0.1), rows: n, columns: k, format: format)
                let expected = referenceLinear(x, weight.matrix().values, bias: bias, tokens: tokens, n: n, k: k)
                let layer = Linear(weight: weight, bias: bias, activation: activation)
                forEachLevel { level in
                    let y = layer(Matrix(rows: tokens, columns: k, x))
                    let error = relativeError(y.values, expected)
                    #expect(
                        error < tolerance,
                        "\(format) x \(activation) at \(level), \(tokens) x \(n) x \(k), seed 11: error \(error)")
                }
            }
        }

        /// Root-mean-square error of a layer's output relative to its root mean square, against f32 weights and activations, for inputs
        /// whose every hundredth channel is twenty times larger, as in language models.
        @Test func outlierChannelsCostLittle() {
            var generator = SeededGenerator(seed: 17)
            let (n, k) = (128, 2048)
            let source = generator.normal(n * k, scale: 0.02)
            for (format, activation, tokens, bound) in [
                (WeightFormat.q8, ActivationFormat.float32, 4, 0.008), (.q8, .int8, 4, 0.015), (.q8, .int8, 32, 0.03),
                (.q4, .float32, 4, 0.12), (.q4, .int8, 4, 0.12), (.q4, .int8, 32, 0.12),
                (.bfloat16, .float32, 4, 0.004),
            ] {
                var x = generator.normal(tokens * k)
                for i in stride(from: 0, to: x.count, by: 100) { x[i] *= 20 }
                let expected = referenceLinear(x, source, bias: nil, tokens: tokens, n: n, k: k)
                let weight = WeightMatrix(source, rows: n, columns: k, format: format)
                let y = Linear(weight: weight, activation: activation)(Matrix(rows: tokens, columns: k, x)).values
                let noise = zip(y, expected).map { pow(Double($0) - $1, 2) }.reduce(0, +)
                let error = (noise / expected.map { $0 * $0 }.reduce(0, +)).squareRoot()
                print("relative error with outlier channels: \(format) x \(activation), \(tokens) tokens: \(error)")
                #expect(error < bound, "\(format) x \(activation), \(tokens) tokens, seed 17")
            }
        }

        @Test func levelsAgreeOnQuantisedProducts() {
            var generator = SeededGenerator(seed: 12)
            for (tokens, n, k) in Self.shapes {
                for format in [WeightFormat.q8, .q4] {
                    let x = Matrix(rows: tokens, columns: k, generator.normal(tokens * k))
                    let weight = WeightMatrix(generator.normal(n * k), rows: n, columns: k, format: format)
                    let layer = Linear(weight: weight, activation: .int8)
                    var first: [Double]?
                    forEachLevel { level in
                        let y = layer(x).values
                        if let first {
                            let error = relativeError(y, first)
                            #expect(
                                error < 3e-6, "\(format) at \(level), \(tokens) x \(n) x \(k), seed 12: error \(error)")
                        } else {
                            first = y.map(Double.init)
                        }
                    }
                }
            }
        }

        @Test(.enabled(if: Compute.openBLASError == nil, "OpenBLAS is not installed"))
        func openBLASGivesTheSameProductsAsTheOwnKernels() {
            var generator = SeededGenerator(seed: 16)
            let x = Matrix(rows: 40, columns: 70, generator.normal(40 * 70))
            let layer = Linear(
                weight: WeightMatrix(generator.normal(33 * 70), rows: 33, columns: 70), bias: generator.normal(33))
            let y = layer(x)
            Compute.useOpenBLAS(.always)
            defer { Compute.useOpenBLAS(.withoutVectorKernels) }
            let other = layer(x)
            #expect(relativeError(other.values, y.values.map(Double.init)) < 2e-6)
            layer.apply(x, into: other, accumulate: true)
            #expect(relativeError(other.values, y.values.map { 2 * Double($0) }) < 2e-6)
            #expect(!Compute.openBLASCore.isEmpty)
        }

        @Test func severalLayersAtOnceGiveWhatEachGives() {
            var generator = SeededGenerator(seed: 13)
            for tokens in [1, 70] {
                let x = Matrix(rows: tokens, columns: 96, generator.normal(tokens * 96))
                let layers = [40, 8, 8].map { n in
                    Linear(
                        weight: WeightMatrix(generator.normal(n * 96), rows: n, columns: 96, format: .q8),
                        bias: generator.normal(n), activation: .int8)
                }
                for (together, layer) in zip(Linear.apply(layers, x), layers) {
                    #expect(together.values == layer(x).values)
                }
            }
        }

        @Test func accumulatingAddsToTheOutputAndViewsAreRead() {
            var generator = SeededGenerator(seed: 14)
            for tokens in [2, 33] {
                let wide = Matrix(rows: tokens, columns: 80, generator.normal(tokens * 80))
                let x = wide.columns(16..<80)
                let layer = Linear(weight: WeightMatrix(generator.normal(24 * 64), rows: 24, columns: 64))
                let y = Matrix(rows: tokens, columns: 24, generator.normal(tokens * 24))
                let expected = zip(y.values, layer(x.copy()).values).map { Double($0) + Double($1) }
                layer.apply(x, into: y, accumulate: true)
                #expect(relativeError(y.values, expected) < 1e-6)
            }
        }

        @Test func aNonFiniteActivationReachesItsOwnTokenOnly() {
            var generator = SeededGenerator(seed: 15)
            for (format, activation) in [
                (WeightFormat.float32, ActivationFormat.float32), (.q8, .float32), (.q4, .float32), (.q8, .int8),
                (.q4, .int8),
                (.bfloat16, .bfloat16),
            ] {
                for tokens in [2, 20] {
                    for bad in [Float.nan, .infinity] {
                        var values = generator.normal(tokens * 64)
                        values[64 + 3] = bad
                        let x = Matrix(rows: tokens, columns: 64, values)
                        let layer = Linear(
                            weight: WeightMatrix(generator.normal(10 * 64), rows: 10, columns: 64, format: format),
                            activation: activation)
                        forEachLevel { level in
                            let y = layer(x)
                            for row in 0..<tokens {
                                let finite = y.row(row).allSatisfy(\.isFinite)
                                #expect(
                                    finite == (row != 1),
                                    "\(format) x \(activation) at \(level), row \(row) of \(tokens)")
                            }
                        }
                    }
                }
            }
        }
    }
}
