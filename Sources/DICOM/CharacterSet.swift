import Foundation

/// Text of a declared Specific Character Set (0008,0005) as Unicode (PS3.5 6.1, PS3.3 C.12.1.1.2).
///
/// Debian's DCMTK converts through the C library's iconv, which lacks the code extensions of ISO 2022 (Japanese,
/// Korean, Chinese with escape sequences). This decoder follows the escape sequences itself and asks iconv only for
/// the tables. It is lenient where senders are careless: escape sequences count whether or not their set was declared,
/// and a right-hand set stays designated past a delimiter.
public struct CharacterSet: Sendable {
    private let encoding: Encoding

    private enum Encoding: Sendable {
        /// One encoding for the whole value.
        case whole(String)
        /// Code extensions from these initial sets.
        case extended(CodeTable, right: CodeTable?)
    }

    /// The character set of a header.
    ///
    /// - Parameter declared: The values of Specific Character Set; empty for the default repertoire.
    /// - Returns: nil when the first value is not a defined term of PS3.3 C.12.1.1.2.
    public init?(declared: [String]) {
        let terms = declared.map { $0.trimmingCharacters(in: .whitespaces).uppercased() }
        let first = terms.first ?? ""
        switch first {
        case "ISO_IR 192": encoding = .whole("UTF-8")
        case "GB18030": encoding = .whole("GB18030")
        case "GBK": encoding = .whole("GBK")
        case "", "ISO_IR 6", "ISO 2022 IR 6": encoding = .extended(.ascii, right: nil)
        case "ISO_IR 13", "ISO 2022 IR 13": encoding = .extended(.romaji, right: .katakana)
        case "ISO 2022 IR 87", "ISO 2022 IR 159", "ISO 2022 IR 149", "ISO 2022 IR 58":
            // Not allowed as a first value, but met: the left side is ASCII until an escape sequence comes.
            encoding = .extended(.ascii, right: nil)
        default:
            let number = first.replacingOccurrences(of: "ISO 2022 IR ", with: "")
                .replacingOccurrences(of: "ISO_IR ", with: "")
            guard let table = CodeTable.rightHandSets[number] else { return nil }
            encoding = .extended(.ascii, right: table)
        }
    }

    /// The text of a value, or nil when its bytes do not fit the character set.
    ///
    /// - Parameter isPersonName: Whether carets and equals signs delimit, as in PN.
    public func decode(_ bytes: [UInt8], isPersonName: Bool) -> String? {
        switch encoding {
        case .whole("UTF-8"): String(validating: bytes, as: UTF8.self)
        case .whole(let name): Iconv.decode(bytes, from: name)
        case .extended(let left, let right):
            CodeExtension(left: left, right: right, isPersonName: isPersonName).decode(bytes)
        }
    }
}

/// A table that an escape sequence designates to the left (bytes 20-7F) or right (A0-FF) side.
private enum CodeTable: Hashable, Sendable {
    case ascii, romaji, katakana
    /// ISO 8859 and its like: bytes of the right side, by iconv's name.
    case singleByte(String)
    /// Two bytes a character, by the name of iconv's EUC encoding, with a prefix that EUC wants.
    case doubleByte(String, prefix: [UInt8])

    static let kanji = CodeTable.doubleByte("EUC-JP", prefix: [])
    static let supplementaryKanji = CodeTable.doubleByte("EUC-JP", prefix: [0x8F])
    static let korean = CodeTable.doubleByte("EUC-KR", prefix: [])
    static let simplifiedChinese = CodeTable.doubleByte("GB2312", prefix: [])

    /// By ISO-IR registration number.
    static let rightHandSets: [String: CodeTable] = [
        "100": .singleByte("ISO-8859-1"), "101": .singleByte("ISO-8859-2"), "109": .singleByte("ISO-8859-3"),
        "110": .singleByte("ISO-8859-4"), "144": .singleByte("ISO-8859-5"), "127": .singleByte("ISO-8859-6"),
        "126": .singleByte("ISO-8859-7"), "138": .singleByte("ISO-8859-8"), "148": .singleByte("ISO-8859-9"),
        "203": .singleByte("ISO-8859-15"), "166": .singleByte("TIS-620"),
    ]

    /// By what follows ESC (PS3.3 Tables C.12-3 and C.12-4): the side that changes, and the table.
    static let escapes: [(sequence: [UInt8], isRight: Bool, table: CodeTable)] = {
        func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
        let right: [(String, CodeTable)] = [
            (")I", .katakana), ("-A", rightHandSets["100"]!), ("-B", rightHandSets["101"]!),
            ("-C", rightHandSets["109"]!), ("-D", rightHandSets["110"]!), ("-L", rightHandSets["144"]!),
            ("-G", rightHandSets["127"]!), ("-F", rightHandSets["126"]!), ("-H", rightHandSets["138"]!),
            ("-M", rightHandSets["148"]!), ("-b", rightHandSets["203"]!), ("-T", rightHandSets["166"]!),
            ("$)C", .korean), ("$)A", .simplifiedChinese),
        ]
        let left: [(String, CodeTable)] = [
            ("(B", .ascii), ("(J", .romaji), ("$B", .kanji), ("$@", .kanji), ("$(D", .supplementaryKanji),
        ]
        return right.map { (bytes($0.0), true, $0.1) } + left.map { (bytes($0.0), false, $0.1) }
    }()
}

/// Decodes one value that uses escape sequences.
private struct CodeExtension {
    let left: CodeTable
    let right: CodeTable?
    let isPersonName: Bool

    func decode(_ bytes: [UInt8]) -> String? {
        var text = ""
        var (currentLeft, currentRight) = (left, right)
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == 0x1B {
                let rest = bytes[(position + 1)...]
                guard let escape = CodeTable.escapes.first(where: { rest.starts(with: $0.sequence) }) else {
                    return nil
                }
                if escape.isRight { currentRight = escape.table } else { currentLeft = escape.table }
                position += 1 + escape.sequence.count
            } else if byte < 0x21 || byte == 0x7F {
                if byte == 0x0A || byte == 0x0C || byte == 0x0D { currentLeft = left }
                text.unicodeScalars.append(Unicode.Scalar(byte))
                position += 1
            } else {
                let table = byte < 0x80 ? currentLeft : currentRight
                guard let table, let (character, length) = self.character(table, bytes[position...]) else { return nil }
                text += character
                position += length
                if length == 1, isDelimiter(byte) {
                    currentLeft = left
                    currentRight = right ?? currentRight
                }
            }
        }
        return text
    }

    private func isDelimiter(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\\") || isPersonName && (byte == UInt8(ascii: "^") || byte == UInt8(ascii: "="))
    }

    private func character(_ table: CodeTable, _ bytes: ArraySlice<UInt8>) -> (String, Int)? {
        let byte = bytes[bytes.startIndex]
        switch table {
        case .ascii:
            return (String(Unicode.Scalar(byte)), 1)
        case .romaji:
            // The yen sign's place stays a backslash, which DICOM reads as the delimiter of values.
            return (byte == 0x7E ? "\u{203E}" : String(Unicode.Scalar(byte)), 1)
        case .katakana:
            guard (0xA1...0xDF).contains(byte), let scalar = Unicode.Scalar(0xFF61 + UInt32(byte) - 0xA1) else {
                return nil
            }
            return (String(scalar), 1)
        case .singleByte(let name):
            return Iconv.decode([byte], from: name).map { ($0, 1) }
        case .doubleByte(let name, let prefix):
            guard let next = bytes.dropFirst().first else { return nil }
            return Iconv.decode(prefix + [byte | 0x80, next | 0x80], from: name).map { ($0, 2) }
        }
    }
}

/// The C library's tables.
private enum Iconv {
    /// nil when the encoding is unknown or the bytes are not in it.
    static func decode(_ bytes: [UInt8], from encoding: String) -> String? {
        guard let converter = iconv_open("UTF-8", encoding), converter != iconv_t(bitPattern: -1) else { return nil }
        defer { iconv_close(converter) }
        var input = bytes.map { CChar(bitPattern: $0) }
        var output = [CChar](repeating: 0, count: bytes.count * 4 + 16)
        let capacity = output.count
        return input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                var from = source.baseAddress
                var to = target.baseAddress
                var left = source.count
                var room = capacity
                guard iconv(converter, &from, &left, &to, &room) != -1, left == 0 else { return nil }
                let used = target[..<(capacity - room)].map { UInt8(bitPattern: $0) }
                return String(validating: used, as: UTF8.self)
            }
        }
    }
}
