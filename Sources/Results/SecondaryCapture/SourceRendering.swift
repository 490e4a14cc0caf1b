import DICOM
import Findings
import Radiography

extension SourceInstance {
    /// The first frame as a viewer first shows it; decoded once.
    ///
    /// - Throws: `ResultsError.unrenderable` with the decoder's reason.
    func presented() throws -> PresentedImage {
        if let decoded { return decoded }
        do {
            let image = try PresentedImage(DICOMFile(contentsOf: url))
            decoded = image
            return image
        } catch let error as RadiographyError {
            throw ResultsError.unrenderable(file: url.lastPathComponent, reason: error.description)
        } catch let error as DICOMError {
            throw ResultsError.unrenderable(file: url.lastPathComponent, reason: error.description)
        }
    }
}

extension GrayPicture {
    /// Shows a source in its own window, in its own orientation.
    ///
    /// - Throws: `ResultsError.unrenderable`.
    init(rendering image: SourceImage, from source: SourceInstance) throws {
        guard image.frame == 1 else {
            throw ResultsError.unrenderable(
                file: source.url.lastPathComponent, reason: "only the first frame can be shown, not \(image.frame)")
        }
        let presented = try source.presented()
        self.init(columns: presented.columns, rows: presented.rows, pixels: presented.gray8)
    }
}
