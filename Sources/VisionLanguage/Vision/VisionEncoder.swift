import Tensors

/// From one view of an image to feature vectors.
protocol VisionEncoder: Sendable {
    /// The edge of the square views it takes, in pixels.
    var imageSize: Int { get }
    /// Features of one view, `[tokens, width]`, tokens row-major without a class token.
    ///
    /// - Parameter planes: `[channels, imageSize, imageSize]`.
    func features(_ planes: [Float]) -> Matrix
}

/// Which hidden states a projector is fed with: `vision_feature_layer`. 0 is the embedding, n the output of layer n,
/// negative numbers count from the last.
struct FeatureSelection: Sendable {
    /// Hidden states in the order in which their columns are joined.
    let states: [Int]
    /// Layers that must be computed.
    var layerCount: Int { states.max() ?? 0 }

    init(_ selection: [Int], layers: Int, file: String) throws {
        states = selection.map { $0 < 0 ? layers + 1 + $0 : $0 }
        guard !states.isEmpty, states.allSatisfy({ (0...layers).contains($0) }) else {
            throw CheckpointError.badConfiguration(
                file: file, reason: "vision_feature_layer \(selection) is outside the \(layers) layers")
        }
    }

    /// Runs the layers and joins the selected states.
    func collect(_ x: Matrix, layers: [EncoderLayer]) -> Matrix {
        var kept: [Int: Matrix] = [:]
        for index in 0...layerCount {
            if index > 0 { layers[index - 1].apply(to: x) }
            if states.contains(index) { kept[index] = states.count == 1 ? x : x.copy() }
        }
        guard states.count > 1 else { return kept[states[0]] ?? x }
        let joined = Matrix(rows: x.rows, columns: x.columns * states.count)
        for (position, state) in states.enumerated() {
            guard let part = kept[state] else { continue }
            joined.columns(position * x.columns..<(position + 1) * x.columns).copy(from: part)
        }
        return joined
    }
}

/// The block that all these encoders share: attention, then a two-layer perceptron, each after its norm and added to
/// the stream; DINOv2 scales both by a vector (LayerScale).
struct EncoderLayer: Sendable {
    let attentionNorm: LayerNorm
    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear
    let attentionScale: [Float]?
    let perceptronNorm: LayerNorm
    let expand: Linear
    let function: ActivationFunction
    let contract: Linear
    let perceptronScale: [Float]?
    let heads: Int

    /// x `[tokens, width]`, in place.
    func apply(to x: Matrix) {
        let qkv = Linear.apply([query, key, value], attentionNorm(x))
        let mixed = attention(
            queries: qkv[0], keys: qkv[1], values: qkv[2], headDimension: qkv[0].columns / heads)
        add(output, of: mixed, to: x, scale: attentionScale)
        let hidden = expand(perceptronNorm(x))
        hidden.apply(function)
        add(contract, of: hidden, to: x, scale: perceptronScale)
    }

    private func add(_ layer: Linear, of input: Matrix, to x: Matrix, scale: [Float]?) {
        if let scale {
            x.add(layer(input), scale: scale)
        } else {
            layer.apply(input, into: x, accumulate: true)
        }
    }
}

extension WeightLoader {
    /// The block with the names of CLIP and SigLIP.
    func encoderLayer(
        _ prefix: String, width: Int, inner: Int, heads: Int, epsilon: Float, function: ActivationFunction
    ) -> EncoderLayer {
        func projection(_ name: String) -> Linear {
            linear("\(prefix).self_attn.\(name)_proj", from: width, to: width, bias: true, part: .vision)
        }
        return EncoderLayer(
            attentionNorm: layerNorm(prefix + ".layer_norm1", width, epsilon: epsilon), query: projection("q"),
            key: projection("k"), value: projection("v"), output: projection("out"), attentionScale: nil,
            perceptronNorm: layerNorm(prefix + ".layer_norm2", width, epsilon: epsilon),
            expand: linear(prefix + ".mlp.fc1", from: width, to: inner, bias: true, part: .vision),
            function: function,
            contract: linear(prefix + ".mlp.fc2", from: inner, to: width, bias: true, part: .vision),
            perceptronScale: nil, heads: heads)
    }
}
