/// The panel below the image: the warning, the findings with their colours and line styles, the model.
struct OverlayLegend {
    static let background = RGB(red: 16, green: 16, blue: 20)
    static let warning = "AI draft, not verified"
    private static let warningColor = RGB(red: 0xF0, green: 0xE4, blue: 0x42)
    private static let quiet = RGB(red: 190, green: 190, blue: 190)

    let words: OverlayPicture.Words
    let columns: Int
    let textSize: Int
    let fonts: FontLibrary

    /// The panel's content, laid out.
    struct Layout {
        /// A piece of text or a line sample at a place relative to the panel.
        enum Piece {
            case text(String, Typeface, RGB, left: Int, top: Int)
            case sample(MarkStyle, left: Int, right: Int, middle: Int, width: Int)
        }

        var pieces: [Piece] = []
        var height: Int = 0

        func draw(on canvas: inout Canvas, top offset: Int) {
            for piece in pieces {
                switch piece {
                case .text(let text, let typeface, let color, let left, let top):
                    typeface.draw(text, on: &canvas, left: left, top: offset + top, color)
                case .sample(let style, let left, let right, let middle, let width):
                    canvas.sample(style, left: left, right: right, middle: offset + middle, width: width)
                }
            }
        }
    }

    /// Lays the panel out. Findings that do not fit are counted in a last line; the warning, the model and the
    /// disclaimer always stand.
    func lines(maximumHeight: Int) -> Layout {
        let bold = fonts.bold(size: textSize)
        let regular = fonts.regular(size: textSize)
        let small = fonts.regular(size: max(10, textSize * 4 / 5))
        let margin = max(4, textSize / 2)
        let width = columns - 2 * margin
        var layout = Layout(pieces: [], height: margin)

        for line in bold.wrapped(Self.warning.uppercased(), width: width) {
            append(line, bold, Self.warningColor, margin, to: &layout)
        }
        let closing = [words.model, words.disclaimer].flatMap { small.wrapped($0, width: width) }
        let reserved = closing.count * small.lineHeight + regular.lineHeight + 2 * margin
        appendFindings(regular, margin, room: maximumHeight - layout.height - reserved, to: &layout)
        layout.height += margin / 2
        for line in closing { append(line, small, Self.quiet, margin, to: &layout) }
        layout.height += margin
        return layout
    }

    private func append(_ text: String, _ typeface: Typeface, _ color: RGB, _ left: Int, to layout: inout Layout) {
        layout.pieces.append(.text(text, typeface, color, left: left, top: layout.height))
        layout.height += typeface.lineHeight
    }

    /// The finding list in as many columns as the longest entry allows, three at most.
    private func appendFindings(_ typeface: Typeface, _ margin: Int, room: Int, to layout: inout Layout) {
        let swatch = textSize * 5 / 2
        let indent = swatch + margin
        let width = columns - 2 * margin
        let widest = words.findings.map { typeface.width(of: $0.text) + indent + 2 * margin }.max() ?? 0
        let count = max(1, min(3, widest > 0 ? width / widest : 1, words.findings.count))
        let columnWidth = width / count
        let perColumn = max(1, room / typeface.lineHeight)
        let shown = words.findings.count <= perColumn * count ? words.findings.count : perColumn * count - 1
        let rowsUsed = min(perColumn, (words.findings.count + count - 1) / count)
        var entries = Array(words.findings.prefix(max(0, shown)))
        if shown < words.findings.count {
            let rest = words.findings.count - max(0, shown)
            entries.append(OverlayPicture.LegendEntry(style: nil, text: "… and \(rest) more in the report"))
        }
        for (index, entry) in entries.enumerated() {
            let left = margin + index / rowsUsed * columnWidth
            let top = layout.height + index % rowsUsed * typeface.lineHeight
            if let style = entry.style {
                layout.pieces.append(
                    .sample(
                        style, left: left, right: left + swatch, middle: top + typeface.lineHeight / 2,
                        width: max(2, textSize / 6)))
            }
            let text = typeface.fitted(entry.text, width: columnWidth - indent - margin)
            layout.pieces.append(.text(text, typeface, .white, left: left + indent, top: top))
        }
        layout.height += min(rowsUsed, entries.count) * typeface.lineHeight
    }
}
