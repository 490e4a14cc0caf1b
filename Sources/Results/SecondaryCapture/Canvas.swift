/// An RGB picture, 8 bits a sample, that can be drawn on.
struct Canvas {
    /// Pixels across.
    let columns: Int
    /// Pixels down.
    let rows: Int
    /// `[rows, columns, 3]`, row-major.
    private(set) var pixels: [UInt8]

    /// A canvas of one colour.
    init(columns: Int, rows: Int, filledWith color: RGB) {
        self.columns = columns
        self.rows = rows
        pixels = [UInt8](repeating: 0, count: columns * rows * 3)
        if color != .black {
            fill(PixelBox(left: 0, top: 0, right: columns, bottom: rows), color)
        }
    }

    /// Copies a gray picture into the top-left corner.
    mutating func draw(_ picture: GrayPicture) {
        let width = min(columns, picture.columns)
        let columns = columns
        pixels.withUnsafeMutableBufferPointer { target in
            picture.pixels.withUnsafeBufferPointer { source in
                for row in 0..<min(rows, picture.rows) {
                    var to = row * columns * 3
                    let from = row * picture.columns
                    for column in 0..<width {
                        let gray = source[from + column]
                        target[to] = gray
                        target[to + 1] = gray
                        target[to + 2] = gray
                        to += 3
                    }
                }
            }
        }
    }

    /// Fills a box, as far as it lies on the canvas.
    mutating func fill(_ box: PixelBox, _ color: RGB) {
        let left = max(0, box.left)
        let right = min(columns, box.right)
        guard left < right else { return }
        let top = max(0, box.top)
        let bottom = min(rows, box.bottom)
        guard top < bottom else { return }
        let columns = columns
        pixels.withUnsafeMutableBufferPointer { pixels in
            for row in top..<bottom {
                var offset = (row * columns + left) * 3
                for _ in left..<right {
                    pixels[offset] = color.red
                    pixels[offset + 1] = color.green
                    pixels[offset + 2] = color.blue
                    offset += 3
                }
            }
        }
    }

    /// Mixes a colour into one pixel.
    ///
    /// - Parameter coverage: 0 leaves the pixel, 255 replaces it.
    mutating func blend(column: Int, row: Int, _ color: RGB, coverage: UInt8) {
        guard (0..<columns).contains(column), (0..<rows).contains(row), coverage > 0 else { return }
        let offset = (row * columns + column) * 3
        let share = Int(coverage)
        func mix(_ below: UInt8, _ above: UInt8) -> UInt8 {
            UInt8((Int(below) * (255 - share) + Int(above) * share + 127) / 255)
        }
        pixels[offset] = mix(pixels[offset], color.red)
        pixels[offset + 1] = mix(pixels[offset + 1], color.green)
        pixels[offset + 2] = mix(pixels[offset + 2], color.blue)
    }
}

/// A colour, 8 bits a sample.
struct RGB: Hashable, Sendable {
    let red: UInt8
    let green: UInt8
    let blue: UInt8

    static let black = RGB(red: 0, green: 0, blue: 0)
    static let white = RGB(red: 255, green: 255, blue: 255)

    /// The colour mixed with white, for text, which must be read rather than recognised.
    func lightened(by share: Double) -> RGB {
        func lift(_ sample: UInt8) -> UInt8 { UInt8(Double(sample) + (255 - Double(sample)) * share) }
        return RGB(red: lift(red), green: lift(green), blue: lift(blue))
    }
}
