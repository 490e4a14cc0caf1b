import DICOM
import Foundation

/// A small chest image in a file, for tests that need many studies.
public struct ChestImage: Sendable {
    /// Where the file is.
    public let url: URL
    /// Study Instance UID.
    public let study: String
    /// SOP Instance UID.
    public let sopInstance: String

    /// Writes an image.
    ///
    /// - Parameters:
    ///   - study: The study; one of its own by default.
    ///   - patient: The Patient ID; one that follows from the study by default.
    ///   - change: Changes the picture before it is written.
    ///   - edit: Changes the file before it is written.
    public init(
        in directory: URL, study: String = UID.random().description, view: String = "PA", patient: String? = nil,
        change: (inout SyntheticRadiograph) -> Void = { _ in }, edit: (DICOMFile) throws -> Void = { _ in }
    ) throws {
        var picture = SyntheticRadiograph()
        picture.rows = 320
        picture.columns = 256
        picture.viewPosition = view
        picture.studyInstanceUID = study
        picture.seriesInstanceUID = UID.random().description
        picture.sopInstanceUID = UID.random().description
        picture.patientID = patient ?? "P\(study.suffix(10))"
        change(&picture)
        let file = try picture.file()
        try edit(file)
        url = directory.appendingPathComponent("\(picture.sopInstanceUID).dcm")
        try file.write(to: url)
        self.study = study
        sopInstance = picture.sopInstanceUID
    }
}
