import CKernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Rotary position embedding (Su et al., arXiv 2104.09864) in the half-split layout of Hugging Face ("rotate_half"): dimension i of a head
/// turns with dimension i + half.
public struct RotaryEmbedding: Sendable {
    /// Angle a position, for each pair; any table may be given.
    public let inverseFrequencies: [Float]
    /// Multiplies cosine and sine (1 but for YaRN-like scalings).
    public let magnitude: Float

    public init(inverseFrequencies: [Float], magnitude: Float = 1) {
        self.inverseFrequencies = inverseFrequencies
        self.magnitude = magnitude
    }

    /// base^(-2i/dimensions) / scale: `scale` is the factor of "linear" rope scaling.
    public init(base: Double, dimensions: Int, scale: Double = 1) {
        self.init(
            inverseFrequencies: (0..<(dimensions / 2)).map { i in
                Float(1 / pow(base, Double(2 * i) / Double(dimensions)) / scale)
            })
    }

    /// Cosine and sine of every position and pair, computed once for all layers of a pass.
    public func table(positions: [Int]) -> RotaryTable {
        var cosine: [Float] = []
        var sine: [Float] = []
        cosine.reserveCapacity(positions.count * inverseFrequencies.count)
        sine.reserveCapacity(positions.count * inverseFrequencies.count)
        for position in positions {
            for frequency in inverseFrequencies {
                let angle = Float(position) * frequency
                cosine.append(cos(angle) * magnitude)
                sine.append(sin(angle) * magnitude)
            }
        }
        return RotaryTable(rows: positions.count, half: inverseFrequencies.count, cosine: cosine, sine: sine)
    }
}

/// Angles for the rows of one pass.
public struct RotaryTable: Sendable {
    let rows: Int
    let half: Int
    let cosine: [Float]
    let sine: [Float]

    /// Rotates x `[rows, heads * headDimension]` in place; dimensions of a head beyond the table's stay.
    public func rotate(_ x: Matrix, headDimension: Int) {
        precondition(
            x.rows == rows && x.columns % headDimension == 0 && 2 * half <= headDimension, "rotation of another size")
        cxr_rope(x.base, x.stride, rows, x.columns / headDimension, headDimension, 2 * half, cosine, sine)
    }
}
