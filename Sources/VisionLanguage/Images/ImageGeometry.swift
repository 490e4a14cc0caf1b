/// Where a model's views of an image lie in the source image, so that what the model points at can be found there.
///
/// Coordinates are continuous with the origin at the top-left corner of the first pixel: pixel *n* covers
/// `n ..< n + 1`.
public struct ImageGeometry: Sendable, Equatable {
    /// The axis-parallel map from one view's pixels to source pixels: `source = offset + scale * pixel`.
    public struct View: Sendable, Equatable {
        /// The view's columns.
        public var width: Int
        /// The view's rows.
        public var height: Int
        public var scaleX: Double
        public var scaleY: Double
        public var offsetX: Double
        public var offsetY: Double

        /// The view that is the source image itself.
        init(source width: Int, _ height: Int) {
            self.width = width
            self.height = height
            (scaleX, scaleY, offsetX, offsetY) = (1, 1, 0, 0)
        }

        /// A point of the view, in its pixels, in the source image.
        public func sourcePoint(x: Double, y: Double) -> (x: Double, y: Double) {
            (offsetX + scaleX * x, offsetY + scaleY * y)
        }

        /// A point of the source image in the view's pixels.
        public func viewPoint(x: Double, y: Double) -> (x: Double, y: Double) {
            ((x - offsetX) / scaleX, (y - offsetY) / scaleY)
        }

        mutating func resize(width newWidth: Int, height newHeight: Int) {
            scaleX *= Double(width) / Double(newWidth)
            scaleY *= Double(height) / Double(newHeight)
            (width, height) = (newWidth, newHeight)
        }

        /// Negative origins pad.
        mutating func crop(left: Int, top: Int, width newWidth: Int, height newHeight: Int) {
            offsetX += scaleX * Double(left)
            offsetY += scaleY * Double(top)
            (width, height) = (newWidth, newHeight)
        }
    }

    /// The source image's columns.
    public let sourceWidth: Int
    /// The source image's rows.
    public let sourceHeight: Int
    /// One per tile of the pixel tensor, in its order. The first is the frame of the model's normalised coordinates:
    /// the whole image, its padded square, or its centre crop.
    public internal(set) var views: [View]

    /// A box in the model's normalised coordinates (0...1 of the first view) in source pixels, clamped to the image.
    ///
    /// - Returns: `(x1, y1, x2, y2)` with ordered corners, or nil where nothing of the box is inside the image.
    public func sourceBox(
        normalizedX1 x1: Double, y1: Double, x2: Double, y2: Double
    ) -> (x1: Double, y1: Double, x2: Double, y2: Double)? {
        guard let view = views.first, [x1, y1, x2, y2].allSatisfy(\.isFinite) else { return nil }
        let (width, height) = (Double(view.width), Double(view.height))
        let low = view.sourcePoint(x: min(x1, x2) * width, y: min(y1, y2) * height)
        let high = view.sourcePoint(x: max(x1, x2) * width, y: max(y1, y2) * height)
        let left = min(max(low.x, 0), Double(sourceWidth))
        let top = min(max(low.y, 0), Double(sourceHeight))
        let right = min(max(high.x, 0), Double(sourceWidth))
        let bottom = min(max(high.y, 0), Double(sourceHeight))
        guard right > left, bottom > top else { return nil }
        return (left, top, right, bottom)
    }

    /// A box in source pixels in the model's normalised coordinates (0...1 of the first view), clamped to the view.
    public func normalizedBox(
        sourceX1 x1: Double, y1: Double, x2: Double, y2: Double
    ) -> (x1: Double, y1: Double, x2: Double, y2: Double)? {
        guard let view = views.first else { return nil }
        let low = view.viewPoint(x: min(x1, x2), y: min(y1, y2))
        let high = view.viewPoint(x: max(x1, x2), y: max(y1, y2))
        func clamp(_ value: Double, _ extent: Int) -> Double { min(max(value / Double(extent), 0), 1) }
        let box = (
            x1: clamp(low.x, view.width), y1: clamp(low.y, view.height), x2: clamp(high.x, view.width),
            y2: clamp(high.y, view.height)
        )
        return box.x2 > box.x1 && box.y2 > box.y1 ? box : nil
    }
}
