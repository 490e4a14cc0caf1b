/// Finds places for labels beside their boxes: inside the image, over no region and over no other label.
struct LabelLayout {
    private let bounds: PixelBox
    private let regions: [PixelBox]
    private let gap: Int
    private var labels: [PixelBox] = []

    /// Searching the whole image for a place costs boxes times positions; beyond this many boxes only the places right
    /// beside the box are tried.
    private static let searchedRegions = 60

    /// - Parameter gap: Pixels between a label and what it must not touch.
    init(columns: Int, rows: Int, regions: [PixelBox], gap: Int) {
        bounds = PixelBox(left: 0, top: 0, right: columns, bottom: rows)
        self.regions = regions
        self.gap = gap
    }

    /// The place for a label of this size, or nil when the image has none.
    mutating func place(width: Int, height: Int, beside box: PixelBox) -> PixelBox? {
        guard width <= bounds.width, height <= bounds.height else { return nil }
        let place =
            adjacent(width, height, box).first(where: isFree)
            ?? (regions.count <= Self.searchedRegions ? nearest(width, height, box) : nil)
        if let place { labels.append(place) }
        return place
    }

    /// Above and below the box first, where readers expect a label, then at its sides.
    private func adjacent(_ width: Int, _ height: Int, _ box: PixelBox) -> [PixelBox] {
        let above = box.top - gap - height
        let below = box.bottom + gap
        let columns = [box.left, box.right - width, (box.left + box.right - width) / 2].map(clampedColumn(width))
        let sides = [box.right + gap, box.left - gap - width]
        let rows = [box.top, box.bottom - height, (box.top + box.bottom - height) / 2].map(clampedRow(height))
        let origins =
            columns.map { ($0, above) } + columns.map { ($0, below) }
            + sides.flatMap { column in rows.map { (column, $0) } }
        return origins.map { PixelBox(left: $0, top: $1, right: $0 + width, bottom: $1 + height) }
    }

    private func nearest(_ width: Int, _ height: Int, _ box: PixelBox) -> PixelBox? {
        let step = max(4, height / 2)
        var best: (distance: Int, place: PixelBox)?
        for top in stride(from: 0, through: bounds.bottom - height, by: step) {
            for left in stride(from: 0, through: bounds.right - width, by: step) {
                let place = PixelBox(left: left, top: top, right: left + width, bottom: top + height)
                let distance = distance(place, box)
                if distance < best?.distance ?? .max, isFree(place) { best = (distance, place) }
            }
        }
        return best?.place
    }

    private func isFree(_ place: PixelBox) -> Bool {
        guard bounds.contains(place) else { return false }
        let halo = place.expanded(by: gap - 1)
        return !regions.contains(where: halo.overlaps) && !labels.contains(where: halo.overlaps)
    }

    private func distance(_ one: PixelBox, _ other: PixelBox) -> Int {
        let across = max(0, one.left - other.right, other.left - one.right)
        let down = max(0, one.top - other.bottom, other.top - one.bottom)
        return across * across + down * down
    }

    private func clampedColumn(_ width: Int) -> (Int) -> Int {
        { max(0, min($0, bounds.right - width)) }
    }

    private func clampedRow(_ height: Int) -> (Int) -> Int {
        { max(0, min($0, bounds.bottom - height)) }
    }
}
