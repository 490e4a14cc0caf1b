import Tensors

/// The stack that Llama, Mistral, Qwen2 and Gemma 3 share: embedding, pre-norm blocks with grouped-query attention and a
/// gated perceptron, a final norm, a head. What differs is in ``DecoderLayer``; each architecture's file builds it.
struct TransformerDecoder: Sendable {
    /// Features of a position.
    let width: Int
    let embedding: WeightMatrix
    /// Multiplies token embeddings (Gemma: sqrt(width)).
    let embeddingScale: Float?
    let layers: [DecoderLayer]
    /// Rotary tables by the index that layers name.
    let rotations: [RotaryEmbedding]
    let norm: RMSNorm
    let head: Linear
    let headDimension: Int
    let keyValueHeads: Int
    let cacheFormat: WeightFormat

    var vocabularySize: Int { head.outFeatures }

    /// Bytes of keys and values for one position.
    var cacheBytesPerPosition: Int {
        2 * layers.count * keyValueHeads * cacheFormat.bytesPerRow(columns: headDimension)
    }

    /// Embeddings of tokens, `[tokens, width]`.
    func embed(_ tokens: [Int]) -> Matrix {
        let x = embedding.lookup(tokens)
        if let embeddingScale { x.multiply(by: embeddingScale) }
        return x
    }

    /// An empty cache for one sequence.
    func makeState(capacity: Int) -> DecoderState {
        DecoderState(
            layers: layers.map { _ in
                KeyValueCache(
                    heads: keyValueHeads, headDimension: headDimension, capacity: capacity, format: cacheFormat)
            })
    }

    /// Runs new positions of one or several sequences through all layers and adds them to the caches.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`, the sequences' rows one after the other; overwritten.
    ///   - segments: which rows belong to which sequence.
    /// - Returns: hidden states before the final norm, in `x`.
    func advance(_ x: Matrix, _ segments: [Segment]) {
        let positions = segments.flatMap { Array($0.state.count..<$0.state.count + $0.count) }
        let tables = rotations.map { $0.table(positions: positions) }
        for (index, layer) in layers.enumerated() {
            layer.apply(to: x, segments: segments, index: index, table: tables[layer.rotation], headDimension)
        }
    }

    /// Logits of some hidden states, `[rows, vocabulary]`.
    func logits(_ hidden: Matrix) -> Matrix { head(norm(hidden)) }
}

/// The rows of one sequence in a pass over several.
struct Segment {
    let state: DecoderState
    let count: Int
}

/// Keys and values of one sequence, in all layers.
///
/// Not Sendable: it belongs to the one task that generates with it.
final class DecoderState {
    let layers: [KeyValueCache]
    /// Positions of image tokens that attend to each other in both directions (Gemma 3).
    var bidirectionalSpans: [Range<Int>] = []

    init(layers: [KeyValueCache]) {
        self.layers = layers
    }

    /// Positions stored.
    var count: Int { layers.first?.count ?? 0 }
    /// Positions that fit.
    var capacity: Int { layers.first?.capacity ?? 0 }

    /// Forgets the positions from `count` on.
    func truncate(to count: Int) {
        for layer in layers { layer.truncate(to: count) }
        bidirectionalSpans.removeAll { $0.upperBound > count }
    }

    /// A sequence of its own that begins with the same positions.
    func copy(capacity: Int) -> DecoderState {
        let copy = DecoderState(layers: layers.map { $0.copy(capacity: capacity) })
        copy.bidirectionalSpans = bidirectionalSpans
        return copy
    }
}

/// One block: attention and perceptron, each after a norm (and, in Gemma 3, before another) and added to the stream.
struct DecoderLayer: Sendable {
    let inputNorm: RMSNorm
    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear
    /// Per-head norms of queries and keys (Gemma 3).
    let queryNorm: RMSNorm?
    let keyNorm: RMSNorm?
    /// Norm of what attention adds (Gemma 3).
    let attentionPostNorm: RMSNorm?
    let perceptronNorm: RMSNorm
    let perceptron: GatedMLP
    /// Norm of what the perceptron adds (Gemma 3).
    let perceptronPostNorm: RMSNorm?
    /// Positions that a token sees, itself included; nil for all before it.
    let window: Int?
    /// Factor of the attention scores; nil for 1 / sqrt(head dimension).
    let scale: Float?
    /// Which rotary table this layer uses.
    let rotation: Int

    func apply(to x: Matrix, segments: [Segment], index: Int, table: RotaryTable, _ headDimension: Int) {
        let qkv = Linear.apply([query, key, value], inputNorm(x))
        queryNorm?.applyToHeads(qkv[0])
        keyNorm?.applyToHeads(qkv[1])
        table.rotate(qkv[0], headDimension: headDimension)
        table.rotate(qkv[1], headDimension: headDimension)
        let mixed = Matrix(rows: x.rows, columns: qkv[0].columns)
        var start = 0
        for segment in segments {
            let rows = start..<start + segment.count
            start = rows.upperBound
            let cache = segment.state.layers[index]
            cache.append(keys: qkv[1].rows(rows), values: qkv[2].rows(rows))
            let mask = AttentionMask(
                isCausal: true, window: window, bidirectionalSpans: segment.state.bidirectionalSpans)
            cache.attend(qkv[0].rows(rows), mask: mask, scale: scale, into: mixed.rows(rows))
        }
        if let attentionPostNorm {
            x.add(attentionPostNorm(output(mixed)))
        } else {
            output.apply(mixed, into: x, accumulate: true)
        }
        let normed = perceptronNorm(x)
        if let perceptronPostNorm {
            x.add(perceptronPostNorm(perceptron(normed)))
        } else {
            perceptron.apply(normed, addingTo: x)
        }
    }
}
