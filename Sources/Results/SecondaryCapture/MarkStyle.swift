/// How the boxes of one finding look: a colour that colour-blind readers tell apart (Okabe and Ito, "Color Universal
/// Design", 2008) and a line style, so that nothing depends on colour alone and gray displays work too.
struct MarkStyle: Hashable {
    /// A line as lengths of stroke and gap in line widths; empty for a solid line.
    enum Line: CaseIterable {
        case solid, dashed, dotted, dashDotted

        /// Stroke, gap, stroke, gap... in multiples of the line's width.
        var pattern: [Int] {
            switch self {
            case .solid: []
            case .dashed: [5, 3]
            case .dotted: [1, 2]
            case .dashDotted: [5, 2, 1, 2]
            }
        }
    }

    let color: RGB
    let line: Line

    /// The palette without its black and its dark blue, which a radiograph's background swallows.
    static let palette = [
        RGB(red: 0xE6, green: 0x9F, blue: 0x00),  // orange
        RGB(red: 0x56, green: 0xB4, blue: 0xE9),  // sky blue
        RGB(red: 0xF0, green: 0xE4, blue: 0x42),  // yellow
        RGB(red: 0xCC, green: 0x79, blue: 0xA7),  // reddish purple
        RGB(red: 0x00, green: 0x9E, blue: 0x73),  // bluish green
        RGB(red: 0xD5, green: 0x5E, blue: 0x00),  // vermilion
    ]

    /// The style of the n-th finding: neighbours differ in colour and line, and only the 13th looks like the first.
    init(index: Int) {
        color = Self.palette[index % Self.palette.count]
        let lines = Line.allCases
        line = lines[(index + index / 12) % lines.count]
    }
}

extension Canvas {
    /// Draws a box's outline inside the box, its outer edge on the region's edge. Corners are always solid, so that the
    /// region can be read off whatever the line style; a black seam inside keeps the line visible on bright ground.
    mutating func outline(_ box: PixelBox, _ style: MarkStyle, width: Int) {
        let width = max(1, min(width, min(box.width, box.height) / 4))
        seam(box, width)
        let corner = min(width * 4, (min(box.width, box.height) + 1) / 2)
        for (start, end) in strokes(length: box.width, corner: corner, style, width) {
            for top in [box.top, box.bottom - width] {
                fill(
                    PixelBox(left: box.left + start, top: top, right: box.left + end, bottom: top + width), style.color)
            }
        }
        for (start, end) in strokes(length: box.height, corner: corner, style, width) {
            for left in [box.left, box.right - width] {
                fill(
                    PixelBox(left: left, top: box.top + start, right: left + width, bottom: box.top + end), style.color)
            }
        }
    }

    /// A short piece of the line, for the legend.
    mutating func sample(_ style: MarkStyle, left: Int, right: Int, middle: Int, width: Int) {
        let top = middle - width / 2
        for (start, end) in strokes(length: right - left, corner: 0, style, width) {
            fill(PixelBox(left: left + start, top: top, right: left + end, bottom: top + width), style.color)
        }
    }

    private mutating func seam(_ box: PixelBox, _ width: Int) {
        let seam = max(1, width / 3)
        let inner = box.expanded(by: -width)
        guard inner.width > 2 * seam, inner.height > 2 * seam else { return }
        for side in [
            PixelBox(left: inner.left, top: inner.top, right: inner.right, bottom: inner.top + seam),
            PixelBox(left: inner.left, top: inner.bottom - seam, right: inner.right, bottom: inner.bottom),
            PixelBox(left: inner.left, top: inner.top, right: inner.left + seam, bottom: inner.bottom),
            PixelBox(left: inner.right - seam, top: inner.top, right: inner.right, bottom: inner.bottom),
        ] {
            fill(side, .black)
        }
    }

    /// The strokes of a line from 0 to `length`, both ends solid for `corner` pixels.
    private func strokes(length: Int, corner: Int, _ style: MarkStyle, _ width: Int) -> [(Int, Int)] {
        let pattern = style.line.pattern
        guard !pattern.isEmpty, length > 2 * corner else { return [(0, length)] }
        var strokes = corner > 0 ? [(0, corner), (length - corner, length)] : []
        var position = corner > 0 ? corner + 2 * width : 0
        var part = 0
        let end = length - corner
        while position < end {
            let next = min(end, position + pattern[part % pattern.count] * width)
            if part.isMultiple(of: 2) { strokes.append((position, next)) }
            position = next
            part += 1
        }
        return strokes
    }
}
