/// Enlarging by a whole factor with the cubic of Mitchell and Netravali ("Reconstruction Filters in Computer
/// Graphics", SIGGRAPH 1988, B = C = 1/3), which shows neither the source's pixels nor rings around edges.
struct SmoothEnlargement {
    /// Target pixels for one of the source, along each axis.
    let factor: Int
    /// By the place of a target pixel within its source pixel: the weights of four neighbouring source pixels, and the
    /// offset of the first of them.
    private let phases: [(offset: Int, weights: [Float])]

    init(factor: Int) {
        self.factor = factor
        phases = (0..<factor).map { phase in
            // Corners of both pictures coincide: target pixel p has its middle at (p + 0.5) / factor source pixels.
            let position = (Double(phase) + 0.5) / Double(factor) - 0.5
            let first = Int(position.rounded(.down)) - 1
            return (first, (0..<4).map { Float(Self.weight(position - Double(first + $0))) })
        }
    }

    /// `[rows, columns]` to `[rows * factor, columns * factor]`; beyond the edge the edge's pixels go on.
    func apply(to pixels: [Float], rows: Int, columns: Int) -> [Float] {
        guard factor > 1 else { return pixels }
        let wide = columns * factor
        var stretched = [Float](repeating: 0, count: rows * wide)
        for row in 0..<rows {
            for column in 0..<wide {
                let phase = phases[column % factor]
                var sum: Float = 0
                for tap in 0..<4 {
                    let source = min(max(column / factor + phase.offset + tap, 0), columns - 1)
                    sum += phase.weights[tap] * pixels[row * columns + source]
                }
                stretched[row * wide + column] = sum
            }
        }
        var result = [Float](repeating: 0, count: rows * factor * wide)
        for row in 0..<(rows * factor) {
            let phase = phases[row % factor]
            for tap in 0..<4 {
                let source = min(max(row / factor + phase.offset + tap, 0), rows - 1) * wide
                let weight = phase.weights[tap]
                for column in 0..<wide { result[row * wide + column] += weight * stretched[source + column] }
            }
        }
        return result
    }

    private static func weight(_ distance: Double) -> Double {
        let x = abs(distance)
        switch x {
        case ..<1: return (7 * x * x * x - 12 * x * x + 16.0 / 3) / 6
        case ..<2: return (-7.0 / 3 * x * x * x + 12 * x * x - 20 * x + 32.0 / 3) / 6
        default: return 0
        }
    }
}
