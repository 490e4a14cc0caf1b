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
        // The vertical pass runs along whole lines and is the cheaper one: it goes first where it shrinks the work.
        var result = pixels
        var linesLeft = rows
        if newRows < rows {
            result = vertical(result, columns: columns, taps(rows, newRows))
            linesLeft = newRows
        }
        if newColumns != columns {
            result = horizontal(result, rows: linesLeft, columns: columns, taps(columns, newColumns))
        }
        if newRows > rows {
            result = vertical(result, columns: newColumns, taps(rows, newRows))
        }
        return result
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

    private static func horizontal(_ pixels: [Float], rows: Int, columns: Int, _ taps: [Taps]) -> [Float] {
        let weights = taps.flatMap(\.weights)
        let spans = taps.map { (first: $0.first, count: $0.weights.count) }
        return [Float](unsafeUninitializedCapacity: rows * taps.count) { buffer, initialized in
            pixels.withUnsafeBufferPointer { source in
                weights.withUnsafeBufferPointer { weights in
                    spans.withUnsafeBufferPointer { spans in
                        for row in 0..<rows {
                            var next = 0
                            let line = UnsafeBufferPointer(rebasing: source[(row * columns)..<((row + 1) * columns)])
                            for column in 0..<spans.count {
                                let span = spans[column]
                                var sum: Float = 0
                                for index in 0..<span.count {
                                    sum += weights[next &+ index] * line[span.first &+ index]
                                }
                                next += span.count
                                buffer[row * spans.count + column] = sum
                            }
                        }
                    }
                }
            }
            initialized = rows * taps.count
        }
    }

    private static func vertical(_ pixels: [Float], columns: Int, _ taps: [Taps]) -> [Float] {
        var result = [Float](repeating: 0, count: taps.count * columns)
        result.withUnsafeMutableBufferPointer { buffer in
            pixels.withUnsafeBufferPointer { source in
                for (row, tap) in taps.enumerated() {
                    let target = row * columns
                    let sum = UnsafeMutableBufferPointer(rebasing: buffer[target..<(target + columns)])
                    for (index, weight) in tap.weights.enumerated() {
                        let start = (tap.first + index) * columns
                        let line = UnsafeBufferPointer(rebasing: source[start..<(start + columns)])
                        for column in 0..<columns {
                            sum[column] += weight * line[column]
                        }
                    }
                }
            }
        }
        return result
    }
}
