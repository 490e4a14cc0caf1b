import CKernels

/// Functions between layers.
public enum ActivationFunction: String, Sendable, CaseIterable, Codable {
    /// x / (1 + e⁻ˣ)
    case silu
    /// By the error function.
    case gelu
    /// By the tanh approximation.
    case geluTanh
    /// x / (1 + e^(-1.702 x))
    case quickGELU
    case relu

    var native: cxr_function {
        switch self {
        case .silu: return CXR_SILU
        case .gelu: return CXR_GELU
        case .geluTanh: return CXR_GELU_TANH
        case .quickGELU: return CXR_QUICK_GELU
        case .relu: return CXR_RELU
        }
    }
}

extension Matrix {
    /// x = f(x)
    public func apply(_ function: ActivationFunction) {
        cxr_apply_function(function.native, base, stride, rows, columns)
    }

    /// x = f(x) * up
    public func gate(_ function: ActivationFunction, with up: Matrix) {
        precondition(rows == up.rows && columns == up.columns, "a gate of another size")
        cxr_gate(function.native, base, stride, up.base, up.stride, rows, columns)
    }

    /// x += other, each column times its `scale` (LayerScale) if given.
    public func add(_ other: Matrix, scale: [Float]? = nil) {
        precondition(rows == other.rows && columns == other.columns, "a sum of matrices of different sizes")
        precondition(scale == nil || scale?.count == columns, "a scale of another width")
        cxr_add(base, stride, other.base, other.stride, scale, rows, columns)
    }

    /// Adds one row to every row (a bias or an embedding).
    public func addToEachRow(_ row: [Float]) {
        precondition(row.count == columns, "a row of another width")
        row.withUnsafeBufferPointer { row in
            // Distance 0: the same row each time.
            if let row = row.baseAddress { cxr_add(base, stride, row, 0, nil, rows, columns) }
        }
    }

    /// x *= factor
    public func multiply(by factor: Float) {
        for row in 0..<rows { for column in 0..<columns { base[row * stride + column] *= factor } }
    }

    /// Softmax of each row, in place. A row with a NaN, or of only -infinity, becomes NaN.
    public func softmax() { cxr_softmax(base, stride, rows, columns) }
}

/// x / sqrt(mean(x²) + ε) * (weight + offset).
public struct RMSNorm: Sendable {
    public let weight: [Float]
    public let epsilon: Float
    /// 1 for Gemma, whose weights are differences from 1.
    public let weightOffset: Float

    public init(weight: [Float], epsilon: Float, weightOffset: Float = 0) {
        self.weight = weight
        self.epsilon = epsilon
        self.weightOffset = weightOffset
    }

    /// Normalises each row.
    public func callAsFunction(_ x: Matrix) -> Matrix {
        let y = Matrix(unsetRows: x.rows, columns: x.columns)
        apply(x, into: y)
        return y
    }

    /// The same into existing memory, which may be x itself.
    public func apply(_ x: Matrix, into y: Matrix) {
        precondition(x.columns == weight.count && y.rows == x.rows && y.columns == x.columns, "a norm of another width")
        cxr_rms_norm(x.base, x.stride, x.rows, x.columns, weight, weightOffset, epsilon, y.base, y.stride)
    }

    /// Normalises each head of `weight.count` columns by itself, in place (Gemma 3's and Qwen3's query and key norms).
    public func applyToHeads(_ x: Matrix) {
        let width = weight.count
        precondition(x.columns % width == 0, "heads of \(width) in \(x.columns) columns")
        for head in 0..<(x.columns / width) {
            let part = x.columns(head * width..<(head + 1) * width)
            apply(part, into: part)
        }
    }
}

/// (x - mean) / sqrt(variance + ε) * weight + bias.
public struct LayerNorm: Sendable {
    public let weight: [Float]
    public let bias: [Float]?
    public let epsilon: Float

    public init(weight: [Float], bias: [Float]?, epsilon: Float) {
        precondition(bias == nil || bias?.count == weight.count, "a norm whose bias has another width")
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
    }

    /// Normalises each row.
    public func callAsFunction(_ x: Matrix) -> Matrix {
        precondition(x.columns == weight.count, "a norm of another width")
        let y = Matrix(unsetRows: x.rows, columns: x.columns)
        cxr_layer_norm(x.base, x.stride, x.rows, x.columns, weight, bias, epsilon, y.base, y.stride)
        return y
    }
}
