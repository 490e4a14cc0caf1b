/// The pixels of a synthetic image: the model's picture enlarged, with the word SYNTHETIC in a corner.
struct SyntheticPixels {
    /// Significant bits of a pixel.
    static let bitsStored = 12
    /// What stands in the picture. A patient's image bears its side marker in this place; lungs do not reach it.
    static let word = "SYNTHETIC"

    let rows: Int
    let columns: Int
    /// `[rows, columns]`.
    private(set) var values: [UInt16]

    init(_ image: SyntheticImageFile, fonts: FontLibrary) {
        let side = min(image.rows, image.columns)
        let factor = max(1, (SyntheticImageFile.minimumSide + side - 1) / side)
        rows = image.rows * factor
        columns = image.columns * factor
        let top = Float((1 << Self.bitsStored) - 1)
        values = SmoothEnlargement(factor: factor).apply(to: image.samples, rows: image.rows, columns: image.columns)
            .map { sample in sample.isFinite ? UInt16((min(max(sample, 0), 1) * top).rounded()) : 0 }
        stamp(fonts)
    }

    /// White on black, legible on any screen and small enough to leave the anatomy alone: a 45th of the side high.
    private mutating func stamp(_ fonts: FontLibrary) {
        let size = max(12, min(rows, columns) / 45)
        let typeface = fonts.bold(size: size)
        let padding = size / 3
        var plate = Canvas(
            columns: min(columns, typeface.width(of: Self.word) + 2 * padding),
            rows: min(rows, typeface.lineHeight + padding), filledWith: .black)
        typeface.draw(Self.word, on: &plate, left: padding, top: padding / 2, .white)
        let margin = size / 2
        let scale = ((1 << Self.bitsStored) - 1) / 255
        for row in 0..<min(plate.rows, rows - margin) {
            for column in 0..<min(plate.columns, columns - margin) {
                values[(row + margin) * columns + column + margin] =
                    UInt16(Int(plate.pixels[(row * plate.columns + column) * 3]) * scale)
            }
        }
    }
}
