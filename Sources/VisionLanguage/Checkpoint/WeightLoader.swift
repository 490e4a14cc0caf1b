import Foundation
import Tensors

/// How weights are kept in memory.
public struct LoadingOptions: Sendable {
    /// The language model's linear layers; nil keeps the file's format, memory-mapped.
    public var languageFormat: WeightFormat?
    /// The vision encoder's and the projector's linear layers; nil keeps the file's format.
    public var visionFormat: WeightFormat?
    /// The precision of the activations that enter the language model's linear layers.
    public var languageActivation: ActivationFormat
    /// The precision of the activations that enter the vision encoder's and projector's linear layers.
    public var visionActivation: ActivationFormat
    /// The format of keys and values in the cache.
    public var cacheFormat: WeightFormat

    /// The defaults keep what the file has and compute in single precision.
    public init(
        languageFormat: WeightFormat? = nil, visionFormat: WeightFormat? = nil,
        languageActivation: ActivationFormat = .float32, visionActivation: ActivationFormat = .float32,
        cacheFormat: WeightFormat = .float16
    ) {
        self.languageFormat = languageFormat
        self.visionFormat = visionFormat
        self.languageActivation = languageActivation
        self.visionActivation = visionActivation
        self.cacheFormat = cacheFormat
    }

    /// Bit for bit what the file says, computed in single precision throughout.
    public static let exact = LoadingOptions(cacheFormat: .float32)

    /// 4-bit language model, 8-bit vision, 8-bit activations: what two CPU cores need for 7B parameters.
    public static let fast = LoadingOptions(
        languageFormat: .q4, visionFormat: .q8, languageActivation: .int8, visionActivation: .int8)
}

/// Which half of the model a layer belongs to; the two may be kept in different formats.
enum ModelPart: Sendable {
    case vision, language
}

/// Hands the tensors of a checkpoint to an architecture by their canonical names, and keeps account of what was missing,
/// misshapen or never asked for.
///
/// A tensor that does not fit is replaced by a placeholder so that all differences are found in one pass;
/// ``finish(architecture:)`` then throws before anything computes with it.
final class WeightLoader {
    let options: LoadingOptions
    private let tensors: [String: StoredTensor]
    private var unused: Set<String>
    private var missing: [String] = []
    private var misshapen: [String] = []

    init(_ tensors: [String: StoredTensor], options: LoadingOptions) {
        self.tensors = tensors
        self.options = options
        unused = Set(tensors.keys)
    }

    /// Whether the checkpoint has a tensor.
    func has(_ name: String) -> Bool { tensors[name] != nil }

    /// Marks tensors as known but not needed, such as the layers above the one that features are taken from.
    func ignore(where isKnown: (String) -> Bool) {
        unused = unused.filter { !isKnown($0) }
    }

    /// - Throws: ``CheckpointError/tensorMismatch(architecture:missing:unexpected:misshapen:)`` where anything is wrong.
    func finish(architecture: String) throws {
        guard missing.isEmpty, misshapen.isEmpty, unused.isEmpty else {
            throw CheckpointError.tensorMismatch(
                architecture: architecture, missing: missing.sorted(), unexpected: unused.sorted(),
                misshapen: misshapen.sorted())
        }
    }

    private func take(_ name: String) -> StoredTensor? {
        guard let tensor = tensors[name] else {
            missing.append(name)
            return nil
        }
        unused.remove(name)
        return tensor
    }

    private func take(_ name: String, shape: [Int]) -> StoredTensor? {
        guard let tensor = take(name) else { return nil }
        // Leading extents of 1 carry no information: [1, 257, 768] is [257, 768].
        guard tensor.shape == shape || Array(tensor.shape.drop { $0 == 1 }) == Array(shape.drop { $0 == 1 }) else {
            misshapen.append("\(name) is \(tensor.shape), expected \(shape)")
            return nil
        }
        return tensor
    }

    private func floats(_ tensor: StoredTensor) -> [Float]? {
        do {
            return try tensor.floats()
        } catch {
            misshapen.append("\(tensor.name): \(error)")
            return nil
        }
    }

    /// A one-dimensional tensor.
    func vector(_ name: String, _ count: Int) -> [Float] {
        take(name, shape: [count]).flatMap(floats) ?? [0]
    }

    /// A tensor of any shape, its elements row-major.
    func values(_ name: String, shape: [Int]) -> [Float] {
        take(name, shape: shape).flatMap(floats) ?? [Float](repeating: 0, count: shape.reduce(1, *))
    }

    /// A linear layer: `<prefix>.weight` and, where asked for, `<prefix>.bias`.
    func linear(_ prefix: String, from inputs: Int, to outputs: Int, bias: Bool, part: ModelPart) -> Linear {
        let matrix = weight(prefix + ".weight", rows: outputs, columns: inputs, part: part)
        return linear(matrix, bias: bias ? vector(prefix + ".bias", outputs) : nil, part: part)
    }

    /// A linear layer of weights at hand.
    func linear(_ matrix: WeightMatrix, bias: [Float]?, part: ModelPart) -> Linear {
        if let bias, bias.count != matrix.rows { return Linear(weight: Self.placeholder) }
        let activation = part == .vision ? options.visionActivation : options.languageActivation
        return Linear(weight: matrix, bias: bias, activation: activation)
    }

    /// Several linear layers that a checkpoint stores as one, split by rows.
    func fusedLinears(_ prefix: String, from inputs: Int, to outputs: [Int], part: ModelPart) -> [Linear] {
        let total = outputs.reduce(0, +)
        let bias = vector(prefix + ".bias", total)
        let layout = layout(prefix + ".weight", rows: total, columns: inputs)
        var start = 0
        return outputs.map { count in
            defer { start += count }
            guard let layout, bias.count == total, let matrix = matrix(layout, rows: start..<start + count) else {
                return Linear(weight: Self.placeholder)
            }
            return linear(
                format(part).map { matrix.converted(to: $0) } ?? matrix, bias: Array(bias[start..<start + count]),
                part: part)
        }
    }

    private static let placeholder = WeightMatrix([0], rows: 1, columns: 1)

    private func format(_ part: ModelPart) -> WeightFormat? {
        part == .vision ? options.visionFormat : options.languageFormat
    }

    /// A weight matrix in the part's format: the mapped bytes themselves where the file has that format.
    func weight(_ name: String, rows: Int, columns: Int, part: ModelPart) -> WeightMatrix {
        guard let matrix = stored(name, rows: rows, columns: columns) else { return Self.placeholder }
        return format(part).map { matrix.converted(to: $0) } ?? matrix
    }

    /// The token embedding, and with it a tied head: 8 bits where the language model has fewer.
    func embedding(_ name: String, rows: Int, columns: Int) -> WeightMatrix {
        guard let matrix = stored(name, rows: rows, columns: columns) else { return Self.placeholder }
        let wanted = options.languageFormat == .q4 ? .q8 : options.languageFormat
        return wanted.map { matrix.converted(to: $0) } ?? matrix
    }

    private func stored(_ name: String, rows: Int, columns: Int) -> WeightMatrix? {
        layout(name, rows: rows, columns: columns).flatMap { matrix($0, rows: 0..<rows) }
    }

    /// Where a weight matrix lies: plain numbers, or packed rows as U8 under the weight's own name with their scales as F16
    /// under `<name>_scale` (the layout of ``QuantizedCheckpoint``).
    private struct Layout {
        let values: StoredTensor
        let scales: StoredTensor?
        let format: WeightFormat
        let columns: Int
    }

    private func layout(_ name: String, rows: Int, columns: Int) -> Layout? {
        guard let tensor = take(name) else { return nil }
        if tensor.shape == [rows, columns], let format = tensor.format {
            return Layout(values: tensor, scales: nil, format: format, columns: columns)
        }
        let packed = [WeightFormat.q8, .q4].first { tensor.shape == [rows, $0.bytesPerRow(columns: columns)] }
        guard tensor.element == .uint8, let format = packed else {
            misshapen.append("\(name) is \(tensor.element.rawValue) \(tensor.shape), expected \([rows, columns])")
            return nil
        }
        return take(name + "_scale", shape: [rows, format.scalesPerRow(columns: columns)])
            .map { Layout(values: tensor, scales: $0, format: format, columns: columns) }
    }

    /// Some rows of a stored matrix, in place.
    private func matrix(_ layout: Layout, rows: Range<Int>) -> WeightMatrix? {
        let columns = layout.columns
        let start = rows.lowerBound * layout.format.bytesPerRow(columns: columns)
        let scaleStart = rows.lowerBound * layout.format.scalesPerRow(columns: columns) * 2
        do {
            return try WeightMatrix(
                memory: layout.values.memory, offset: layout.values.range.lowerBound + start, format: layout.format,
                rows: rows.count, columns: columns, scalesMemory: layout.scales?.memory,
                scalesOffset: (layout.scales?.range.lowerBound ?? 0) + scaleStart)
        } catch {
            misshapen.append("\(layout.values.name): \(error)")
            return nil
        }
    }

    func layerNorm(_ prefix: String, _ width: Int, epsilon: Float) -> LayerNorm {
        let weight = vector(prefix + ".weight", width)
        let bias = vector(prefix + ".bias", width)
        return LayerNorm(weight: weight, bias: bias.count == weight.count ? bias : nil, epsilon: epsilon)
    }

    func rmsNorm(_ prefix: String, _ width: Int, epsilon: Float, offset: Float = 0) -> RMSNorm {
        RMSNorm(weight: vector(prefix + ".weight", width), epsilon: epsilon, weightOffset: offset)
    }

    func groupNorm(_ prefix: String, _ channels: Int, groups: Int, epsilon: Float) -> GroupNorm {
        let weight = vector(prefix + ".weight", channels)
        let bias = vector(prefix + ".bias", channels)
        guard weight.count == channels, bias.count == channels else {
            return GroupNorm(groups: 1, weight: [0], bias: [0], epsilon: epsilon)
        }
        return GroupNorm(groups: groups, weight: weight, bias: bias, epsilon: epsilon)
    }

    func convolution(
        _ prefix: String, from inputs: Int, to outputs: Int, kernel: Int, stride: Int, padding: Int, bias: Bool = true
    ) -> Convolution {
        let weight = values(prefix + ".weight", shape: [outputs, inputs, kernel, kernel])
        let biasValues = bias ? values(prefix + ".bias", shape: [outputs]) : nil
        return Convolution(
            weight: weight, bias: biasValues, outChannels: outputs, inChannels: inputs, kernelHeight: kernel,
            kernelWidth: kernel, stride: stride, padding: padding)
    }
}

extension StoredTensor {
    /// The format in which the kernels can use these bytes as they are.
    var format: WeightFormat? {
        switch element {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .int8, .uint8, .int32, .int64: nil
        }
    }
}
