import CKernels

/// What a linear layer does with its input.
public enum ActivationFormat: String, Sendable, CaseIterable, Codable {
    /// Keeps it: weight-only quantisation. (Up to 8 tokens against quantised weights: 16-bit integers with a scale every 32 values.)
    case float32
    /// Rounds both operands to bf16, with sums in f32; up to 8 tokens keep f32.
    case bfloat16
    /// Quantises it to 8 bits as it comes, a scale every 32 (up to 8 tokens) or 256 values. Only for quantised weights, whose own
    /// blocks are then rounded to one 8-bit scale every 256 columns (beyond 8 tokens); other formats keep f32.
    case int8

    var native: cxr_activation {
        switch self {
        case .float32: return CXR_ACTIVATION_FLOAT32
        case .bfloat16: return CXR_ACTIVATION_BFLOAT16
        case .int8: return CXR_ACTIVATION_INT8
        }
    }
}

/// y = x Wᵀ + b.
public struct Linear: Sendable {
    public let weight: WeightMatrix
    /// `[outFeatures]`, or nil.
    public let bias: [Float]?
    /// The precision of the input.
    public var activation: ActivationFormat
    private let biasMemory: WeightMemory?

    public var inFeatures: Int { weight.columns }
    public var outFeatures: Int { weight.rows }

    public init(weight: WeightMatrix, bias: [Float]? = nil, activation: ActivationFormat = .float32) {
        precondition(
            bias == nil || bias?.count == weight.rows, "a bias of \(bias?.count ?? 0) for \(weight.rows) outputs")
        self.weight = weight
        self.bias = bias
        self.activation = activation
        biasMemory = bias.map { bias in
            bias.withUnsafeBytes { from in WeightMemory(byteCount: from.count) { $0.copyMemory(from: from) } }
        }
    }

    /// The same layer with weights in another format and, if given, another input precision.
    public func converted(to format: WeightFormat, activation: ActivationFormat? = nil) -> Linear {
        Linear(weight: weight.converted(to: format), bias: bias, activation: activation ?? self.activation)
    }

    /// x `[tokens, inFeatures]` -> `[tokens, outFeatures]`.
    public func callAsFunction(_ x: Matrix) -> Matrix {
        let y = Matrix(unsetRows: x.rows, columns: outFeatures)
        apply(x, into: y)
        return y
    }

    /// y = x Wᵀ + b, or y += with `accumulate` (a residual).
    public func apply(_ x: Matrix, into y: Matrix, accumulate: Bool = false) {
        Self.run([self], x, [y], accumulate: accumulate)
    }

    /// Several layers on the same input in one go (query, key and value; gate and up), sharing its preparation. They must agree in
    /// ``activation``.
    public static func apply(_ layers: [Linear], _ x: Matrix) -> [Matrix] {
        let results = layers.map { Matrix(unsetRows: x.rows, columns: $0.outFeatures) }
        run(layers, x, results, accumulate: false)
        return results
    }

    private static func run(_ layers: [Linear], _ x: Matrix, _ results: [Matrix], accumulate: Bool) {
        precondition(cxr_pool_is_inside() == 0, "a linear layer inside a parallel loop")
        guard let activation = layers.first?.activation else { return }
        let jobs = zip(layers, results).map { layer, y in
            precondition(x.columns == layer.inFeatures, "\(x.columns) features into a layer for \(layer.inFeatures)")
            precondition(y.rows == x.rows && y.columns == layer.outFeatures, "the output of a layer has the wrong size")
            precondition(layer.activation == activation, "layers that share an input differ in its precision")
            return cxr_linear(
                weight: layer.weight.native, bias: layer.biasMemory?.base.assumingMemoryBound(to: Float.self),
                y: y.base,
                ldy: y.stride, accumulate: accumulate ? 1 : 0)
        }
        withExtendedLifetime((layers, results)) {
            cxr_linear_apply(jobs, jobs.count, activation.native, x.base, x.stride, x.rows)
        }
    }
}

/// down(f(gate(x)) * up(x)): the feed-forward part of Llama, Qwen2, Mistral (SiLU) and Gemma (GELU by tanh).
public struct GatedMLP: Sendable {
    public let gate: Linear
    public let up: Linear
    public let down: Linear
    public let function: ActivationFunction

    public init(gate: Linear, up: Linear, down: Linear, function: ActivationFunction) {
        self.gate = gate
        self.up = up
        self.down = down
        self.function = function
    }

    /// x `[tokens, width]` -> the same size.
    public func callAsFunction(_ x: Matrix) -> Matrix { down(hidden(x)) }

    /// y += the result (a residual).
    public func apply(_ x: Matrix, addingTo y: Matrix) { down.apply(hidden(x), into: y, accumulate: true) }

    private func hidden(_ x: Matrix) -> Matrix {
        let both = Linear.apply([gate, up], x)
        both[0].gate(function, with: both[1])
        return both[0]
    }
}
