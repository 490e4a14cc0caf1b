/// Separable resizing with a triangle filter that widens when the image shrinks, so that no detail aliases.
///
/// Pixel centers follow `AffineMap`'s convention: the corners of both images coincide. The same filter as Pillow's
/// `BILINEAR` in `Image.resize`.
enum Resampler {
    /// The source pixels that make one target pixel along an axis.
    private struct Taps {
        var first: Int
        var weights: [Float]
    }

    /// Resizes `[rows, columns]` to `[newRows, newColumns]`; sizes are at least 1.
    static func resize(_ pixels: [Float], rows: Int, columns: Int, newRows: Int, newColumns: Int) -> [Float] {
        if newRows == rows, newColumns == columns { return pixels }
        return pixels.withUnsafeBufferPointer { source in
            resize(rows: rows, columns: columns, newRows: newRows, newColumns: newColumns) { row, line in
                _ = line.update(fromContentsOf: source[(row * columns)..<((row + 1) * columns)])
            }
        }
    }

    /// The same for a source that is made line by line: each of its lines is asked for once at most, in order, and
    /// only a few are in memory.
    ///
    /// - Parameter source: Writes a source row's `columns` pixels.
    static func resize(
        rows: Int, columns: Int, newRows: Int, newColumns: Int, source: (Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) -> [Float] {
        let across = newColumns == columns ? nil : LineResampler(taps(columns, newColumns))
        return [Float](unsafeUninitializedCapacity: newRows * newColumns) { buffer, initialized in
            func target(_ row: Int) -> UnsafeMutableBufferPointer<Float> {
                UnsafeMutableBufferPointer(rebasing: buffer[(row * newColumns)..<((row + 1) * newColumns)])
            }
            withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { whole in
                func narrowed(_ row: Int, _ line: UnsafeMutableBufferPointer<Float>) {
                    guard let across else { return source(row, line) }
                    source(row, whole)
                    across.apply(to: whole, into: line)
                }
                if newRows == rows {
                    for row in 0..<rows { narrowed(row, target(row)) }
                } else if newRows < rows, let across {
                    // The vertical pass is the cheaper one: it goes first where it shrinks the work.
                    let lines = FourLines(columns: columns)
                    merge(taps(rows, newRows), columns: columns, source: source, target: { lines[$0 % 4] }) { row in
                        if row % 4 == 3 {
                            across.apply(to: lines, into: (0..<4).map { target(row - 3 + $0) })
                        } else if row == newRows - 1 {
                            for rest in 0...row % 4 {
                                across.apply(to: lines[rest], into: target(row - row % 4 + rest))
                            }
                        }
                    }
                } else {
                    merge(taps(rows, newRows), columns: newColumns, source: narrowed, target: target) { _ in }
                }
            }
            initialized = newRows * newColumns
        }
    }

    private static func taps(_ count: Int, _ newCount: Int) -> [Taps] {
        let scale = Double(count) / Double(newCount)
        let support = max(scale, 1)
        return (0..<newCount).map { index in
            let center = (Double(index) + 0.5) * scale
            let first = max(Int((center - support + 0.5).rounded(.down)), 0)
            let last = min(Int((center + support + 0.5).rounded(.down)), count)
            var weights = (first..<max(last, first + 1)).map { position in
                max(0, 1 - abs((Double(position) + 0.5 - center) / support))
            }
            let sum = weights.reduce(0, +)
            if sum > 0 { weights = weights.map { $0 / sum } } else { weights = [1] }
            return Taps(first: min(first, count - 1), weights: weights.map(Float.init))
        }
    }

    /// The weighted sums of source lines.
    ///
    /// - Parameters:
    ///   - target: Where the sum of a row is written.
    ///   - finish: Called when it is there.
    private static func merge(
        _ taps: [Taps], columns: Int, source: (Int, UnsafeMutableBufferPointer<Float>) -> Void,
        target: (Int) -> UnsafeMutableBufferPointer<Float>, finish: (Int) -> Void
    ) {
        // Neighbouring rows share source lines: as many are kept as one row needs.
        let kept = taps.map(\.weights.count).max() ?? 1
        withUnsafeTemporaryAllocation(of: Float.self, capacity: kept * columns) { lines in
            func line(_ row: Int) -> UnsafeMutableBufferPointer<Float> {
                let start = row % kept * columns
                return UnsafeMutableBufferPointer(rebasing: lines[start..<(start + columns)])
            }
            var next = 0
            for (row, tap) in taps.enumerated() {
                next = max(next, tap.first)
                while next < tap.first + tap.weights.count {
                    source(next, line(next))
                    next += 1
                }
                let sum = target(row)
                sum.update(repeating: 0)
                for (index, weight) in tap.weights.enumerated() {
                    let line = line(tap.first + index)
                    for column in 0..<columns {
                        sum[column] += weight * line[column]
                    }
                }
                finish(row)
            }
        }
    }

    /// Memory for four lines, which the processor sums at once.
    private final class FourLines {
        private let memory: UnsafeMutableBufferPointer<Float>
        /// The lines' pixels side by side.
        fileprivate let mixed: UnsafeMutableBufferPointer<SIMD4<Float>>

        init(columns: Int) {
            memory = .allocate(capacity: 4 * columns)
            mixed = .allocate(capacity: columns)
        }

        deinit {
            memory.deallocate()
            mixed.deallocate()
        }

        subscript(_ line: Int) -> UnsafeMutableBufferPointer<Float> {
            UnsafeMutableBufferPointer(rebasing: memory[(line * mixed.count)..<((line + 1) * mixed.count)])
        }

        func mix() {
            let (first, second, third, fourth) = (self[0], self[1], self[2], self[3])
            for column in 0..<mixed.count {
                mixed[column] = SIMD4(first[column], second[column], third[column], fourth[column])
            }
        }
    }

    /// Resizes lines, single or by four, with the same sums.
    private struct LineResampler {
        private let weights: [Float]
        private let spans: [(first: Int, count: Int)]

        init(_ taps: [Taps]) {
            weights = taps.flatMap(\.weights)
            spans = taps.map { (first: $0.first, count: $0.weights.count) }
        }

        func apply(to lines: FourLines, into targets: [UnsafeMutableBufferPointer<Float>]) {
            lines.mix()
            let mixed = lines.mixed
            let (first, second, third, fourth) = (targets[0], targets[1], targets[2], targets[3])
            weights.withUnsafeBufferPointer { weights in
                spans.withUnsafeBufferPointer { spans in
                    var next = 0
                    for column in 0..<spans.count {
                        let span = spans[column]
                        var sum = SIMD4<Float>.zero
                        for index in 0..<span.count {
                            sum += weights[next &+ index] * mixed[span.first &+ index]
                        }
                        next += span.count
                        first[column] = sum[0]
                        second[column] = sum[1]
                        third[column] = sum[2]
                        fourth[column] = sum[3]
                    }
                }
            }
        }

        func apply(to line: UnsafeMutableBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>) {
            weights.withUnsafeBufferPointer { weights in
                spans.withUnsafeBufferPointer { spans in
                    var next = 0
                    for column in 0..<spans.count {
                        let span = spans[column]
                        var sum: Float = 0
                        for index in 0..<span.count {
                            sum += weights[next &+ index] * line[span.first &+ index]
                        }
                        next += span.count
                        target[column] = sum
                    }
                }
            }
        }
    }
}
