/// Simple measures of a picture as displayed, computed on thumbnails so that they cost little and survive noise.
///
/// *Likeness* is the correlation, -1 to 1, between the exposed field, squeezed to 16 x 16 cells, and the mean of many
/// frontal chest radiographs treated the same (`ChestTemplate`). The squeeze makes it independent of proportions.
public struct PictureMeasures: Codable, Equatable, Sendable {
    /// The likeness of the picture as it stands.
    public var likeness: Double
    /// The likeness after turning by 90, 180 and 270 degrees counter-clockwise.
    public var turnedLikeness: [Double]
    /// The standard deviation of gray over the exposed field.
    public var contrast: Double
    /// The correlation of horizontally and vertically neighbouring cells of 64 x 64, the lesser of both.
    public var smoothness: Double
    /// Gray levels, of 256, that hold at least one pixel in ten thousand.
    public var grayLevels: Int
    /// Shares of pixels displayed as pure black and pure white.
    public var black: Double
    public var white: Double
    /// The share of lines of the source that are one and the same mid-gray value.
    public var deadLines: Double

    /// Measures a picture.
    ///
    /// - Parameters:
    ///   - image: The image in source orientation, for measures of lines and clipping.
    ///   - radiograph: The same image upright.
    public init(_ image: PresentedImage, _ radiograph: Radiograph) {
        let cells = Thumbnail(radiograph, side: 64)
        let field = cells.exposedField()
        let signature = field.resized(ChestTemplate.side).standardised
        likeness = ChestTemplate.correlation(signature)
        var turned = signature
        turnedLikeness = (0..<3).map { _ in
            turned = turned.turned
            return ChestTemplate.correlation(turned)
        }
        contrast = field.deviation
        smoothness = cells.neighbourCorrelation
        black = image.clippedLow
        white = image.clippedHigh
        (grayLevels, deadLines) = Self.lines(image)
    }

    /// Gray levels are counted on a sample of lines, dead lines on all.
    private static func lines(_ image: PresentedImage) -> (grayLevels: Int, deadLines: Double) {
        let dead = (0..<image.rows).count { image.isFlatGray(row: $0) }
        let levels = image.levelCounts(everyRow: max(1, image.rows / 512))
        let least = max(1, levels.reduce(0, +) / 10_000)
        return (levels.filter { $0 >= least }.count, Double(dead) / Double(image.rows))
    }
}

/// A small square of means.
package struct Thumbnail {
    package var rows: Int
    package var columns: Int
    package var cells: [Float]

    /// The whole radiograph squeezed to a square.
    package init(_ radiograph: Radiograph, side: Int) {
        rows = side
        columns = side
        cells = Resampler.resize(
            radiograph.pixels, rows: radiograph.rows, columns: radiograph.columns, newRows: side, newColumns: side)
    }

    private init(rows: Int, columns: Int, cells: [Float]) {
        self.rows = rows
        self.columns = columns
        self.cells = cells
    }

    /// Without the flat borders, dark or bright, that collimation and cassettes leave: from each side, lines whose
    /// values (5th to 95th percentile) vary by less than 15 % of the picture's range, at most 40 % from a side.
    package func exposedField() -> Thumbnail {
        func spread(_ values: [Float]) -> Float {
            let sorted = values.sorted()
            return sorted[sorted.count * 95 / 100] - sorted[sorted.count * 5 / 100]
        }
        let least = spread(cells) * 0.15
        func edge(_ lines: [[Float]]) -> Int {
            let limit = lines.count * 2 / 5
            return lines.prefix(limit).firstIndex { spread($0) >= least } ?? limit
        }
        let rowLines = (0..<rows).map { Array(cells[($0 * columns)..<(($0 + 1) * columns)]) }
        let columnLines = (0..<columns).map { column in (0..<rows).map { cells[$0 * columns + column] } }
        let (top, bottom) = (edge(rowLines), edge(rowLines.reversed()))
        let (left, right) = (edge(columnLines), edge(columnLines.reversed()))
        let part = rowLines[top..<(rows - bottom)].flatMap { $0[left..<(columns - right)] }
        return Thumbnail(rows: rows - top - bottom, columns: columns - left - right, cells: part)
    }

    package func resized(_ side: Int) -> Thumbnail {
        Thumbnail(
            rows: side, columns: side,
            cells: Resampler.resize(cells, rows: rows, columns: columns, newRows: side, newColumns: side))
    }

    /// Mean 0 and standard deviation 1; all zeros for a flat picture.
    package var standardised: Thumbnail {
        let mean = cells.reduce(0, +) / Float(cells.count)
        let deviation = Float(deviation)
        return Thumbnail(
            rows: rows, columns: columns, cells: cells.map { deviation > 1e-4 ? ($0 - mean) / deviation : 0 })
    }

    var deviation: Double {
        let mean = cells.reduce(0, +) / Float(cells.count)
        return Double((cells.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(cells.count)).squareRoot())
    }

    /// A square turned by 90 degrees counter-clockwise.
    var turned: Thumbnail {
        var result = cells
        for row in 0..<rows {
            for column in 0..<columns {
                result[row * columns + column] = cells[column * columns + (columns - 1 - row)]
            }
        }
        return Thumbnail(rows: rows, columns: columns, cells: result)
    }

    /// The lesser of the horizontal and the vertical correlation of neighbours; 1 for a flat picture.
    var neighbourCorrelation: Double {
        let square = standardised
        guard square.cells.contains(where: { $0 != 0 }) else { return 1 }
        var (horizontal, vertical) = (0.0, 0.0)
        for row in 0..<rows - 1 {
            for column in 0..<columns - 1 {
                let value = Double(square.cells[row * columns + column])
                horizontal += value * Double(square.cells[row * columns + column + 1])
                vertical += value * Double(square.cells[(row + 1) * columns + column])
            }
        }
        return min(horizontal, vertical) / Double((rows - 1) * (columns - 1))
    }
}
