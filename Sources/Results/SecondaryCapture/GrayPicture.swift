/// A source image as a viewer first shows it: 8 bits, 0 black, 255 white, not turned or flipped.
struct GrayPicture {
    let columns: Int
    let rows: Int
    /// `[rows, columns]`, row-major.
    let pixels: [UInt8]

    /// Every pixel as a square of `factor` pixels, for images too small to write on.
    func enlarged(by factor: Int) -> GrayPicture {
        guard factor > 1 else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(pixels.count * factor * factor)
        for row in 0..<rows {
            var line: [UInt8] = []
            line.reserveCapacity(columns * factor)
            for column in 0..<columns {
                for _ in 0..<factor { line.append(pixels[row * columns + column]) }
            }
            for _ in 0..<factor { result += line }
        }
        return GrayPicture(columns: columns * factor, rows: rows * factor, pixels: result)
    }

    /// Squares of `factor` pixels averaged to one, for images beyond what viewers take as a capture. An incomplete
    /// square at the right or bottom edge is averaged over what is there.
    func reduced(by factor: Int) -> GrayPicture {
        guard factor > 1 else { return self }
        let newColumns = (columns + factor - 1) / factor
        let newRows = (rows + factor - 1) / factor
        var result = [UInt8](repeating: 0, count: newColumns * newRows)
        for row in 0..<newRows {
            for column in 0..<newColumns {
                var sum = 0
                var count = 0
                for y in (row * factor)..<min(rows, (row + 1) * factor) {
                    for x in (column * factor)..<min(columns, (column + 1) * factor) {
                        sum += Int(pixels[y * columns + x])
                        count += 1
                    }
                }
                result[row * newColumns + column] = UInt8((sum + count / 2) / count)
            }
        }
        return GrayPicture(columns: newColumns, rows: newRows, pixels: result)
    }
}
