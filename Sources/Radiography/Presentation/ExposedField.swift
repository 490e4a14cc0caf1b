/// The part of the image that the beam reached: borders that the collimator left flat are cut off.
///
/// From each side, lines whose values vary by less than 3 % of the image's own range (5th to 95th percentile of a
/// sample) belong to the border, at most a quarter of the image from each side, so that no content can be lost to it.
struct ExposedField: Equatable {
    let rows: Range<Int>
    let columns: Range<Int>

    init(_ frame: DecodedFrame, mask: [Bool]) {
        let step = max(1, max(frame.rows, frame.columns) / 512)
        func value(_ row: Int, _ column: Int) -> Int? {
            let index = row * frame.columns + column
            return mask.isEmpty || !mask[index] ? frame.number(frame.values[index]) : nil
        }
        func spread(_ values: [Int]) -> Int {
            guard values.count > 4 else { return 0 }
            let sorted = values.sorted()
            return sorted[sorted.count * 95 / 100] - sorted[sorted.count * 5 / 100]
        }
        let rowLines = stride(from: 0, to: frame.rows, by: step)
        let columnLines = stride(from: 0, to: frame.columns, by: step)
        let least = spread(rowLines.flatMap { row in columnLines.compactMap { value(row, $0) } }) * 3 / 100
        func edge(_ lines: [Int], _ line: (Int) -> [Int]) -> Int {
            lines.prefix(lines.count / 4).firstIndex { spread(line($0)) > least } ?? lines.count / 4
        }
        let row: (Int) -> [Int] = { row in columnLines.compactMap { value(row, $0) } }
        let column: (Int) -> [Int] = { column in rowLines.compactMap { value($0, column) } }
        let top = edge(Array(rowLines), row) * step
        let bottom = edge(rowLines.reversed(), row) * step
        let left = edge(Array(columnLines), column) * step
        let right = edge(columnLines.reversed(), column) * step
        rows = top..<max(frame.rows - bottom, top + 1)
        columns = left..<max(frame.columns - right, left + 1)
    }
}
