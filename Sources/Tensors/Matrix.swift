import CKernels

/// Activations: a row-major matrix of Float, `[rows, columns]`. Rows are tokens, positions or pixels; columns are features.
///
/// A matrix is a reference: views made by ``rows(_:)`` and ``columns(_:)`` share its memory, and operations named as verbs change it in
/// place. It is not Sendable: activations belong to one task at a time (pass them on with `sending`); weights are ``WeightMatrix``.
public final class Matrix {
    public let rows: Int
    public let columns: Int
    /// Elements from the start of one row to the next.
    let stride: Int
    let base: UnsafeMutablePointer<Float>
    private let owner: FloatBuffer

    private init(rows: Int, columns: Int, stride: Int, base: UnsafeMutablePointer<Float>, owner: FloatBuffer) {
        self.rows = rows
        self.columns = columns
        self.stride = stride
        self.base = base
        self.owner = owner
    }

    /// A matrix whose elements are not set yet.
    convenience init(unsetRows rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "negative matrix size")
        let owner = FloatBuffer(count: rows * columns)
        self.init(rows: rows, columns: columns, stride: columns, base: owner.base, owner: owner)
    }

    /// Zeros.
    public convenience init(rows: Int, columns: Int) {
        self.init(unsetRows: rows, columns: columns)
        base.update(repeating: 0, count: rows * columns)
    }

    /// From row-major values, `rows * columns` of them.
    public convenience init(rows: Int, columns: Int, _ values: [Float]) {
        precondition(values.count == rows * columns, "\(values.count) values for a \(rows) x \(columns) matrix")
        self.init(unsetRows: rows, columns: columns)
        values.withUnsafeBufferPointer { if let from = $0.baseAddress { base.update(from: from, count: values.count) } }
    }

    /// All matrices below each other; they have the same number of columns.
    public convenience init(stacking parts: [Matrix]) {
        let columns = parts.first?.columns ?? 0
        self.init(unsetRows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
        var at = 0
        for part in parts {
            precondition(part.columns == columns, "stacked matrices differ in width: \(columns) and \(part.columns)")
            rows(at..<(at + part.rows)).copy(from: part)
            at += part.rows
        }
    }

    /// Row-major copy of all elements.
    public var values: [Float] {
        [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            for row in 0..<rows {
                if let to = buffer.baseAddress {
                    (to + row * columns).update(from: base + row * stride, count: columns)
                }
            }
            count = rows * columns
        }
    }

    /// A copy of one row.
    public func row(_ row: Int) -> [Float] { withRow(row) { Array($0) } }

    public subscript(row: Int, column: Int) -> Float {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns, "element outside the matrix")
            return base[row * stride + column]
        }
        set {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns, "element outside the matrix")
            base[row * stride + column] = newValue
        }
    }

    /// Gives one row's memory to `body`.
    public func withRow<R>(_ row: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> R) rethrows -> R {
        precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
        return try body(UnsafeMutableBufferPointer(start: base + row * stride, count: columns))
    }

    /// A view of some rows, sharing memory.
    public func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        return Matrix(
            rows: range.count, columns: columns, stride: stride, base: base + range.lowerBound * stride, owner: owner)
    }

    /// A view of some columns, sharing memory.
    public func columns(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
        return Matrix(rows: rows, columns: range.count, stride: stride, base: base + range.lowerBound, owner: owner)
    }

    /// The same elements as `[rows, columns]` of another shape, sharing memory; only for matrices that are not column views.
    public func reshaped(rows newRows: Int, columns newColumns: Int) -> Matrix {
        precondition(
            newRows * newColumns == rows * columns && (stride == columns || rows <= 1), "reshape changes the size")
        return Matrix(rows: newRows, columns: newColumns, stride: newColumns, base: base, owner: owner)
    }

    /// A matrix of its own with the same elements.
    public func copy() -> Matrix {
        let result = Matrix(unsetRows: rows, columns: columns)
        result.copy(from: self)
        return result
    }

    /// Overwrites the elements with those of a matrix of the same size.
    public func copy(from other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "copy between matrices of different sizes")
        for row in 0..<rows { (base + row * stride).update(from: other.base + row * other.stride, count: columns) }
    }

    /// Rows and columns exchanged, in new memory.
    public func transposed() -> Matrix {
        let result = Matrix(unsetRows: columns, columns: rows)
        for row in 0..<rows {
            for column in 0..<columns { result.base[column * rows + row] = base[row * stride + column] }
        }
        return result
    }
}

/// Owner of 64-byte aligned floats.
final class FloatBuffer {
    let base: UnsafeMutablePointer<Float>

    init(count: Int) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Float>.size, alignment: 64)
        base = memory.bindMemory(to: Float.self, capacity: count)
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }
}
