import CKernels

/// Keys and values of the positions seen so far, for one layer of one sequence.
public final class KeyValueCache {
    public let heads: Int
    public let headDimension: Int
    /// Positions that fit.
    public let capacity: Int
    /// Positions stored.
    public private(set) var count = 0
    /// `.float32`, `.float16` (half the memory, 11 significant bits) or `.bfloat16`.
    public let format: WeightFormat
    private let keys: UnsafeMutableRawPointer
    private let values: UnsafeMutableRawPointer

    /// Room for `capacity` positions of `heads` key/value heads; its memory is used as positions arrive.
    public init(heads: Int, headDimension: Int, capacity: Int, format: WeightFormat = .float16) {
        precondition(!format.isQuantized, "a cache in \(format)")
        self.heads = heads
        self.headDimension = headDimension
        self.capacity = capacity
        self.format = format
        let bytes = max(1, heads * format.bytesPerRow(columns: headDimension) * capacity)
        keys = .allocate(byteCount: bytes, alignment: 64)
        values = .allocate(byteCount: bytes, alignment: 64)
    }

    deinit {
        keys.deallocate()
        values.deallocate()
    }

    /// Stores the next rows; k and v are `[tokens, heads * headDimension]`.
    public func append(keys k: Matrix, values v: Matrix) {
        precondition(count + k.rows <= capacity, "a key/value cache for \(capacity) positions is full")
        precondition(
            k.rows == v.rows && k.columns == heads * headDimension && v.columns == k.columns, "keys of the wrong size")
        cxr_cache_store(format.native, k.base, k.stride, k.rows, heads, headDimension, capacity, count, keys)
        cxr_cache_store(format.native, v.base, v.stride, v.rows, heads, headDimension, capacity, count, values)
        count += k.rows
    }

    /// Forgets the positions from `count` on, so that a prefix (the image) serves the next question.
    public func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "truncation to \(count) of \(self.count)")
        self.count = count
    }

    /// A cache of its own with the first `prefix` positions.
    public func copy(prefix: Int? = nil, capacity: Int? = nil) -> KeyValueCache {
        let prefix = prefix ?? count
        precondition(prefix <= count, "a prefix of \(prefix) of \(count)")
        let result = KeyValueCache(
            heads: heads, headDimension: headDimension, capacity: max(prefix, capacity ?? self.capacity), format: format
        )
        let row = format.bytesPerRow(columns: headDimension)
        for head in 0..<heads {
            let to = head * result.capacity * row
            let from = head * self.capacity * row
            (result.keys + to).copyMemory(from: keys + from, byteCount: prefix * row)
            (result.values + to).copyMemory(from: values + from, byteCount: prefix * row)
        }
        result.count = prefix
        return result
    }

    /// Attention of queries `[tokens, queryHeads * headDimension]`, which stand at the last `tokens` positions of the cache (their own keys
    /// are appended already) or from `firstPosition` on. Query head h reads key/value head h / (queryHeads / heads).
    public func attend(_ queries: Matrix, mask: AttentionMask, scale: Float? = nil, firstPosition: Int? = nil) -> Matrix
    {
        let out = Matrix(unsetRows: queries.rows, columns: queries.columns)
        attend(queries, mask: mask, scale: scale, firstPosition: firstPosition, into: out)
        return out
    }

    /// The same into existing memory: one row for each of several sequences, say, that are decoded together.
    public func attend(
        _ queries: Matrix, mask: AttentionMask, scale: Float? = nil, firstPosition: Int? = nil, into out: Matrix
    ) {
        precondition(cxr_pool_is_inside() == 0, "attention inside a parallel loop")
        let width = heads * headDimension
        precondition(
            queries.columns % width == 0 && queries.columns > 0,
            "\(queries.columns) query columns for heads of \(width)")
        let first = firstPosition ?? (count - queries.rows)
        precondition(out.rows == queries.rows && out.columns == queries.columns, "attention into another size")
        let (low, high) = mask.ranges(queries: first..<(first + queries.rows), keys: count)
        low.withUnsafeBufferPointer { low in
            high.withUnsafeBufferPointer { high in
                var call = cxr_attention(
                    q: queries.base, ldq: queries.stride, queries: queries.rows, heads: queries.columns / headDimension,
                    kv_heads: heads, head_dim: headDimension, kv_format: format.native, k: keys, v: values,
                    kv_stride: capacity, low: low.baseAddress, high: high.baseAddress,
                    scale: scale ?? 1 / Float(headDimension).squareRoot(), out: out.base, ldo: out.stride)
                cxr_attention_apply(&call)
            }
        }
    }
}

/// Which keys a query sees.
public struct AttentionMask: Sendable {
    /// Each query sees itself and what came before, else everything.
    public var isCausal: Bool
    /// A causal query at position p sees only positions above p - window.
    public var window: Int?
    /// Positions that see each other whatever else holds (the tokens of one image in Gemma 3).
    public var bidirectionalSpans: [Range<Int>]

    public init(isCausal: Bool, window: Int? = nil, bidirectionalSpans: [Range<Int>] = []) {
        self.isCausal = isCausal
        self.window = window
        self.bidirectionalSpans = bidirectionalSpans
    }

    public static let full = AttentionMask(isCausal: false)
    public static let causal = AttentionMask(isCausal: true)
    public static func causal(window: Int?) -> AttentionMask { AttentionMask(isCausal: true, window: window) }

    /// Per query the keys it sees, `low..<high`: a span holds its query, so that the union is one range.
    func ranges(queries: Range<Int>, keys: Int) -> (low: [Int32], high: [Int32]) {
        guard isCausal else {
            return ([Int32](repeating: 0, count: queries.count), [Int32](repeating: Int32(keys), count: queries.count))
        }
        var low: [Int32] = []
        var high: [Int32] = []
        for position in queries {
            var from = window.map { max(0, position - $0 + 1) } ?? 0
            var to = position + 1
            for span in bidirectionalSpans where span.contains(position) {
                from = min(from, span.lowerBound)
                to = max(to, span.upperBound)
            }
            low.append(Int32(from))
            high.append(Int32(min(to, keys)))
        }
        return (low, high)
    }
}

/// Attention of an encoder: every query sees every key. q `[queries, heads * headDimension]`; k, v `[keys, heads * headDimension]`.
public func attention(queries: Matrix, keys: Matrix, values: Matrix, headDimension: Int, scale: Float? = nil) -> Matrix
{
    let cache = KeyValueCache(
        heads: keys.columns / headDimension, headDimension: headDimension, capacity: keys.rows, format: .float32)
    cache.append(keys: keys, values: values)
    return cache.attend(queries, mask: .full, scale: scale)
}
