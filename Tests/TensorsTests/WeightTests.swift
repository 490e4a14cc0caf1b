import Foundation
import Testing

@testable import Tensors

extension KernelTests {
    @Suite struct WeightTests {
        @Test func conversionsBetweenFloatFormatsRoundToNearestEven() {
            // Every f16 value, and values between neighbours.
            let halves = (0...UInt16.max).map { Float16Value(bits: $0) }
            forEachLevel { level in
                let finite = halves.filter { !$0.value.isNaN }
                let weight = WeightMatrix(finite.map(\.value), rows: finite.count, columns: 1, format: .float16)
                let stored = weight.withValueBytes { Array($0.bindMemory(to: UInt16.self)) }
                #expect(stored == finite.map(\.bits), "\(level)")
                #expect(weight.matrix().values == finite.map(\.value), "\(level)")
            }
            // 1 + 2^-11 lies between 1 and 1 + 2^-10: even is 1. 65520 rounds to infinity, 2^-25 to 0.
            let ties = WeightMatrix(
                [1 + 0x1p-11, 1 + 0x1.8p-10, 65520, 65519, 0x1p-25, 0x1.8p-25], rows: 1, columns: 6, format: .float16)
            #expect(ties.row(0) == [1, 1 + 0x1p-9, .infinity, 65504, 0, 0x1p-24])
            let brain = WeightMatrix([1 + 0x1p-8, 1 + 0x1.8p-7, .nan], rows: 1, columns: 3, format: .bfloat16)
            #expect(Array(brain.row(0).prefix(2)) == [1, 1 + 0x1p-6])
            #expect(brain.row(0)[2].isNaN)
        }

        @Test func quantisedWeightsAreWithinHalfAStep() {
            var generator = SeededGenerator(seed: 21)
            for columns in [32, 33, 100, 256] {
                let values = generator.normal(4 * columns)
                let q8 = WeightMatrix(values, rows: 4, columns: columns, format: .q8).matrix().values
                let q4 = WeightMatrix(values, rows: 4, columns: columns, format: .q4).matrix().values
                for row in 0..<4 {
                    for first in stride(from: 0, to: columns, by: 32) {
                        let range = (row * columns + first)..<(row * columns + min(first + 32, columns))
                        let largest = range.map { abs(values[$0]) }.max() ?? 0
                        for i in range {
                            #expect(abs(q8[i] - values[i]) <= largest / 127 * 0.51, "seed 21")
                        }
                        let error = range.map { pow(q4[$0] - values[$0], 2) }.reduce(0, +)
                        // No worse than rounding with the full-range scale.
                        let step = largest / 8
                        let plain = range.map { i -> Float in
                            let extreme = range.map { values[$0] }.max { abs($0) < abs($1) } ?? 0
                            let d = extreme / -8
                            let q = d == 0 ? 0 : min(7, max(-8, (values[i] / d).rounded()))
                            return pow(q * d - values[i], 2)
                        }.reduce(0, +)
                        #expect(error <= plain * 1.01 + step * step * 1e-3, "seed 21")
                    }
                }
            }
        }

        @Test func weightsInAMappedFileAreReadInPlace() throws {
            var generator = SeededGenerator(seed: 22)
            let original = WeightMatrix(generator.normal(8 * 96), rows: 8, columns: 96, format: .q4)
            // An odd header, as safetensors may have: the scales are then not aligned.
            for header in [64, 7] {
                var data = Data(count: header)
                original.withValueBytes { data.append(contentsOf: $0) }
                original.withScaleBytes { data.append(contentsOf: $0) }
                let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
                try data.write(to: url)
                defer { try? FileManager.default.removeItem(at: url) }
                let memory = try WeightMemory(mapping: url.path)
                let mapped = try WeightMatrix(
                    memory: memory, offset: header, format: .q4, rows: 8, columns: 96, scalesOffset: header + 8 * 48)
                #expect(mapped.matrix().values == original.matrix().values)
                #expect(throws: TensorError.self) {
                    _ = try WeightMatrix(memory: memory, offset: header, format: .float32, rows: 8, columns: 96)
                }
            }
        }

        @Test func aMissingFileIsNamed() {
            #expect(throws: TensorError.cannotOpen(path: "/nonexistent/weights", reason: "No such file or directory")) {
                _ = try WeightMemory(mapping: "/nonexistent/weights")
            }
        }

        @Test func lookupGivesTheRowsAsked() {
            let weight = WeightMatrix((0..<12).map(Float.init), rows: 4, columns: 3)
            #expect(weight.lookup([2, 0, 2]).values == [6, 7, 8, 0, 1, 2, 6, 7, 8])
        }

        @Test func aNonFiniteWeightSpoilsItsBlockVisibly() {
            var values = [Float](repeating: 1, count: 64)
            values[5] = .infinity
            for format in [WeightFormat.q8, .q4] {
                let row = WeightMatrix(values, rows: 1, columns: 64, format: format).row(0)
                #expect(row[..<32].allSatisfy { $0.isNaN })
                #expect(row[32...].allSatisfy { abs($0 - 1) < 0.01 })
            }
        }
    }
}

/// IEEE 754 binary16 by arithmetic, not by bit tricks.
struct Float16Value {
    let bits: UInt16
    var value: Float {
        let sign: Float = bits & 0x8000 != 0 ? -1 : 1
        let exponent = Int(bits >> 10 & 31)
        let fraction = Float(bits & 1023)
        if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
        if exponent == 0 { return sign * fraction * 0x1p-24 }
        return sign * (1 + fraction / 1024) * Float(pow(2.0, Double(exponent - 15)))
    }
}
