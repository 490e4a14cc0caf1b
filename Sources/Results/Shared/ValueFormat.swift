/// Whether values of the source may stand in a result (PS3.5 6.2).
///
/// One malformed value makes a whole result invalid, and archives refuse invalid objects. What it was meant to be is not
/// ours to guess. Texts are not judged: they are names and identifiers, which nobody may shorten.
enum ValueFormat {
    /// Whether each value of an attribute, the empty one too, has the format of its value representation.
    static func isWellFormed(_ bytes: [UInt8], vr: String) -> Bool {
        guard let isValid = rules[vr] else { return true }
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        return text.split(separator: "\\", omittingEmptySubsequences: false).allSatisfy { value in
            let value = value.trimmed
            return value.isEmpty || isValid(value)
        }
    }

    private static let rules: [String: @Sendable (Substring) -> Bool] = [
        "AS": { $0.wholeMatch(of: /\d{3}[DWMY]/) != nil },
        "CS": { $0.wholeMatch(of: /[A-Z0-9 _]{1,16}/) != nil },
        "DA": { $0.wholeMatch(of: /\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])/) != nil },
        "DS": { $0.count <= 16 && $0.wholeMatch(of: /[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?/) != nil },
        "IS": { $0.count <= 12 && $0.wholeMatch(of: /[+-]?\d+/) != nil && Int32($0) != nil },
        "TM": { $0.wholeMatch(of: /([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?|60(\.\d{1,6})?)?)?/) != nil },
        "UI": { $0.count <= 64 && $0.wholeMatch(of: /(0|[1-9]\d*)(\.(0|[1-9]\d*))*/) != nil },
    ]
}

extension Substring {
    /// Without the padding of DICOM values.
    fileprivate var trimmed: Substring {
        var value = self
        while let last = value.last, last == " " || last == "\0" { value.removeLast() }
        while value.first == " " { value.removeFirst() }
        return value
    }
}
