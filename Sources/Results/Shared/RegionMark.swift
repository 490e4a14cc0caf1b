import Findings

/// A region in whole source pixels, half-open: what the SR, the presentation state and the overlay all show.
public struct PixelBox: Hashable, Sendable {
    /// The first column.
    public var left: Int
    /// The first row.
    public var top: Int
    /// The column after the last.
    public var right: Int
    /// The row after the last.
    public var bottom: Int

    /// A box from its edges.
    public init(left: Int, top: Int, right: Int, bottom: Int) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    /// The smallest box of whole pixels around a region. An edge within a thousandth of a pixel of the grid counts as
    /// on it, so that arithmetic noise does not cost a pixel.
    public init(around region: Region) {
        let noise = 0.001
        left = Int((region.x0 + noise).rounded(.down))
        top = Int((region.y0 + noise).rounded(.down))
        right = max(left + 1, Int((region.x1 - noise).rounded(.up)))
        bottom = max(top + 1, Int((region.y1 - noise).rounded(.up)))
    }

    /// Columns covered.
    public var width: Int { right - left }

    /// Rows covered.
    public var height: Int { bottom - top }

    /// TL TR BR BL TL, x before y, in DICOM image coordinates: (0, 0) is the outer corner of the first pixel
    /// (PS3.3 C.10.5.1.1 and C.18.6.1.2).
    var polyline: [Int] { [left, top, right, top, right, bottom, left, bottom, left, top] }

    /// Whether the boxes share a pixel.
    func overlaps(_ other: PixelBox) -> Bool {
        left < other.right && other.left < right && top < other.bottom && other.top < bottom
    }

    /// Whether `other` lies wholly inside.
    func contains(_ other: PixelBox) -> Bool {
        left <= other.left && top <= other.top && other.right <= right && other.bottom <= bottom
    }

    /// The box grown by as many pixels on each side.
    func expanded(by margin: Int) -> PixelBox {
        PixelBox(left: left - margin, top: top - margin, right: right + margin, bottom: bottom + margin)
    }
}

/// One region as all views number and name it.
struct RegionMark {
    /// 1, 2, ... through the reading.
    let number: Int
    /// The finding that it belongs to.
    let finding: Finding
    /// The finding's place among those that have regions; chooses colour and line style.
    let styleIndex: Int
    /// The image and frame that it lies on.
    let image: SourceImage
    /// The region in whole pixels.
    let box: PixelBox
    /// "Pleural effusion, left, moderate".
    let text: String
    /// "Effusion L".
    let shortText: String
    /// Tracking Unique Identifier.
    let trackingUID: String

    /// "AI-1".
    var tag: String { "AI-\(number)" }
    /// Tracking Identifier: "AI-1 Pleural effusion, left".
    var trackingIdentifier: String { DICOMText.line("\(tag) \(text)", limit: 64) }

    /// What stands beside the box, and shorter wordings for when there is little room.
    func labels(_ words: FindingWords) -> [String] {
        ["\(tag) \(shortText)\(words.percentage(finding))", "\(tag) \(shortText)", tag]
    }
}
