/// The value of a hash function or of a keyed hash.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// The digest's bytes, in the order the function's standard gives them.
    public let bytes: [UInt8]

    /// Takes bytes that are a digest already.
    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads hexadecimal digits of either case; nil when they are no whole number of bytes.
    public init?(hex: some StringProtocol) {
        guard let bytes = Hexadecimal.decode(hex) else { return nil }
        self.bytes = bytes
    }

    /// Lower-case hexadecimal digits.
    public var hex: String { Hexadecimal.encode(bytes) }

    public var description: String { hex }
}

/// Bytes as hexadecimal digits.
public enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Lower-case digits, two a byte.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { target in
            var position = 0
            for byte in bytes {
                target[position] = digits[Int(byte >> 4)]
                target[position + 1] = digits[Int(byte & 15)]
                position += 2
            }
            return position
        }
    }

    /// The bytes that digits of either case stand for; nil for anything but pairs of digits.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text.utf8 {
            let value: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = character - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}
