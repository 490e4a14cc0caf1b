/// An affine map between pixel coordinates of two images.
///
/// Coordinates are continuous: `x` runs along a row, `y` down a column, (0, 0) is the top-left corner of the first
/// pixel, and the center of the pixel in row r and column c is (c + 0.5, r + 0.5).
public struct AffineMap: Codable, Equatable, Sendable {
    /// x' = xx x + xy y + x0
    public var xx, xy, x0: Double
    /// y' = yx x + yy y + y0
    public var yx, yy, y0: Double

    /// A map from its coefficients.
    public init(xx: Double, xy: Double, x0: Double, yx: Double, yy: Double, y0: Double) {
        (self.xx, self.xy, self.x0) = (xx, xy, x0)
        (self.yx, self.yy, self.y0) = (yx, yy, y0)
    }

    /// The map that changes nothing.
    public static let identity = AffineMap(xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0)

    /// Scaling along both axes, then a shift.
    public static func scale(x: Double, y: Double, thenShiftX shiftX: Double = 0, y shiftY: Double = 0) -> AffineMap {
        AffineMap(xx: x, xy: 0, x0: shiftX, yx: 0, yy: y, y0: shiftY)
    }

    /// The image of a point.
    public func callAsFunction(x: Double, y: Double) -> (x: Double, y: Double) {
        (xx * x + xy * y + x0, yx * x + yy * y + y0)
    }

    /// This map after another: `(self.after(first))(p) == self(first(p))`.
    public func after(_ first: AffineMap) -> AffineMap {
        AffineMap(
            xx: xx * first.xx + xy * first.yx, xy: xx * first.xy + xy * first.yy,
            x0: xx * first.x0 + xy * first.y0 + x0,
            yx: yx * first.xx + yy * first.yx, yy: yx * first.xy + yy * first.yy,
            y0: yx * first.x0 + yy * first.y0 + y0)
    }

    /// The map back. Maps of this module are never singular.
    public var inverse: AffineMap {
        let determinant = xx * yy - xy * yx
        precondition(determinant != 0, "a map between images is invertible")
        let (a, b, c, d) = (yy / determinant, -xy / determinant, -yx / determinant, xx / determinant)
        return AffineMap(xx: a, xy: b, x0: -(a * x0 + b * y0), yx: c, yy: d, y0: -(c * x0 + d * y0))
    }

    /// The upright box around the image of a box; exact for maps that turn by quarter turns, as all here do.
    public func box(x: Double, y: Double, width: Double, height: Double) -> PixelBox {
        let corners = [self(x: x, y: y), self(x: x + width, y: y + height)]
        let (left, right) = (min(corners[0].x, corners[1].x), max(corners[0].x, corners[1].x))
        let (top, bottom) = (min(corners[0].y, corners[1].y), max(corners[0].y, corners[1].y))
        return PixelBox(x: left, y: top, width: right - left, height: bottom - top)
    }
}

/// A box in continuous pixel coordinates; see `AffineMap`.
public struct PixelBox: Codable, Equatable, Sendable {
    public var x, y, width, height: Double

    /// A box from its top-left corner and size.
    public init(x: Double, y: Double, width: Double, height: Double) {
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }
}
