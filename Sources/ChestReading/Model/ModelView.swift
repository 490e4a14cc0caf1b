import Findings
import Radiography
import VisionLanguage

/// An image with the way from a model's boxes back to its source.
struct ModelView: Sendable {
    var image: ReadingImage
    /// From the model's normalised coordinates to the radiograph's pixels.
    var geometry: ImageGeometry

    /// A model's box in source pixels.
    ///
    /// The model's frame leads to the radiograph, and `toSource` from there, through a turn or a flip, to the stored
    /// pixels. What sticks out is cut.
    ///
    /// - Returns: nil where less than one pixel of it lies inside the image.
    func region(of box: ModelBox) -> ImageRegion? {
        guard let inside = geometry.sourceBox(normalizedX1: box.x1, y1: box.y1, x2: box.x2, y2: box.y2) else {
            return nil
        }
        let source = image.radiograph.toSource.box(
            x: inside.x1, y: inside.y1, width: inside.x2 - inside.x1, height: inside.y2 - inside.y1)
        let region = Region(x: source.x, y: source.y, width: source.width, height: source.height)
        guard let clamped = region.clamped(to: image.source.bounds), clamped.width >= 1, clamped.height >= 1 else {
            return nil
        }
        return ImageRegion(sopInstanceUID: image.source.sopInstanceUID, frame: image.source.frame, region: clamped)
    }
}
