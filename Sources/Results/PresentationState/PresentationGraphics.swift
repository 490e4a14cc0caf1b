import DICOM
import Findings

/// The boxes and labels of a presentation state (PS3.3 C.10.5, C.10.7).
struct PresentationGraphics {
    /// The layer of boxes and labels.
    static let boxLayer = "AI_BOXES"
    /// The layer on which the source's own overlays appear.
    static let overlayLayer = "SOURCE_OVERLAYS"
    /// Stands in a corner of the display, whatever part of the image is shown.
    static let warning = "AI - UNVERIFIED"

    /// Okabe-Ito orange, as in the overlay, as 16-bit scaled CIELab with white point D50 (PS3.3 C.10.7.1.1).
    private static let orange = "46653\\38053\\52082"

    let context: BuildContext
    let image: SourceImage
    let source: SourceInstance

    func write(to dataset: Dataset, overlayLayer hasOverlays: Bool) throws {
        let annotation = try dataset.appendItem(.graphicAnnotationSequence)
        try References.append(image, of: source, to: .referencedImageSequence, in: annotation)
        try annotation.set(.graphicLayer, Self.boxLayer)
        let marks = context.marks(on: image)
        for (mark, (label, place)) in zip(marks, labels(of: marks)) {
            try append(label, at: place, to: annotation)
            try appendBox(mark.box, to: annotation)
        }
        try appendWarning(to: annotation)
        if hasOverlays {
            try appendLayer(
                Self.overlayLayer, order: 1, description: "Overlays of the source image", color: nil, to: dataset)
        }
        try appendLayer(
            Self.boxLayer, order: hasOverlays ? 2 : 1, description: "AI finding boxes (unverified)",
            color: Self.orange, to: dataset)
    }

    /// Labels, worded as in the overlay, and their places, estimated from the usual proportions of a sans-serif font
    /// since the viewer chooses its own. A label without a free place stands inside its own box: here it can be
    /// switched off.
    private func labels(of marks: [RegionMark]) -> [(String, PixelBox)] {
        let height = max(10, max(image.rows, image.columns) / 45)
        var layout = LabelLayout(
            columns: image.columns, rows: image.rows, regions: marks.map(\.box), gap: max(2, height / 6))
        return marks.map { mark in
            let wordings = mark.labels(context.words)
            let sizes = wordings.map { (width: $0.count * height * 6 / 10, height: height) }
            if let (wording, place) = layout.place(sizes, beside: mark.box) { return (wordings[wording], place) }
            let place = PixelBox(
                left: mark.box.left, top: mark.box.top,
                right: max(mark.box.left + 1, min(image.columns, mark.box.left + sizes[0].width)),
                bottom: min(image.rows, mark.box.top + height))
            return (wordings[0], place)
        }
    }

    private func append(_ text: String, at place: PixelBox, to annotation: Dataset) throws {
        let item = try annotation.appendItem(.textObjectSequence)
        try item.set(.boundingBoxAnnotationUnits, "PIXEL")
        try item.set(.unformattedTextValue, text)
        try item.set(.boundingBoxTopLeftHandCorner, floats: [Float(place.left), Float(place.top)])
        try item.set(.boundingBoxBottomRightHandCorner, floats: [Float(place.right), Float(place.bottom)])
        try item.set(.boundingBoxTextHorizontalJustification, "LEFT")
    }

    private func appendWarning(to annotation: Dataset) throws {
        let item = try annotation.appendItem(.textObjectSequence)
        try item.set(.boundingBoxAnnotationUnits, "DISPLAY")
        try item.set(.unformattedTextValue, Self.warning)
        try item.set(.boundingBoxTopLeftHandCorner, floats: [0.02, 0.95])
        try item.set(.boundingBoxBottomRightHandCorner, floats: [0.6, 0.99])
        try item.set(.boundingBoxTextHorizontalJustification, "LEFT")
    }

    private func appendBox(_ box: PixelBox, to annotation: Dataset) throws {
        let points = box.polyline
        let item = try annotation.appendItem(.graphicObjectSequence)
        try item.set(.graphicAnnotationUnits, "PIXEL")
        try item.set(.graphicDimensions, 2)
        try item.set(.numberOfGraphicPoints, points.count / 2)
        try item.set(.graphicData, floats: points.map(Float.init))
        try item.set(.graphicType, "POLYLINE")
        try item.set(.graphicFilled, "N")
    }

    private func appendLayer(
        _ name: String, order: Int, description: String, color: String?, to dataset: Dataset
    ) throws {
        let layer = try dataset.appendItem(.graphicLayerSequence)
        try layer.set(.graphicLayer, name)
        try layer.set(.graphicLayerOrder, order)
        try layer.set(.graphicLayerRecommendedDisplayGrayscaleValue, 65535)
        try layer.set(.graphicLayerRecommendedDisplayCIELabValue, ifPresent: color)
        try layer.set(.graphicLayerDescription, description)
    }
}
