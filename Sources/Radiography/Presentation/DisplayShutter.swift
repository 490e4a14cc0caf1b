import DICOM

/// What the display shutter leaves visible (PS3.3 C.7.6.11, C.7.6.15). Coordinates are the standard's: rows and
/// columns counted from 1.
public struct DisplayShutter: Codable, Equatable, Sendable {
    /// Edges of a rectangular shutter; the edge pixels are visible.
    public struct Rectangle: Codable, Equatable, Sendable {
        public var left: Int
        public var right: Int
        public var upper: Int
        public var lower: Int
    }

    /// Center and radius of a circular shutter.
    public struct Circle: Codable, Equatable, Sendable {
        public var row: Int
        public var column: Int
        public var radius: Int
    }

    /// A vertex of a polygonal shutter.
    public struct Vertex: Codable, Equatable, Sendable {
        public var row: Int
        public var column: Int
    }

    /// A rectangular shutter.
    public var rectangle: Rectangle?
    /// A circular shutter.
    public var circle: Circle?
    /// A polygonal shutter, closed by its first vertex.
    public var polygon: [Vertex]?
    /// The group of the overlay whose set bits cover the image.
    public var overlayGroup: Int?
    /// The P-Value that viewers show in place of what is covered.
    public var presentationValue: Int?

    /// The shutter that the header describes; `nil` when there is none.
    public init?(_ dataset: Dataset) {
        let shapes = Set(dataset.texts(.shutterShape).map { $0.uppercased() })
        guard !shapes.isEmpty else { return nil }
        if shapes.contains("RECTANGULAR"), let left = dataset.int(.shutterLeftVerticalEdge),
            let right = dataset.int(.shutterRightVerticalEdge), let upper = dataset.int(.shutterUpperHorizontalEdge),
            let lower = dataset.int(.shutterLowerHorizontalEdge), left <= right, upper <= lower
        {
            rectangle = Rectangle(left: left, right: right, upper: upper, lower: lower)
        }
        if shapes.contains("CIRCULAR"), let center = Self.integers(.centerOfCircularShutter, dataset),
            center.count == 2,
            let radius = dataset.int(.radiusOfCircularShutter), radius > 0
        {
            circle = Circle(row: center[0], column: center[1], radius: radius)
        }
        if shapes.contains("POLYGONAL"), let numbers = Self.integers(.verticesOfThePolygonalShutter, dataset),
            numbers.count >= 6, numbers.count % 2 == 0, numbers.count <= 4096
        {
            polygon = stride(from: 0, to: numbers.count, by: 2).map {
                Vertex(row: numbers[$0], column: numbers[$0 + 1])
            }
        }
        if shapes.contains("BITMAP") {
            overlayGroup = dataset.int(.shutterOverlayGroup)
        }
        presentationValue = dataset.int(.shutterPresentationValue)
        if rectangle == nil, circle == nil, polygon == nil, overlayGroup == nil { return nil }
    }

    private static func integers(_ tag: Tag, _ dataset: Dataset) -> [Int]? {
        let texts = dataset.texts(tag)
        let numbers = texts.compactMap { Int($0) }.filter { abs($0) < 1 << 20 }
        return numbers.count == texts.count ? numbers : nil
    }

    /// Marks what is covered by any of the shapes, bitmap apart. `mask` is `[rows, columns]`.
    func cover(_ mask: inout [Bool], rows: Int, columns: Int) {
        for row in 0..<rows {
            let visible = visibleColumns(row: row + 1)
            let line = row * columns
            for column in 0..<columns where !visible.contains(where: { $0.contains(Double(column + 1)) }) {
                mask[line + column] = true
            }
        }
    }

    /// The visible stretches of a row, as intervals of column numbers.
    private func visibleColumns(row: Int) -> [ClosedRange<Double>] {
        var common = -Double.infinity...Double.infinity
        func narrow(_ lower: Double, _ upper: Double) -> Bool {
            let low = max(common.lowerBound, lower)
            let high = min(common.upperBound, upper)
            guard low <= high else { return false }
            common = low...high
            return true
        }
        if let rectangle {
            guard (rectangle.upper...rectangle.lower).contains(row),
                narrow(Double(rectangle.left), Double(rectangle.right))
            else { return [] }
        }
        if let circle {
            let height = Double(row - circle.row)
            let half = Double(circle.radius) * Double(circle.radius) - height * height
            guard half >= 0,
                narrow(Double(circle.column) - half.squareRoot(), Double(circle.column) + half.squareRoot())
            else { return [] }
        }
        guard let polygon else { return [common] }
        return Self.crossings(of: polygon, row: Double(row)).compactMap { stretch in
            let low = max(stretch.lowerBound, common.lowerBound)
            let high = min(stretch.upperBound, common.upperBound)
            return low <= high ? low...high : nil
        }
    }

    /// The stretches of a row inside a polygon, by the even-odd rule, its edges and horizontal sides included.
    private static func crossings(of polygon: [Vertex], row: Double) -> [ClosedRange<Double>] {
        var columns: [Double] = []
        var sides: [ClosedRange<Double>] = []
        for (index, start) in polygon.enumerated() {
            let end = polygon[(index + 1) % polygon.count]
            let (top, bottom) = start.row <= end.row ? (start, end) : (end, start)
            if top.row == bottom.row {
                if Double(top.row) == row {
                    sides.append(Double(min(start.column, end.column))...Double(max(start.column, end.column)))
                }
            } else if Double(top.row) <= row, row < Double(bottom.row) {
                let part = (row - Double(top.row)) / Double(bottom.row - top.row)
                columns.append(Double(top.column) + part * Double(bottom.column - top.column))
            }
        }
        columns.sort()
        return sides + stride(from: 0, to: columns.count - 1, by: 2).map { columns[$0]...columns[$0 + 1] }
    }
}
