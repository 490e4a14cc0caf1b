import DICOM
import Foundation
import Radiography

import struct DICOM.CharacterSet

extension ClinicalContext {
    /// The most characters of one text that go to a model: a page, not a patient file.
    static let longestText = 1_000

    /// The context that an image's header gives.
    ///
    /// The indication is Reason for the Requested Procedure, of the image or of its Request Attributes Sequence, else
    /// Requested Procedure Description. Texts are decoded by the declared character set and left out where they do not
    /// fit it. The patient's name, ID, birth date and accession number are blanked wherever a text repeats them.
    public init(_ dataset: Dataset, projection: ViewEvidence.Projection, age: AgeEvidence?) {
        let header = HeaderText(dataset)
        let levels = [dataset] + dataset.items(.requestAttributesSequence)
        func first(_ tag: Tag) -> String? { levels.lazy.compactMap { header.text(tag, of: $0) }.first }
        self.init(
            indication: first(.reasonForTheRequestedProcedure) ?? first(.requestedProcedureDescription),
            history: header.text(.additionalPatientHistory, of: dataset),
            diagnoses: header.text(.admittingDiagnosesDescription, of: dataset, separator: "; "),
            projection: projection, ageBand: age.map { Self.band(years: $0.years) },
            sex: dataset.text(.patientSex).map { $0.trimmingCharacters(in: .whitespaces).uppercased() }
                .flatMap { ["M", "F", "O"].contains($0) ? $0 : nil })
    }

    /// `40-49`; `90+` from 90 on, as US HIPAA's safe harbour has it.
    static func band(years: Double) -> String {
        let decade = Int(max(years, 0) / 10) * 10
        return decade >= 90 ? "90+" : "\(decade)-\(decade + 9)"
    }
}

/// Free text of a header, decoded and without identifiers.
private struct HeaderText {
    private let declared: [String]
    private let identifiers: [String]

    init(_ dataset: Dataset) {
        declared = dataset.texts(.specificCharacterSet)
        let set = CharacterSet(declared: declared)
        func text(_ tag: Tag, isPersonName: Bool) -> String {
            dataset.bytes(tag).flatMap { set?.decode($0, isPersonName: isPersonName) } ?? dataset.text(tag) ?? ""
        }
        let names = text(.patientName, isPersonName: true).split { "^=\\ ".contains($0) || $0.isWhitespace }
        let numbers = [Tag.patientID, .accessionNumber, .patientBirthDate].map { text($0, isPersonName: false) }
        identifiers = (names.map(String.init) + numbers)
            .map { $0.trimmingCharacters(in: .whitespacesAndNewlines.union(.controlCharacters)) }
            // Ideographic names are short; in letters, two are as often a word.
            .filter { $0.count > 2 || ($0.count == 2 && $0.unicodeScalars.allSatisfy { $0.value > 0x2E7F }) }
    }

    /// The text on one line, or nil where there is none or it does not fit its character set.
    func text(_ tag: Tag, of dataset: Dataset, separator: String? = nil) -> String? {
        // A sequence's item may declare its own set; else its parent's holds (PS3.5 7.5.3).
        let own = dataset.texts(.specificCharacterSet)
        guard let bytes = dataset.bytes(tag),
            var text = CharacterSet(declared: own.isEmpty ? declared : own)?.decode(bytes, isPersonName: false)
        else { return nil }
        if let separator { text = text.replacingOccurrences(of: "\\", with: separator) }
        text = plainLine(text)
        for identifier in identifiers { text = Self.blank(identifier, in: text) }
        return text.isEmpty ? nil : String(text.prefix(ClinicalContext.longestText))
    }

    /// Blanks whole words only: a patient named May must not cost the history its "maybe".
    private static func blank(_ word: String, in text: String) -> String {
        var result = ""
        var rest = text[...]
        while let found = rest.range(of: word, options: [.caseInsensitive, .diacriticInsensitive]) {
            let before = rest[..<found.lowerBound].last ?? result.last
            let after = rest[found.upperBound...].first
            let isWhole = ![before, after].contains { $0.map { $0.isLetter && $0.isASCII || $0.isNumber } ?? false }
            result += rest[..<found.lowerBound] + (isWhole ? "___" : rest[found])
            rest = rest[found.upperBound...]
        }
        return result + rest
    }
}

/// A text without control characters, on one line with single spaces.
func plainLine(_ text: String) -> String {
    let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
    return String(String.UnicodeScalarView(scalars)).split { $0.isWhitespace }.joined(separator: " ")
}
