import Findings
import Radiography

/// One image to be looked at.
public struct ReadingImage: Sendable {
    /// How DICOM names it, and its size.
    public var source: SourceImage
    /// The picture; its `toSource` leads back to the source's pixels.
    public var radiograph: Radiograph
    /// The projection.
    public var projection: ViewEvidence.Projection
    /// SHA-256 of the stored file, lower-case hexadecimal.
    public var sha256: String

    /// An image of a study.
    public init(source: SourceImage, radiograph: Radiograph, projection: ViewEvidence.Projection, sha256: String) {
        self.source = source
        self.radiograph = radiograph
        self.projection = projection
        self.sha256 = sha256
    }
}

/// A study to be read.
public struct ReadingRequest: Sendable {
    /// Study Instance UID (0020,000D).
    public var studyInstanceUID: String
    /// The images, the frontal that leads the reading first.
    public var images: [ReadingImage]
    /// What the header tells beside the pixels.
    public var context: ClinicalContext
    /// Time from the call; a reading that is not whole by then fails with ``ReadingError/deadline``.
    public var deadline: Duration?

    /// A request.
    public init(
        studyInstanceUID: String, images: [ReadingImage], context: ClinicalContext, deadline: Duration? = nil
    ) {
        self.studyInstanceUID = studyInstanceUID
        self.images = images
        self.context = context
        self.deadline = deadline
    }
}

/// Why a study could not be read.
public enum ReadingError: Error, Equatable, CustomStringConvertible {
    /// The request has no image.
    case noImage
    /// The reading was not whole in time.
    case deadline
    /// The model cannot do what was asked.
    case unsupported(task: String, model: String)
    /// The model gave nothing that a reading could be made of.
    case unusableAnswer(String)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .noImage: "There is no image to read."
        case .deadline: "The reading was not finished in time."
        case .unsupported(let task, let model): "\(model) cannot \(task)."
        case .unusableAnswer(let why): "The model's answer cannot be used: \(why)."
        }
    }
}

/// A study whose answer cannot be used, with what the model was asked and what it said: it is kept for whoever asks why.
public struct UnusableReading: Error, CustomStringConvertible {
    /// What is wrong with the answer.
    public var reason: String
    /// How it came about.
    public var record: ReadingRecord

    /// The same sentence as ``ReadingError/unusableAnswer(_:)``.
    public var description: String { ReadingError.unusableAnswer(reason).description }

    /// An answer and its fault.
    public init(reason: String, record: ReadingRecord) {
        self.reason = reason
        self.record = record
    }
}
