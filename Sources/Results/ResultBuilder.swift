import DICOM
import Findings
import Foundation

/// Turns readings into DICOM objects.
///
/// The same reading, sources, revision, identity and instant give the same bytes, on every machine and at any time.
public struct ResultBuilder: Sendable {
    /// The device that signs.
    public var identity: GatewayIdentity
    /// What the destination wants.
    public var options: ResultOptions
    /// The zone of dates and times for sources that do not name theirs.
    public var localTimeZone: TimeZone
    /// The codes of findings and reasons.
    public var terminology: Terminology

    /// A builder for one destination.
    public init(
        identity: GatewayIdentity, options: ResultOptions = .standard, localTimeZone: TimeZone = .current,
        terminology: Terminology = .standard
    ) {
        self.identity = identity
        self.options = options
        self.localTimeZone = localTimeZone
        self.terminology = terminology
    }

    /// Builds the objects of one reading and writes them into a directory.
    ///
    /// A reading gives a narrative and a findings report; each image with regions a presentation state and an overlay
    /// (without any region, the first image one overlay with the finding list); flagged findings a key-object note. An
    /// abstention gives the two reports with the coded reason and nothing else.
    ///
    /// - Parameters:
    ///   - reading: What the model says, or why it says nothing. It is validated; boxes that stick out of their image
    ///     by a rounding error are cut.
    ///   - sources: The files of the images that the reading names; others of the same study are allowed. At least
    ///     one.
    ///   - revision: Which edition this is, and what it replaces.
    ///   - instant: When the reading was made.
    ///   - directory: An existing directory. Files are named after kind and image, `overlay-1.dcm`.
    /// - Returns: The objects in the order of their kinds.
    /// - Throws: `InvalidReading`, `ResultsError`, `DICOMError` or a file error. Objects are built before the first is
    ///   written, so that a fault leaves no part of a set.
    public func build(
        _ reading: Reading, sources: [SourceInstance], revision: Revision = .first, instant: Date,
        into directory: URL
    ) throws -> [ResultObject] {
        let context = try BuildContext(
            reading: reading, sources: sources, identity: identity, revision: revision, options: options,
            instant: instant, localTimeZone: localTimeZone, terminology: terminology)
        var drafts = try reports(context)
        if context.reading.abstention == nil {
            drafts += try presentationStates(context)
            drafts += try overlays(context)
            drafts += try keyObjects(context)
        }
        return try drafts.map { draft in
            let url = directory.appendingPathComponent("\(draft.name).dcm")
            try draft.file.write(to: url)
            return ResultObject(
                reference: draft.reference, sourceSOPInstanceUID: draft.image?.sopInstanceUID, file: url)
        }
    }

    /// An object in memory.
    private struct Draft {
        let name: String
        let reference: ResultReference
        var image: SourceImage?
        let file: DICOMFile
    }

    private func reports(_ context: BuildContext) throws -> [Draft] {
        let documents = [
            ReportDocument(
                kind: .narrative, sopClassUID: NarrativeReport.sopClassUID,
                content: NarrativeReport(context: context).content),
            ReportDocument(
                kind: .findings, sopClassUID: options.findingsClass.sopClassUID,
                content: FindingsReport(context: context).content),
        ]
        return try documents.filter { options.kinds.contains($0.kind) }.map { document in
            Draft(
                name: document.kind.rawValue, reference: document.reference(in: context),
                file: try document.file(in: context))
        }
    }

    private func presentationStates(_ context: BuildContext) throws -> [Draft] {
        guard options.kinds.contains(.presentation) else { return [] }
        return try context.markedImages.enumerated().map { index, image in
            let state = PresentationState(context: context, image: image, index: index)
            return Draft(
                name: "\(ResultKind.presentation.rawValue)-\(index + 1)", reference: state.reference(), image: image,
                file: try state.file())
        }
    }

    private func overlays(_ context: BuildContext) throws -> [Draft] {
        guard options.kinds.contains(.overlay) else { return [] }
        let fonts = try FontLibrary(options.fonts)
        let images = context.markedImages.isEmpty ? Array(context.reading.images.prefix(1)) : context.markedImages
        return try images.enumerated().map { index, image in
            let picture = try GrayPicture(rendering: image, from: context.source(of: image))
            let capture = OverlayCapture(context: context, image: image, index: index)
            return Draft(
                name: "\(ResultKind.overlay.rawValue)-\(index + 1)", reference: capture.reference(), image: image,
                file: try capture.file(picture: picture, fonts: fonts))
        }
    }

    private func keyObjects(_ context: BuildContext) throws -> [Draft] {
        guard options.kinds.contains(.keyObjects) else { return [] }
        let note = KeyObjectNote(context: context)
        guard let file = try note.file() else { return [] }
        return [Draft(name: ResultKind.keyObjects.rawValue, reference: note.reference(), file: file)]
    }
}
