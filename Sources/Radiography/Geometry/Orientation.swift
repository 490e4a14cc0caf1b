/// How a source image has to be turned to stand upright: head up, and in a frontal view the patient's left on the
/// image's right.
public struct Orientation: Codable, Equatable, Hashable, Sendable {
    /// Whether rows become columns.
    public var transposes: Bool
    /// Whether the upright image runs against the source along its own x axis.
    public var mirrorsX: Bool
    /// The same along its y axis.
    public var mirrorsY: Bool

    /// An orientation from its parts, which apply to the upright image's axes.
    public init(transposes: Bool, mirrorsX: Bool, mirrorsY: Bool) {
        self.transposes = transposes
        self.mirrorsX = mirrorsX
        self.mirrorsY = mirrorsY
    }

    /// The source stands upright.
    public static let upright = Orientation(transposes: false, mirrorsX: false, mirrorsY: false)

    /// All eight ways in which an image can be stored.
    public static let all = [false, true].flatMap { transposes in
        [false, true].flatMap { x in
            [false, true].map { y in Orientation(transposes: transposes, mirrorsX: x, mirrorsY: y) }
        }
    }

    /// The orientation that Patient Orientation (PS3.3 C.7.6.1.1.1) tells.
    ///
    /// Each value names the direction of the rows or of the columns, its first letter the main one. A frontal view
    /// has L or R beside H or F; a lateral one A or P, and is turned but never mirrored, since which side of the
    /// picture the spine is on is a habit and not a fact of the patient. `nil` when the values tell nothing.
    public init?(patientOrientation: [String]) {
        guard patientOrientation.count == 2,
            let row = patientOrientation[0].uppercased().first, let column = patientOrientation[1].uppercased().first
        else { return nil }
        let vertical: Set<Character> = ["H", "F"]
        let lateral: Set<Character> = ["A", "P"]
        let frontal: Set<Character> = ["L", "R"]
        transposes = vertical.contains(row)
        let (head, side) = transposes ? (row, column) : (column, row)
        guard vertical.contains(head), frontal.contains(side) || lateral.contains(side) else { return nil }
        mirrorsY = head == "H"
        if frontal.contains(side) {
            mirrorsX = side == "R"
        } else {
            mirrorsX = transposes ? !mirrorsY : mirrorsY
        }
    }

    /// The size of the upright image.
    public func uprightSize(rows: Int, columns: Int) -> (rows: Int, columns: Int) {
        transposes ? (columns, rows) : (rows, columns)
    }

    /// Upright pixel coordinates to the source's, for a source of this size.
    public func toSource(rows: Int, columns: Int) -> AffineMap {
        let upright = uprightSize(rows: rows, columns: columns)
        let mirror = AffineMap(
            xx: mirrorsX ? -1 : 1, xy: 0, x0: mirrorsX ? Double(upright.columns) : 0,
            yx: 0, yy: mirrorsY ? -1 : 1, y0: mirrorsY ? Double(upright.rows) : 0)
        guard transposes else { return mirror }
        return AffineMap(xx: 0, xy: 1, x0: 0, yx: 1, yy: 0, y0: 0).after(mirror)
    }

    /// The pixels of the upright image.
    func apply(to pixels: [Float], rows: Int, columns: Int) -> [Float] {
        if self == .upright { return pixels }
        let upright = uprightSize(rows: rows, columns: columns)
        // The source index is affine in the upright row and column.
        let startRow = mirrorsY ? upright.rows - 1 : 0
        let startColumn = mirrorsX ? upright.columns - 1 : 0
        let rowStep = (mirrorsY ? -1 : 1) * (transposes ? 1 : columns)
        let columnStep = (mirrorsX ? -1 : 1) * (transposes ? columns : 1)
        let first = transposes ? startColumn * columns + startRow : startRow * columns + startColumn
        return [Float](unsafeUninitializedCapacity: pixels.count) { buffer, initialized in
            pixels.withUnsafeBufferPointer { source in
                var target = 0
                for row in 0..<upright.rows {
                    var index = first + row * rowStep
                    for _ in 0..<upright.columns {
                        buffer[target] = source[index]
                        index += columnStep
                        target += 1
                    }
                }
            }
            initialized = pixels.count
        }
    }
}
