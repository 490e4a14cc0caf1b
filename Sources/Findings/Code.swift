/// A coded concept as DICOM writes it: code value, coding scheme designator, code meaning (PS3.3 section 8).
public struct Code: Codable, Hashable, Sendable {
    /// Code Value (0008,0100), at most 16 characters.
    public var value: String
    /// Coding Scheme Designator (0008,0102), at most 16 characters.
    public var scheme: String
    /// Code Meaning (0008,0104), at most 64 characters. Viewers match some meanings as text, so it must be exact.
    public var meaning: String

    /// A code from its three parts.
    public init(value: String, scheme: String, meaning: String) {
        self.value = value
        self.scheme = scheme
        self.meaning = meaning
    }

    /// Whether the parts fit the DICOM value representations SH, SH and LO and hold no control character or backslash.
    public var isWellFormed: Bool {
        func fits(_ text: String, _ limit: Int) -> Bool {
            !text.isEmpty && text.unicodeScalars.count <= limit
                && text.first != " " && text.last != " "
                && text.unicodeScalars.allSatisfy { $0 != "\\" && $0.properties.generalCategory != .control }
        }
        return fits(value, 16) && fits(scheme, 16) && fits(meaning, 64)
    }
}

extension Code: CustomStringConvertible {
    public var description: String { "(\(value),\(scheme),\"\(meaning)\")" }
}

/// How well a code has been checked against its owner's dictionary.
public enum CodeVerification: String, Codable, Sendable, CaseIterable {
    /// Found in the DICOM dictionary that pydicom 3.0.2 carries.
    case dictionary
    /// Seen on a SNOMED page or in an official guide.
    case official
    /// Only found in third-party mappings: check again before a release.
    case unconfirmed
    /// Our own, in the private scheme.
    case `private`
}
