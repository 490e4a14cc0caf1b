import DICOM
import Findings

extension Dataset {
    /// Appends an item with a code to a code sequence (PS3.3 Table 8.8-1).
    func append(_ code: Code, to sequence: Tag) throws {
        let item = try appendItem(sequence)
        try item.set(.codeValue, code.value)
        try item.set(.codingSchemeDesignator, code.scheme)
        try item.set(.codeMeaning, code.meaning)
    }

    /// The code in a code sequence's first item, when it has all three parts.
    func code(_ sequence: Tag) -> Code? {
        guard let item = items(sequence).first, let value = item.text(.codeValue),
            let scheme = item.text(.codingSchemeDesignator), let meaning = item.text(.codeMeaning)
        else { return nil }
        let code = Code(value: value, scheme: scheme, meaning: meaning)
        return code.isWellFormed ? code : nil
    }

    /// Writes 32-bit floats.
    func set(_ tag: Tag, floats: [Float]) throws {
        let bytes = floats.withUnsafeBytes { Array($0) }
        try set(tag, bytes: bytes, vr: "FL")
    }

    /// Sets an element when there is a value, and else leaves it out.
    func set(_ tag: Tag, ifPresent text: String?) throws {
        if let text, !text.isEmpty { try set(tag, text) }
    }
}
