/// Something that could not be used. The run goes on without it, and says so.
public struct InputFault: Codable, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        case unreadableFile = "unreadable_file"
        case notUTF8 = "not_utf8"
        case malformedJSON = "malformed_json"
        case malformedCSV = "malformed_csv"
        case missingColumn = "missing_column"
        case notANumber = "not_a_number"
        case duplicateID = "duplicate_id"
        case onlyInReference = "only_in_reference"
        case onlyInCandidate = "only_in_candidate"
        case tooLong = "too_long"
        case emptyBox = "empty_box"
        case notAReport = "not_a_report"
    }

    /// What went wrong.
    public let kind: Kind
    /// The file's name.
    public let file: String
    /// The row, counted from 1 with the header line, when there is one.
    public let row: Int?
    /// What exactly, for a person.
    public let detail: String

    public var description: String {
        row.map { "\(file), row \($0): \(detail)" } ?? "\(file): \(detail)"
    }
}

/// An input that cannot be used at all.
public enum InputError: Error, CustomStringConvertible, Equatable {
    case unreadable(String, reason: String)
    case unknownFormat(String)
    case noRows(String)
    case noColumn(String, wanted: String, found: [String])
    case noLabels(String)

    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .unknownFormat(let file):
            "\(file) is neither a directory of DICOM SR nor a .jsonl, .ndjson, .csv or .tsv file."
        case .noRows(let file): "\(file) holds no row that could be used."
        case .noColumn(let file, let wanted, let found):
            "\(file) has no column \(wanted). It has: \(found.joined(separator: ", "))."
        case .noLabels(let what): "\(what) have no label column with numbers in common."
        }
    }
}
