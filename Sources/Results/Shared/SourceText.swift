import DICOM

/// Copies attributes of a source into a UTF-8 dataset.
///
/// Values stay as they are byte for byte, and text outside ASCII is transcoded from the declared character set. Where
/// the declared set is unknown or the bytes do not fit it (a common fault of modalities), that one attribute is taken
/// as UTF-8 if it is valid UTF-8, otherwise as ISO 8859-1, in which every byte has a meaning: a garbled name is better
/// than a lost result, and the fault is noted. A date, an age or another formatted value that is malformed is left out,
/// and noted too.
struct SourceText {
    /// Specific Character Set of the source, as declared.
    let characterSet: String?
    /// The attributes that did not fit the declared character set.
    private(set) var misfits: [Tag] = []
    /// The attributes that were left out because a value is malformed.
    private(set) var malformed: [Tag] = []

    private static let textVRs: Set<String> = ["SH", "LO", "ST", "LT", "UC", "UT", "PN"]

    init(characterSet: String?) {
        self.characterSet = characterSet
    }

    /// Copies one attribute with all below it. Nothing happens when the source does not have it.
    mutating func copy(_ tag: Tag, vr: String, from source: Dataset, to target: Dataset) throws {
        if vr == "SQ" {
            try copySequence(tag, from: source, to: target)
        } else if let bytes = Self.value(tag, of: source), !ValueFormat.isWellFormed(bytes, vr: vr) {
            malformed.append(tag)
        } else if Self.textVRs.contains(vr), let bytes = Self.value(tag, of: source), needsTranscoding(bytes) {
            try transcode(tag, vr: vr, bytes: bytes, to: target)
        } else {
            target.copy(tag, from: source)
        }
    }

    private mutating func copySequence(_ tag: Tag, from source: Dataset, to target: Dataset) throws {
        try target.setEmptySequence(tag)
        for item in source.items(tag) {
            let copy = try target.appendItem(tag)
            // An item may declare a character set of its own (PS3.3 C.12.1.1.2).
            var text = SourceText(characterSet: item.text(.specificCharacterSet) ?? characterSet)
            for (nested, vr) in item.elements where nested != .specificCharacterSet {
                try text.copy(nested, vr: vr, from: item, to: copy)
            }
            if !text.misfits.isEmpty { misfits.append(tag) }
            if !text.malformed.isEmpty { malformed.append(tag) }
        }
    }

    /// The value without the padding to even length, for which DCMTK's memory holds zeros.
    private static func value(_ tag: Tag, of source: Dataset) -> [UInt8]? {
        guard var bytes = source.bytes(tag) else { return nil }
        while bytes.last == 0 { bytes.removeLast() }
        return bytes
    }

    private func needsTranscoding(_ bytes: [UInt8]) -> Bool {
        // JIS X 0201 differs from ASCII in two printable characters.
        let differsFromASCII = characterSet?.contains("13") == true
        return differsFromASCII || bytes.contains { $0 >= 0x80 || $0 == 0x1B }
    }

    private mutating func transcode(_ tag: Tag, vr: String, bytes: [UInt8], to target: Dataset) throws {
        let declared = (characterSet ?? "").split(separator: "\\", omittingEmptySubsequences: false).map(String.init)
        if let text = CharacterSet(declared: declared)?.decode(bytes, isPersonName: vr == "PN") {
            try target.set(tag, bytes: Array(text.utf8), vr: vr)
            return
        }
        misfits.append(tag)
        let text = String(validating: bytes, as: UTF8.self) ?? Self.latin1(bytes)
        let printable = text.unicodeScalars.filter { scalar in
            scalar.properties.generalCategory != .control || scalar == "\r" || scalar == "\n"
        }
        try target.set(tag, bytes: Array(String(String.UnicodeScalarView(printable)).utf8), vr: vr)
    }

    private static func latin1(_ bytes: [UInt8]) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
