import Testing

@testable import Radiography

/// Four lines at once, and lines made as they are asked for, are only faster: never another result.
@Suite struct ResamplerTests {
    private static let rows = 67
    private static let columns = 53

    private static let pixels: [Float] = {
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
        print("seed \(seed)")
        var state = seed
        return (0..<(rows * columns)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24)
        }
    }()

    @Test(arguments: [(1, 1), (4, 9), (5, 52), (30, 20), (66, 80), (31, 53)])
    func bothAxesAtOnceAreTheVerticalThenTheHorizontalAxisToTheBit(newRows: Int, newColumns: Int) {
        let vertical = Resampler.resize(
            Self.pixels, rows: Self.rows, columns: Self.columns, newRows: newRows, newColumns: Self.columns)
        let both = Resampler.resize(
            vertical, rows: newRows, columns: Self.columns, newRows: newRows, newColumns: newColumns)
        let once = Resampler.resize(
            Self.pixels, rows: Self.rows, columns: Self.columns, newRows: newRows, newColumns: newColumns)
        #expect(once == both)
    }

    @Test(arguments: [(4, 9), (90, 20), (67, 20), (67, 53), (90, 53)])
    func everySourceLineIsAskedForOnceAndInOrder(newRows: Int, newColumns: Int) {
        var asked: [Int] = []
        let streamed = Resampler.resize(
            rows: Self.rows, columns: Self.columns, newRows: newRows, newColumns: newColumns
        ) { row, line in
            asked.append(row)
            for column in 0..<Self.columns { line[column] = Self.pixels[row * Self.columns + column] }
        }
        #expect(asked == Array(0..<Self.rows))
        #expect(
            streamed
                == Resampler.resize(
                    Self.pixels, rows: Self.rows, columns: Self.columns, newRows: newRows, newColumns: newColumns))
    }
}
