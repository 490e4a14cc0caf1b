/// A box in source pixel coordinates: the one box type of the project.
///
/// (0, 0) is the top-left corner of the first pixel, x grows to the right and y downwards, so that the first pixel
/// covers `[0, 1) x [0, 1)` and a whole image of C columns and R rows is `(0, 0, C, R)`. The box is half-open:
/// `x0 <= x < x1` and `y0 <= y < y1`.
public struct Region: Codable, Hashable, Sendable {
    /// The left edge.
    public var x0: Double
    /// The top edge.
    public var y0: Double
    /// The right edge, just outside.
    public var x1: Double
    /// The bottom edge, just outside.
    public var y1: Double

    /// A box from its edges. Edges are kept as given; ``isFinite`` and ``isEmpty`` tell whether they make sense.
    public init(x0: Double, y0: Double, x1: Double, y1: Double) {
        self.x0 = x0
        self.y0 = y0
        self.x1 = x1
        self.y1 = y1
    }

    /// A box from its top-left corner and its size.
    public init(x: Double, y: Double, width: Double, height: Double) {
        self.init(x0: x, y0: y, x1: x + width, y1: y + height)
    }

    /// `x1 - x0` in pixels; negative when the edges are swapped.
    public var width: Double { x1 - x0 }

    /// `y1 - y0` in pixels; negative when the edges are swapped.
    public var height: Double { y1 - y0 }

    /// Square pixels; zero for an empty box.
    public var area: Double { isEmpty ? 0 : width * height }

    /// The middle of the box.
    public var center: (x: Double, y: Double) { ((x0 + x1) / 2, (y0 + y1) / 2) }

    /// Whether all four edges are numbers.
    public var isFinite: Bool { x0.isFinite && y0.isFinite && x1.isFinite && y1.isFinite }

    /// Whether the box covers nothing (edges equal, swapped, or not numbers).
    public var isEmpty: Bool { !(x0 < x1 && y0 < y1) }

    /// Whether the point lies inside, edges as in the half-open rule.
    public func contains(x: Double, y: Double) -> Bool { x0 <= x && x < x1 && y0 <= y && y < y1 }

    /// Whether `other` lies wholly inside, shared edges allowed.
    public func contains(_ other: Region) -> Bool {
        x0 <= other.x0 && y0 <= other.y0 && other.x1 <= x1 && other.y1 <= y1
    }

    /// What both boxes cover, or nil when they only touch or lie apart.
    public func intersection(_ other: Region) -> Region? {
        let common = Region(
            x0: max(x0, other.x0), y0: max(y0, other.y0), x1: min(x1, other.x1), y1: min(y1, other.y1))
        return common.isEmpty ? nil : common
    }

    /// The smallest box around both.
    public func enclosing(_ other: Region) -> Region {
        Region(x0: min(x0, other.x0), y0: min(y0, other.y0), x1: max(x1, other.x1), y1: max(y1, other.y1))
    }

    /// Intersection over union, 0...1; zero when either box is empty.
    public func intersectionOverUnion(_ other: Region) -> Double {
        guard let common = intersection(other) else { return 0 }
        let union = area + other.area - common.area
        return union > 0 ? common.area / union : 0
    }

    /// The part inside `bounds`, or nil when nothing of the box lies there.
    public func clamped(to bounds: Region) -> Region? { intersection(bounds) }

    /// The part inside an image of this size, or nil when nothing of the box lies there.
    public func clamped(toColumns columns: Int, rows: Int) -> Region? {
        clamped(to: Region(x0: 0, y0: 0, x1: Double(columns), y1: Double(rows)))
    }

    /// The longest way by which an edge sticks out of `bounds`, in pixels; zero when the box lies inside.
    public func overhang(beyond bounds: Region) -> Double {
        max(0, bounds.x0 - x0, bounds.y0 - y0, x1 - bounds.x1, y1 - bounds.y1)
    }

    /// The box with each axis multiplied, for instance to the coordinates of a resized image.
    public func scaled(x: Double, y: Double) -> Region {
        Region(x0: x0 * x, y0: y0 * y, x1: x1 * x, y1: y1 * y)
    }

    /// The box moved.
    public func offset(x: Double, y: Double) -> Region {
        Region(x0: x0 + x, y0: y0 + y, x1: x1 + x, y1: y1 + y)
    }
}

extension Region: CustomStringConvertible {
    public var description: String { "(\(x0), \(y0))-(\(x1), \(y1))" }
}
