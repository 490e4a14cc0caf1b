import DICOM

/// An overlay plane of the image (PS3.3 C.9.2): graphics such as side markers, or a bitmap shutter.
public struct OverlayPlane: Codable, Equatable, Sendable {
    /// 6000H to 601EH, even.
    public var group: Int
    /// Overlay Rows.
    public var rows: Int
    /// Overlay Columns.
    public var columns: Int
    /// The image row, from 1, of the overlay's first pixel; may be 0 or negative.
    public var originRow: Int
    /// The image column, from 1.
    public var originColumn: Int
    /// `G` graphics or `R` region of interest.
    public var type: String?
    /// Overlay Label, or else its description.
    public var label: String?
    /// Whether the bits lie in the unused bits of Pixel Data, as old objects have them.
    public var isEmbedded: Bool

    /// The planes of a dataset, by group.
    static func all(in dataset: Dataset) -> [OverlayPlane] {
        (0..<16).compactMap { OverlayPlane(dataset, group: 0x6000 + UInt16($0) * 2) }
    }

    private init?(_ dataset: Dataset, group: UInt16) {
        guard let rows = dataset.int(.overlayRows(group)), let columns = dataset.int(.overlayColumns(group)),
            (1...65535).contains(rows), (1...65535).contains(columns)
        else { return nil }
        self.group = Int(group)
        self.rows = rows
        self.columns = columns
        let origin = dataset.texts(.overlayOrigin(group)).compactMap { Int($0) }
        originRow = origin.count == 2 ? origin[0] : 1
        originColumn = origin.count == 2 ? origin[1] : 1
        type = dataset.text(.overlayType(group))
        label = dataset.text(.overlayLabel(group)) ?? dataset.text(.overlayDescription(group))
        isEmbedded = !dataset.contains(.overlayData(group)) && (dataset.int(.overlayBitsAllocated(group)) ?? 1) > 1
    }

    /// Marks the image pixels whose overlay bit is set. `mask` is the image's `[rows, columns]`.
    ///
    /// - Returns: `false` when the overlay's data are absent or too short.
    func mark(_ mask: inout [Bool], rows imageRows: Int, columns imageColumns: Int, in dataset: Dataset) -> Bool {
        let done = dataset.withBytes(.overlayData(UInt16(group))) { raw -> Bool in
            guard raw.count * 8 >= rows * columns else { return false }
            for row in 0..<rows {
                let imageRow = originRow - 1 + row
                guard (0..<imageRows).contains(imageRow) else { continue }
                for column in 0..<columns {
                    let bit = row * columns + column
                    let imageColumn = originColumn - 1 + column
                    if raw[bit >> 3] >> UInt8(bit & 7) & 1 == 1, (0..<imageColumns).contains(imageColumn) {
                        mask[imageRow * imageColumns + imageColumn] = true
                    }
                }
            }
            return true
        }
        return done ?? false
    }
}
