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

    /// The place for a label, and which of several wordings stands there, or nil when the image has none. Wordings are
    /// tried in order right beside the box; only then does the first one that fits anywhere get the nearest free place.
    ///
    /// - Parameter sizes: Width and height of each wording, the preferred one first.
    mutating func place(_ sizes: [(width: Int, height: Int)], beside box: PixelBox) -> (wording: Int, place: PixelBox)?
    {
        let fitting = sizes.enumerated().filter {
            $0.element.width <= bounds.width && $0.element.height <= bounds.height
        }
        let isSearched = regions.count <= Self.searchedRegions
        for find in [firstAdjacent, isSearched ? nearest : { _, _, _ in nil }] {
            for (wording, size) in fitting {
                guard let place = find(size.width, size.height, box) else { continue }
                labels.append(place)
                return (wording, place)
            }
        }
        return nil
    }

    private func firstAdjacent(_ width: Int, _ height: Int, _ box: PixelBox) -> PixelBox? {
        adjacent(width, height, box).first(where: isFree)
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
