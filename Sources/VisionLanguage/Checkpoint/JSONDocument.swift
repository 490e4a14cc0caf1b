/// A JSON value that keeps what `JSONSerialization` loses and checkpoint files need: the order of members, duplicate
/// names as an error, and strings compared by their bytes (Swift's `String` takes canonically equivalent tokens of a
/// vocabulary for the same key).
indirect enum JSONDocument: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONDocument])
    case object([(name: String, value: JSONDocument)])

    /// Parses a complete JSON text.
    ///
    /// - Parameter uniqueNames: whether a repeated member name in an object is an error.
    /// - Throws: ``JSONDocumentError`` with the byte offset.
    static func parse(_ bytes: UnsafeRawBufferPointer, uniqueNames: Bool) throws -> JSONDocument {
        var parser = JSONParser(bytes: bytes, uniqueNames: uniqueNames)
        return try parser.parseDocument()
    }

    static func parse(_ bytes: [UInt8], uniqueNames: Bool = true) throws -> JSONDocument {
        try bytes.withUnsafeBytes { try parse($0, uniqueNames: uniqueNames) }
    }

    /// The member of that name, or nil where there is none or it is null.
    subscript(_ name: String) -> JSONDocument? {
        guard case .object(let members) = self else { return nil }
        for member in members where member.name.utf8.elementsEqual(name.utf8) {
            if case .null = member.value { return nil }
            return member.value
        }
        return nil
    }

    var string: String? {
        if case .string(let value) = self { return value }
        return nil
    }

    var bool: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    var integer: Int? {
        if case .number(let value) = self { return Int(exactly: value) }
        return nil
    }

    var array: [JSONDocument]? {
        if case .array(let value) = self { return value }
        return nil
    }

    var members: [(name: String, value: JSONDocument)]? {
        if case .object(let value) = self { return value }
        return nil
    }
}

/// Why a JSON text could not be read, and where.
enum JSONDocumentError: Error, CustomStringConvertible {
    case syntax(String, offset: Int)
    case duplicateName(String, offset: Int)

    var description: String {
        switch self {
        case .syntax(let problem, let offset): "\(problem) at byte \(offset)"
        case .duplicateName(let name, let offset): "the name \"\(name)\" occurs twice (byte \(offset))"
        }
    }
}

/// RFC 8259 by recursive descent, with a limit on depth.
private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    let uniqueNames: Bool
    var position = 0

    private static let maximumDepth = 64

    init(bytes: UnsafeRawBufferPointer, uniqueNames: Bool) {
        self.bytes = bytes
        self.uniqueNames = uniqueNames
    }

    mutating func parseDocument() throws -> JSONDocument {
        let value = try parseValue(depth: 0)
        skipWhitespace()
        guard position == bytes.count else { throw failure("text after the end of the value") }
        return value
    }

    private func failure(_ problem: String) -> JSONDocumentError { .syntax(problem, offset: position) }

    private mutating func skipWhitespace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    private mutating func parseValue(depth: Int) throws -> JSONDocument {
        guard depth < Self.maximumDepth else { throw failure("nested too deeply") }
        skipWhitespace()
        guard position < bytes.count else { throw failure("unexpected end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try parseObject(depth: depth)
        case UInt8(ascii: "["): return try parseArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseLiteral("true", .bool(true))
        case UInt8(ascii: "f"): return try parseLiteral("false", .bool(false))
        case UInt8(ascii: "n"): return try parseLiteral("null", .null)
        default: return try parseNumber()
        }
    }

    private mutating func parseLiteral(_ text: StaticString, _ value: JSONDocument) throws -> JSONDocument {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count,
            (0..<count).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
        else { throw failure("unknown word") }
        position += count
        return value
    }

    private mutating func parseNumber() throws -> JSONDocument {
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                position += 1
                continue
            default: break
            }
            break
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text) else { throw JSONDocumentError.syntax("not a value", offset: start) }
        return .number(value)
    }

    private mutating func parseArray(depth: Int) throws -> JSONDocument {
        position += 1
        var values: [JSONDocument] = []
        skipWhitespace()
        if try consume(UInt8(ascii: "]")) { return .array(values) }
        while true {
            values.append(try parseValue(depth: depth + 1))
            skipWhitespace()
            if try consume(UInt8(ascii: "]")) { return .array(values) }
            guard try consume(UInt8(ascii: ",")) else { throw failure("expected , or ]") }
        }
    }

    private mutating func parseObject(depth: Int) throws -> JSONDocument {
        position += 1
        var members: [(name: String, value: JSONDocument)] = []
        var names = Set<[UInt8]>()
        skipWhitespace()
        if try consume(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipWhitespace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw failure("expected a member name")
            }
            let start = position
            let name = try parseString()
            if uniqueNames, !names.insert(Array(name.utf8)).inserted {
                throw JSONDocumentError.duplicateName(name, offset: start)
            }
            skipWhitespace()
            guard try consume(UInt8(ascii: ":")) else { throw failure("expected :") }
            members.append((name, try parseValue(depth: depth + 1)))
            skipWhitespace()
            if try consume(UInt8(ascii: "}")) { return .object(members) }
            guard try consume(UInt8(ascii: ",")) else { throw failure("expected , or }") }
        }
    }

    private mutating func consume(_ byte: UInt8) throws -> Bool {
        guard position < bytes.count else { throw failure("unexpected end") }
        guard bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func parseString() throws -> String {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"),
            bytes[position] >= 0x20
        {
            position += 1
        }
        var text = try decodeUTF8(start..<position)
        while true {
            guard position < bytes.count else { throw failure("unterminated string") }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return text
            case UInt8(ascii: "\\"):
                text.unicodeScalars.append(try parseEscape())
            case 0..<0x20:
                throw failure("control character in a string")
            default:
                let run = position
                while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
                    bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20
                {
                    position += 1
                }
                text += try decodeUTF8(run..<position)
            }
        }
    }

    private func decodeUTF8(_ range: Range<Int>) throws -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw JSONDocumentError.syntax("invalid UTF-8 in a string", offset: range.lowerBound)
        }
        return text
    }

    private mutating func parseEscape() throws -> Unicode.Scalar {
        position += 1
        guard position < bytes.count else { throw failure("unterminated string") }
        let escape = bytes[position]
        position += 1
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(escape)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try parseHexadecimal()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            guard (0xD800..<0xDC00).contains(unit), position + 1 < bytes.count,
                bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
            else { throw failure("unpaired surrogate") }
            position += 2
            let low = try parseHexadecimal()
            guard (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
            else { throw failure("unpaired surrogate") }
            return scalar
        default: throw failure("unknown escape")
        }
    }

    private mutating func parseHexadecimal() throws -> UInt32 {
        guard position + 4 <= bytes.count,
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw failure("bad \\u escape") }
        position += 4
        return value
    }
}
