import Foundation

/// Reads the markers of a JPEG (ISO/IEC 10918-1) or JPEG-LS (ISO/IEC 14495-1) stream up to and beyond its scans.
///
/// What the codecs accept and should not is refused here: another coding process than the transfer syntax allows,
/// dimensions unlike the header's, more scans than components (each scan costs a pass over the whole image, so a small
/// file could ask for hours), and a stream without its end.
struct JPEGInspector {
    enum Family {
        case lossy, lossless, jpegLS

        /// The frame headers that the transfer syntaxes of the family allow: SOF0, SOF1; SOF3; SOF55.
        var frameMarkers: Set<Int> {
            switch self {
            case .lossy: [0xC0, 0xC1]
            case .lossless: [0xC3]
            case .jpegLS: [0xF7]
            }
        }
    }

    let family: Family
    private var facts: CodeStreamFacts?
    private var scans = 0
    private var nonConformantScan = false

    private init(_ family: Family) {
        self.family = family
    }

    /// Checks the stream's structure.
    ///
    /// - Throws: `RadiographyError.malformedCodeStream`.
    static func inspect(_ bytes: UnsafeRawBufferPointer, _ family: Family) throws -> CodeStreamFacts {
        var inspector = JPEGInspector(family)
        return try inspector.walk(bytes)
    }

    private mutating func walk(_ bytes: UnsafeRawBufferPointer) throws -> CodeStreamFacts {
        guard bytes.count >= 4, bytes[0] == 0xFF, bytes[1] == 0xD8 else { throw broken("it does not start with SOI") }
        var reader = ByteReader(bytes, at: 2)
        var ended = false
        while !ended {
            guard let marker = try nextMarker(&reader) else { throw broken("it ends before EOI") }
            switch marker {
            case 0xD9: ended = true
            case 0xD8: throw broken("a second SOI")
            case 0x01, 0xD0...0xD7:
                guard scans > 0 else { throw broken("a restart marker before the first scan") }
            default:
                let start = reader.position
                let length = try reader.word()
                guard length >= 2, length - 2 <= reader.remaining else { throw broken("a marker segment is too long") }
                try segment(marker, &reader)
                reader.position = start + length
            }
        }
        guard var facts, scans > 0 else { throw broken("it has no \(facts == nil ? "frame" : "scan")") }
        if nonConformantScan {
            facts.notes.append("scan parameters outside ISO/IEC 10918-1 table B.3 were ignored")
        }
        return facts
    }

    /// The next marker. Only behind a scan header is there entropy-coded data to skip.
    ///
    /// A marker is FFH followed by neither a stuffed byte nor a fill byte. In JPEG-LS the bit after FFH is stuffed, so
    /// that any second byte below 80H is data. Fill bytes are legal and refused before the frame header, where DCMTK
    /// 3.6.7 looks for the bit depth and can look for ever (found by the fuzzer).
    private func nextMarker(_ reader: inout ByteReader) throws -> Int? {
        let bytes = reader.bytes
        var position = reader.position
        while position + 1 < bytes.count {
            if scans > 0, bytes[position] != 0xFF {
                // Entropy-coded data: on to the next FFH.
                let rest = bytes[position...]
                guard let base = rest.base.baseAddress, let found = memchr(base + position, 0xFF, rest.count) else {
                    return nil
                }
                position = base.distance(to: UnsafeRawPointer(found))
                continue
            }
            let second = bytes[position + 1]
            if bytes[position] == 0xFF, second != 0, second != 0xFF, family != .jpegLS || second >= 0x80 {
                reader.position = position + 2
                return Int(second)
            }
            guard scans > 0 || (facts != nil && bytes[position] == 0xFF && second == 0xFF) else {
                throw broken("something else than a marker before the first scan")
            }
            position += 1
        }
        return nil
    }

    private mutating func segment(_ marker: Int, _ reader: inout ByteReader) throws {
        switch marker {
        case let sof where family.frameMarkers.contains(sof):
            guard facts == nil else { throw broken("a second frame header") }
            let precision = try reader.byte()
            let rows = try reader.word()
            let columns = try reader.word()
            let components = try reader.byte()
            guard rows > 0, columns > 0, (2...16).contains(precision), components > 0 else {
                throw broken("a frame of \(rows) x \(columns), \(components) components of \(precision) bits")
            }
            facts = CodeStreamFacts(rows: rows, columns: columns, components: components, precision: precision)
        case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF, 0xF7:
            throw broken("the coding process SOF\(marker == 0xF7 ? 55 : marker - 0xC0) is not the transfer syntax's")
        case 0xDA:
            try scan(&reader)
        default:
            break
        }
    }

    private mutating func scan(_ reader: inout ByteReader) throws {
        guard let facts else { throw broken("a scan before the frame header") }
        scans += 1
        guard scans <= facts.components else { throw broken("more scans than components") }
        let components = try reader.byte()
        guard (1...4).contains(components), components * 2 + 3 <= reader.remaining else {
            throw broken("a scan header")
        }
        reader.position += components * 2
        let parameters = (try reader.byte(), try reader.byte(), try reader.byte())
        if family == .lossy, parameters != (0, 63, 0) {
            nonConformantScan = true
        }
    }

    private func broken(_ reason: String) -> RadiographyError {
        .malformedCodeStream(reason)
    }
}
