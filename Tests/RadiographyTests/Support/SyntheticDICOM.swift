import Foundation

/// Part 10 files byte by byte, so that tests can write what no toolkit would.
struct SyntheticDICOM {
    enum Value {
        case text(String)
        case words([UInt16])
        case bytes([UInt8])
        /// Fragments, after an empty or a given Basic Offset Table.
        case fragments([[UInt8]], table: [UInt32] = [])
        /// Items, each with its elements.
        case items([[Element]])
    }

    struct Element {
        var group: UInt16
        var number: UInt16
        var vr: String
        var value: Value
        /// Written instead of the value's own length.
        var claimedLength: UInt32?
    }

    var transferSyntax = "1.2.840.10008.1.2.1"
    var elements: [Element] = []

    /// A file of an image with usual attributes. `pixels` are the element's value.
    static func image(
        rows: UInt16, columns: UInt16, allocated: UInt16 = 16, stored: UInt16 = 16, high: UInt16? = nil,
        signed: Bool = false, photometric: String = "MONOCHROME2", samples: UInt16 = 1,
        transferSyntax: String = "1.2.840.10008.1.2.1", pixels: Value
    ) -> SyntheticDICOM {
        var file = SyntheticDICOM(transferSyntax: transferSyntax)
        file.set(0x0008, 0x0016, "UI", .text("1.2.840.10008.5.1.4.1.1.7"))
        file.set(0x0008, 0x0018, "UI", .text("2.25.\(UInt64.random(in: 1...UInt64.max))"))
        file.set(0x0008, 0x0060, "CS", .text("DX"))
        file.set(0x0028, 0x0002, "US", .words([samples]))
        file.set(0x0028, 0x0004, "CS", .text(photometric))
        if samples > 1 { file.set(0x0028, 0x0006, "US", .words([0])) }
        file.set(0x0028, 0x0010, "US", .words([rows]))
        file.set(0x0028, 0x0011, "US", .words([columns]))
        file.set(0x0028, 0x0100, "US", .words([allocated]))
        file.set(0x0028, 0x0101, "US", .words([stored]))
        file.set(0x0028, 0x0102, "US", .words([high ?? (stored &- 1)]))
        file.set(0x0028, 0x0103, "US", .words([signed ? 1 : 0]))
        let isBytes = if case .fragments = pixels { true } else { allocated <= 8 }
        file.set(0x7FE0, 0x0010, isBytes ? "OB" : "OW", pixels)
        return file
    }

    mutating func set(_ group: UInt16, _ number: UInt16, _ vr: String, _ value: Value, claimedLength: UInt32? = nil) {
        elements.removeAll { $0.group == group && $0.number == number }
        elements.append(Element(group: group, number: number, vr: vr, value: value, claimedLength: claimedLength))
    }

    mutating func remove(_ group: UInt16, _ number: UInt16) {
        elements.removeAll { $0.group == group && $0.number == number }
    }

    /// The whole file.
    var bytes: [UInt8] {
        let meta = Self.encode([
            Element(group: 2, number: 1, vr: "OB", value: .bytes([0, 1])),
            Element(group: 2, number: 2, vr: "UI", value: .text("1.2.840.10008.5.1.4.1.1.7")),
            Element(group: 2, number: 3, vr: "UI", value: .text("2.25.1")),
            Element(group: 2, number: 0x10, vr: "UI", value: .text(transferSyntax)),
            Element(group: 2, number: 0x12, vr: "UI", value: .text("2.25.2")),
        ])
        let length = Element(group: 2, number: 0, vr: "UL", value: .bytes(Self.little(UInt32(meta.count))))
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + Self.encode([length]) + meta
            + Self.encode(elements)
    }

    func write(to directory: URL, _ name: String = "image.dcm") throws -> URL {
        let url = directory.appendingPathComponent(name)
        try Data(bytes).write(to: url)
        return url
    }

    private static func encode(_ elements: [Element]) -> [UInt8] {
        elements.sorted { ($0.group, $0.number) < ($1.group, $1.number) }.flatMap { element -> [UInt8] in
            var value: [UInt8] = []
            var undefined = false
            switch element.value {
            case .text(let text):
                value = Array(text.utf8)
                if value.count % 2 == 1 { value.append(element.vr == "UI" ? 0 : 0x20) }
            case .words(let words): value = words.flatMap { little($0) }
            case .bytes(let bytes): value = bytes + (bytes.count % 2 == 1 ? [0] : [])
            case .fragments(let fragments, let table):
                undefined = true
                for item in [table.flatMap { little($0) }] + fragments {
                    let padded = item + (item.count % 2 == 1 ? [0] : [])
                    value += [0xFE, 0xFF, 0x00, 0xE0] + little(UInt32(padded.count)) + padded
                }
                value += [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]
            case .items(let items):
                for item in items {
                    let inner = encode(item)
                    value += [0xFE, 0xFF, 0x00, 0xE0] + little(UInt32(inner.count)) + inner
                }
            }
            let long = ["OB", "OW", "UN", "SQ", "UT", "OF"].contains(element.vr)
            let length = element.claimedLength ?? (undefined ? 0xFFFF_FFFF : UInt32(value.count))
            return little(element.group) + little(element.number) + Array(element.vr.utf8)
                + (long ? [0, 0] + little(length) : little(UInt16(truncatingIfNeeded: length))) + value
        }
    }

    static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}

/// Pictures with smooth parts, edges and noise, always the same.
enum SyntheticPixels {
    static func values(rows: Int, columns: Int, bits: Int) -> [UInt16] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        let top = Double((1 << bits) - 1)
        return (0..<rows * columns).map { index in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let (row, column) = (Double(index / columns) / Double(rows), Double(index % columns) / Double(columns))
            let ramp = 0.1 + 0.5 * row + 0.3 * column
            let disc = (row - 0.5) * (row - 0.5) + (column - 0.4) * (column - 0.4) < 0.06 ? 0.3 : 0
            let noise = Double(state >> 40) / Double(1 << 24) * 0.03
            return UInt16(min(max((ramp + disc + noise) / 1.3, 0), 1) * top)
        }
    }
}
