/// Draws the overlay: the source as it is, boxes, labels beside them, and a legend below the image, where it hides
/// nothing of it. Pixels of the image keep their coordinates.
struct OverlayPicture {
    /// What the legend says beside the list of findings.
    struct Words {
        var model: String
        var disclaimer: String
        var findings: [LegendEntry]
    }

    /// A line of the finding list.
    struct LegendEntry {
        var style: MarkStyle?
        var text: String
    }

    /// A box with its label.
    struct Mark {
        var box: PixelBox
        var style: MarkStyle
        /// The label, and shorter ones for when there is little room.
        var labels: [String]
    }

    let picture: GrayPicture
    let marks: [Mark]
    let words: Words
    let fonts: FontLibrary

    /// Text size in pixels: an image two fingers wide on a screen and a full-size one are read from the same distance.
    private var textSize: Int { max(11, max(picture.columns, picture.rows) / 56) }

    /// The finished picture.
    func drawn() -> Canvas {
        let legend = OverlayLegend(words: words, columns: picture.columns, textSize: textSize, fonts: fonts)
            .lines(maximumHeight: max(picture.rows / 2, textSize * 20))
        var canvas = Canvas(
            columns: picture.columns, rows: picture.rows + legend.height, filledWith: OverlayLegend.background)
        canvas.draw(picture)
        drawMarks(on: &canvas)
        legend.draw(on: &canvas, top: picture.rows)
        return canvas
    }

    private func drawMarks(on canvas: inout Canvas) {
        let lineWidth = max(2, max(picture.columns, picture.rows) / 400)
        for mark in marks { canvas.outline(mark.box, mark.style, width: lineWidth) }
        let typeface = fonts.bold(size: textSize)
        let padding = max(2, textSize / 5)
        var layout = LabelLayout(
            columns: picture.columns, rows: picture.rows, regions: marks.map(\.box), gap: max(2, textSize / 8))
        let height = typeface.lineHeight + 2 * padding
        for mark in marks {
            let sizes = mark.labels.map { (width: typeface.width(of: $0) + 2 * padding, height: height) }
            if let (wording, place) = layout.place(sizes, beside: mark.box) {
                drawLabel(mark.labels[wording], at: place, mark.style, typeface, padding, on: &canvas)
            }
        }
    }

    /// White on black is legible on any ground; the tint ties the label to its box without being the box's colour.
    private func drawLabel(
        _ text: String, at place: PixelBox, _ style: MarkStyle, _ typeface: Typeface, _ padding: Int,
        on canvas: inout Canvas
    ) {
        canvas.fill(place, .black)
        typeface.draw(
            text, on: &canvas, left: place.left + padding, top: place.top + padding, style.color.lightened(by: 0.35))
    }
}
