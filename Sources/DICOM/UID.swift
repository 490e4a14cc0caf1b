import Cryptography

/// A DICOM unique identifier (PS3.5 9.1).
public struct UID: Hashable, Sendable, CustomStringConvertible {
    /// Digits and dots, at most 64 characters.
    public let description: String

    /// Checks a received UID.
    ///
    /// Components with a leading zero, which PS3.5 forbids and real senders produce, are accepted: the string stays
    /// safe as a path component, which is what this check is for.
    ///
    /// - Throws: `DICOMError.invalidUID`.
    public init(_ text: String) throws {
        let components = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard !text.isEmpty, text.utf8.count <= 64,
            components.allSatisfy({ !$0.isEmpty && $0.allSatisfy(digits.contains) })
        else {
            throw DICOMError.invalidUID(String(text.prefix(80)))
        }
        description = text
    }

    private init(uuid bytes: [UInt8]) {
        let value = bytes.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        description = "2.25.\(value)"
    }

    /// A new random UID: `2.25.` and a version 4 UUID (PS3.5 B.2).
    public static func random() -> UID {
        var generator = SystemRandomNumberGenerator()
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        stamp(version: 4, on: &bytes)
        return UID(uuid: bytes)
    }

    /// The same UID for the same parts: `2.25.` and a version 5 UUID (RFC 4122 4.3) in this product's name space.
    ///
    /// Parts are joined with their lengths, so that no two lists give the same name.
    public static func derived(from parts: [String]) -> UID {
        var name = namespace
        for part in parts {
            name += Array("\(part.utf8.count):\(part);".utf8)
        }
        var bytes = Array(SHA1.hash(name).bytes.prefix(16))
        stamp(version: 5, on: &bytes)
        return UID(uuid: bytes)
    }

    /// The name space of derived UIDs: the UUID in `Implementation.classUID`, fixed for ever.
    private static let namespace: [UInt8] = [
        0x78, 0x90, 0x5e, 0x54, 0x2b, 0x1c, 0x4f, 0x0a, 0x9d, 0x6e, 0x3a, 0x51, 0xc2, 0x77, 0x80, 0x1f,
    ]

    private static func stamp(version: UInt8, on bytes: inout [UInt8]) {
        bytes[6] = bytes[6] & 0x0f | version << 4
        bytes[8] = bytes[8] & 0x3f | 0x80
    }
}
