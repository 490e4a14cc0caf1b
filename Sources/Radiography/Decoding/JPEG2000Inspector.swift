/// Reads the headers of a JPEG 2000 or HTJ2K code-stream (ISO/IEC 15444-1 annex A) before OpenJPEG does.
///
/// A decoder allocates per tile, precinct and code-block before it reads a sample, so a stream of some hundred bytes
/// can claim terabytes. The walk covers the main header and every tile-part header, where coding styles may change.
struct JPEG2000Inspector {
    private let limits: PixelLimits
    private var facts: CodeStreamFacts?
    private var tiles = 0
    private var tileColumns = 0
    private var tileRows = 0

    private init(limits: PixelLimits) {
        self.limits = limits
    }

    /// Checks the structure and the cost that it announces.
    ///
    /// - Throws: `RadiographyError.malformedCodeStream` or `.tooLarge`.
    static func inspect(_ bytes: UnsafeRawBufferPointer, limits: PixelLimits) throws -> CodeStreamFacts {
        var inspector = JPEG2000Inspector(limits: limits)
        return try inspector.walk(bytes)
    }

    /// The code-stream within a JP2 file, which PS3.5 A.4.4 does not allow as a frame and some senders store.
    static func codeStreamRange(in bytes: UnsafeRawBufferPointer) throws -> Range<Int>? {
        let signature: [UInt8] = [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20, 0x0D, 0x0A, 0x87, 0x0A]
        guard bytes.starts(with: signature) else { return nil }
        var reader = ByteReader(bytes)
        while reader.remaining >= 8 {
            let start = reader.position
            var length = try reader.long()
            let type = try reader.long()
            if length == 1 {
                guard try reader.long() == 0 else { throw RadiographyError.malformedCodeStream("a JP2 box of 4 GB") }
                length = try reader.long()
            } else if length == 0 {
                length = bytes.count - start
            }
            guard length >= reader.position - start, length <= bytes.count - start else {
                throw RadiographyError.malformedCodeStream("a JP2 box ends outside the frame")
            }
            if type == 0x6A70_3263 { return reader.position..<(start + length) }
            reader.position = start + length
        }
        throw RadiographyError.malformedCodeStream("a JP2 file without a code-stream")
    }

    private mutating func walk(_ bytes: UnsafeRawBufferPointer) throws -> CodeStreamFacts {
        var reader = ByteReader(bytes)
        guard bytes.count > 4, try reader.word() == 0xFF4F, try reader.word() == 0xFF51 else {
            throw broken("it does not start with SOC and SIZ")
        }
        try size(&reader)
        var tileParts = 0
        var tilePartStart = 0
        var tilePartLength = 0
        while reader.remaining >= 2 {
            let start = reader.position
            let marker = try reader.word()
            switch marker {
            case 0xFFD9:
                return try finished(tileParts)
            case 0xFF93:
                guard tileParts > 0 else { throw broken("data before the first tile-part") }
                if tilePartLength == 0 { return try finished(tileParts) }
                let end = tilePartStart + tilePartLength
                guard end > reader.position - 1, end <= bytes.count else { throw broken("a tile-part ends early") }
                reader.position = end
            case 0xFF90:
                tileParts += 1
                guard tileParts <= min(limits.maximumCodeStreamParts, max(tiles, 1) * 255) else {
                    throw broken("too many tile-parts")
                }
                let length = try reader.word()
                guard length == 10, try reader.word() < tiles else { throw broken("a tile that is not in the image") }
                tilePartLength = try reader.long()
                tilePartStart = start
                reader.position = start + 12
            default:
                guard marker >= 0xFF00 else { throw broken("a marker is missing") }
                let length = try reader.word()
                guard length >= 2, length - 2 <= reader.remaining else { throw broken("a marker segment is too long") }
                let end = reader.position + length - 2
                try segment(marker, length: length, &reader)
                reader.position = end
            }
        }
        return try finished(tileParts)
    }

    private func finished(_ tileParts: Int) throws -> CodeStreamFacts {
        guard let facts, tileParts > 0 else { throw broken("it has no tile-part") }
        return facts
    }

    private mutating func size(_ reader: inout ByteReader) throws {
        let length = try reader.word()
        _ = try reader.word()
        let right = try reader.long()
        let bottom = try reader.long()
        let left = try reader.long()
        let top = try reader.long()
        let tileWidth = try reader.long()
        let tileHeight = try reader.long()
        let tileLeft = try reader.long()
        let tileTop = try reader.long()
        let components = try reader.word()
        guard right > left, bottom > top, tileWidth > 0, tileHeight > 0, tileLeft <= left, tileTop <= top,
            (1...4).contains(components), length == 38 + 3 * components
        else { throw broken("a SIZ marker that no image can have") }
        let (columns, rows) = (right - left, bottom - top)
        guard columns <= 65535, rows <= 65535, columns * rows <= limits.maximumPixels else {
            throw RadiographyError.tooLarge("a code-stream of \(rows) x \(columns) pixels")
        }
        tileColumns = (right - tileLeft + tileWidth - 1) / tileWidth
        tileRows = (bottom - tileTop + tileHeight - 1) / tileHeight
        tiles = tileColumns * tileRows
        // OpenJPEG keeps about 6 KB for each tile.
        guard tiles <= min(65535, limits.maximumCodeStreamParts / 128) else {
            throw RadiographyError.tooLarge("a code-stream of \(tiles) tiles")
        }
        var precision = 0
        for index in 0..<components {
            let depth = try reader.byte() & 0x7F + 1
            let (horizontal, vertical) = (try reader.byte(), try reader.byte())
            guard depth <= 16, horizontal == 1, vertical == 1, index == 0 || depth == precision else {
                throw broken("component \(index) of \(depth) bits, sampled \(horizontal) x \(vertical)")
            }
            precision = depth
        }
        facts = CodeStreamFacts(rows: rows, columns: columns, components: components, precision: precision)
    }

    private mutating func segment(_ marker: Int, length: Int, _ reader: inout ByteReader) throws {
        switch marker {
        case 0xFF52:
            let style = try reader.byte()
            _ = try reader.byte()
            let layers = try reader.word()
            guard (1...1024).contains(layers) else { throw broken("\(layers) layers") }
            _ = try reader.byte()
            try codingStyle(style, &reader)
        case 0xFF53:
            _ = try reader.byte()
            let style = try reader.byte()
            try codingStyle(style, &reader)
        case 0xFF51, 0xFF4F:
            throw broken("a second SIZ or SOC")
        default:
            break
        }
    }

    /// Counts precincts and code-blocks of one component (table A.15).
    private mutating func codingStyle(_ style: Int, _ reader: inout ByteReader) throws {
        guard let facts else { throw broken("a coding style before SIZ") }
        let levels = try reader.byte()
        let blockWidth = try reader.byte() + 2
        let blockHeight = try reader.byte() + 2
        let blockStyle = try reader.byte()
        _ = try reader.byte()
        if blockStyle & 0xC0 != 0 { self.facts?.isHighThroughput = true }
        guard levels <= 32, blockWidth <= 10, blockHeight <= 10, blockWidth + blockHeight <= 12 else {
            throw broken("a coding style of \(levels) levels")
        }
        var parts = 0
        for level in 0...levels {
            let precinct = style & 1 == 1 ? try reader.byte() : 0xFF
            let shift = levels - level
            let columns = (facts.columns + (1 << shift) - 1) >> shift + tileColumns
            let rows = (facts.rows + (1 << shift) - 1) >> shift + tileRows
            let width = min(precinct & 15, blockWidth + 1)
            let height = min(precinct >> 4, blockHeight + 1)
            parts += ((columns >> width) + tileColumns) * ((rows >> height) + tileRows)
            guard parts <= limits.maximumCodeStreamParts else {
                throw RadiographyError.tooLarge("a code-stream of more than \(parts) precincts and code-blocks")
            }
        }
    }

    private func broken(_ reason: String) -> RadiographyError {
        .malformedCodeStream(reason)
    }
}
