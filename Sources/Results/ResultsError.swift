/// Why result objects cannot be built.
public enum ResultsError: Error, Equatable, CustomStringConvertible {
    /// No source file was given.
    case noSource
    /// A source file lacks an attribute without which nothing can refer to it.
    case incompleteSource(file: String, attribute: String)
    /// A source file belongs to another study than the reading, or to another patient than the first source.
    case foreignSource(file: String, attribute: String, expected: String, found: String)
    /// The reading names an image for which no source file was given.
    case missingSource(sopInstanceUID: String)
    /// The reading's description of an image contradicts the file.
    case contradictedSource(file: String, attribute: String, reading: String, found: String)
    /// A revision number below 1, or a first revision with a predecessor, or a later one without.
    case invalidRevision(String)
    /// A font file is not there or not a font.
    case unusableFont(path: String, reason: String)
    /// An identity or option does not fit DICOM.
    case invalidOption(name: String, reason: String)
    /// The source's pixel data cannot be shown.
    case unrenderable(file: String, reason: String)

    /// A sentence for a person: what failed, on which input, what to do.
    public var description: String {
        switch self {
        case .noSource: "No source image was given; result objects take patient and study from one."
        case .incompleteSource(let file, let attribute): "\(file) has no \(attribute), so no result can refer to it."
        case .foreignSource(let file, let attribute, let expected, let found):
            "\(file) does not belong to this reading: its \(attribute) is \"\(found)\", not \"\(expected)\"."
        case .missingSource(let uid):
            "The reading names the image \(uid), but no source file with this SOP Instance UID was given."
        case .contradictedSource(let file, let attribute, let reading, let found):
            "\(file): the reading says \(attribute) \(reading), the file says \(found). Correct the reading."
        case .invalidRevision(let why): "The revision is not valid: \(why)."
        case .unusableFont(let path, let reason):
            "The font \(path) cannot be used (\(reason)). Install fonts-dejavu-core or name another font."
        case .invalidOption(let name, let reason): "\(name) is not valid: \(reason)."
        case .unrenderable(let file, let reason): "The pixels of \(file) cannot be shown: \(reason)."
        }
    }
}
