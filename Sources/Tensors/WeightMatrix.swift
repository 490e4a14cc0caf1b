import CKernels

/// How a weight matrix is stored.
public enum WeightFormat: String, Sendable, CaseIterable, Codable {
    case float32
    case float16
    case bfloat16
    /// 8 bits: blocks of 32 along a row; a byte is value + 128 with value in -127…127; one f16 scale a block (8.5 bits a weight).
    case q8
    /// 4 bits: blocks of 32 along a row in 16 bytes; byte i holds value i + 8 in its low and value i + 16, + 8, in its high half, values in
    /// -8…7; one f16 scale a block (4.5 bits a weight).
    case q4

    public var isQuantized: Bool { self == .q8 || self == .q4 }

    /// Weights that share a scale.
    public static let blockSize = 32

    /// Bytes of the values of one row of `columns` weights.
    public func bytesPerRow(columns: Int) -> Int {
        let blocks = (columns + Self.blockSize - 1) / Self.blockSize
        switch self {
        case .float32: return columns * 4
        case .float16, .bfloat16: return columns * 2
        case .q8: return blocks * 32
        case .q4: return blocks * 16
        }
    }

    /// Number of scales of one row: one a block, none for the float formats.
    public func scalesPerRow(columns: Int) -> Int {
        isQuantized ? (columns + Self.blockSize - 1) / Self.blockSize : 0
    }

    var native: cxr_format {
        switch self {
        case .float32: return CXR_FLOAT32
        case .float16: return CXR_FLOAT16
        case .bfloat16: return CXR_BFLOAT16
        case .q8: return CXR_Q8
        case .q4: return CXR_Q4
        }
    }
}

/// Weights `[rows, columns]` = `[outFeatures, inFeatures]`, immutable, in memory of their own or in place in a mapped file.
///
/// The stored layout is the one that the kernels read: rows of ``WeightFormat/bytesPerRow(columns:)`` bytes one after the other, and for
/// the quantised formats a second region of f16 scales, `[rows, scalesPerRow]`. Nothing is repacked at load.
public struct WeightMatrix: Sendable {
    public let rows: Int
    public let columns: Int
    public let format: WeightFormat
    private let values: Region
    private let scales: Region?

    private struct Region: Sendable {
        let memory: WeightMemory
        let offset: Int
        var pointer: UnsafeRawPointer { memory.base + offset }
    }

    /// Uses weights where they are. Throws if they do not fit into the memory. Data that is not aligned to its element is copied.
    ///
    /// - Parameters:
    ///   - offset: of the values, in bytes.
    ///   - scalesOffset: of the scales in `scalesMemory` (by default the same memory); needed by the quantised formats only.
    public init(
        memory: WeightMemory, offset: Int, format: WeightFormat, rows: Int, columns: Int,
        scalesMemory: WeightMemory? = nil,
        scalesOffset: Int = 0
    ) throws {
        precondition(rows >= 0 && columns > 0, "a weight matrix of \(rows) x \(columns)")
        self.rows = rows
        self.columns = columns
        self.format = format
        let alignment = format == .float32 ? 4 : format.isQuantized ? 1 : 2
        values = try Self.region(
            memory, offset: offset, count: rows * format.bytesPerRow(columns: columns), alignment: alignment)
        scales =
            format.isQuantized
            ? try Self.region(
                scalesMemory ?? memory, offset: scalesOffset, count: rows * format.scalesPerRow(columns: columns) * 2,
                alignment: 2) : nil
    }

    /// From row-major f32 values, stored in `format`.
    public init(_ floats: [Float], rows: Int, columns: Int, format: WeightFormat = .float32) {
        precondition(floats.count == rows * columns, "\(floats.count) values for \(rows) x \(columns) weights")
        self = floats.withUnsafeBufferPointer { buffer in
            WeightMatrix(rows: rows, columns: columns, format: format) { range, row in
                if let from = buffer.baseAddress {
                    row.update(from: from + range.lowerBound * columns, count: range.count * columns)
                }
            }
        }
    }

    /// The same weights in another format; non-finite weights make their block's scale NaN.
    public func converted(to format: WeightFormat) -> WeightMatrix {
        if format == self.format { return self }
        var native = native
        return WeightMatrix(rows: rows, columns: columns, format: format) { range, out in
            for row in range { cxr_dequantize_row(&native, row, out + (row - range.lowerBound) * columns) }
        }
    }

    /// Makes weights from rows that `fill` writes as f32, some rows at a time, so that large matrices never exist as f32.
    public init(
        rows: Int, columns: Int, format: WeightFormat, fill: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
    ) rethrows {
        let rowBytes = format.bytesPerRow(columns: columns)
        let rowScales = format.scalesPerRow(columns: columns)
        let scalesOffset = (rows * rowBytes + 63) / 64 * 64
        let memory = try WeightMemory(byteCount: scalesOffset + rows * rowScales * 2) { bytes in
            let piece = max(1, min(rows, (1 << 20) / columns))
            let floats = FloatBuffer(count: piece * columns)
            guard let base = bytes.baseAddress else { return }
            for first in Swift.stride(from: 0, to: rows, by: piece) {
                let range = first..<min(rows, first + piece)
                try fill(range, floats.base)
                let out = base + first * rowBytes
                if format.isQuantized {
                    let scales = (base + scalesOffset).assumingMemoryBound(to: UInt16.self) + first * rowScales
                    cxr_quantize_rows(format.native, floats.base, columns, range.count, columns, out, scales)
                } else {
                    cxr_convert_from_float(format.native, floats.base, out, range.count * columns)
                }
            }
        }
        self.rows = rows
        self.columns = columns
        self.format = format
        values = Region(memory: memory, offset: 0)
        scales = format.isQuantized ? Region(memory: memory, offset: scalesOffset) : nil
    }

    private static func region(_ memory: WeightMemory, offset: Int, count: Int, alignment: Int) throws -> Region {
        try memory.check(offset: offset, count: count)
        if (Int(bitPattern: memory.base) + offset) % alignment == 0 { return Region(memory: memory, offset: offset) }
        let copy = WeightMemory(byteCount: count) {
            $0.copyMemory(from: .init(start: memory.base + offset, count: count))
        }
        return Region(memory: copy, offset: 0)
    }

    var native: cxr_weight {
        cxr_weight(
            format: format.native, rows: rows, columns: columns, values: values.pointer,
            scales: scales?.pointer.assumingMemoryBound(to: UInt16.self))
    }

    /// Bytes of the values as stored, for writing a file.
    public func withValueBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(.init(start: values.pointer, count: rows * format.bytesPerRow(columns: columns)))
    }

    /// Bytes of the f16 scales as stored, `[rows, scalesPerRow]`; empty for the float formats.
    public func withScaleBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(.init(start: scales?.pointer, count: rows * format.scalesPerRow(columns: columns) * 2))
    }

    /// One row as f32.
    public func row(_ row: Int) -> [Float] {
        precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
        var native = native
        return [Float](unsafeUninitializedCapacity: columns) { buffer, count in
            if let out = buffer.baseAddress { cxr_dequantize_row(&native, row, out) }
            count = columns
        }
    }

    /// Rows by index (embedding lookup): `[indices.count, columns]`.
    public func lookup(_ indices: [Int]) -> Matrix {
        let result = Matrix(unsetRows: indices.count, columns: columns)
        var native = native
        for (i, row) in indices.enumerated() {
            precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
            cxr_dequantize_row(&native, row, result.base + i * columns)
        }
        return result
    }

    /// All weights as f32 activations.
    public func matrix() -> Matrix { lookup(Array(0..<rows)) }
}
