/// What can be wrong with a DICOM file or value.
public enum DICOMError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be read as DICOM.
    case unreadable(file: String, reason: String)
    /// The file cannot be written.
    case unwritable(file: String, reason: String)
    /// A value does not fit its attribute.
    case invalidValue(tag: Tag, reason: String)
    /// A string is not a UID (PS3.5 9.1).
    case invalidUID(String)
    /// Text cannot be converted to UTF-8.
    case characterSet(reason: String)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file) cannot be read as DICOM: \(reason)"
        case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)"
        case .invalidValue(let tag, let reason): "the value of \(tag) is not valid: \(reason)"
        case .invalidUID(let text): "'\(text)' is not a DICOM UID (digits and dots, at most 64 characters)"
        case .characterSet(let reason): "the text cannot be converted to UTF-8: \(reason)"
        }
    }
}
