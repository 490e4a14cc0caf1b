import ChestReading
import DICOM
import DICOMNetwork
import Foundation
import Gateway
import Results

/// The study that the demonstration sends.
struct DemoStudy {
    /// When the images went to the gateway.
    struct Sending {
        let begun: Date
        /// When the association was released.
        let released: Date
    }

    /// What a model that names nothing is asked to draw.
    private static let standardText = "PA view, large left pleural effusion"

    let studyInstanceUID: String
    let files: [URL]
    /// What it is, for people.
    let introduction: String

    /// Takes the named image, or has the model draw one.
    init(_ command: DemoCommand, model place: URL, in folder: URL) async throws {
        if let image = command.image {
            let study = try StudyInputs([image]).single()
            studyInstanceUID = study.studyInstanceUID
            files = study.files.map(\.url)
            introduction = "Image: \(image)"
            return
        }
        let model = try await ChestModel.load(directory: place)
        guard model.capabilities.contains(.synthesis) else {
            throw CommandFailure("\(model.identity.name) cannot draw images; name one with --image")
        }
        // The model's own choice shows what it finds again.
        let own = command.text == nil ? model.selfTest : nil
        let text = command.text ?? own?.description ?? Self.standardText
        let picture = try await model.synthesize(text, seed: command.seed ?? own?.seed ?? 1)
        let image = SyntheticImageFile(
            rows: picture.rows, columns: picture.columns, samples: picture.pixels, text: text,
            seed: picture.seed, model: model.identity)
        let url = folder.appendingPathComponent("image.dcm")
        try image.file(identity: command.configuration.load().station.identity, instant: Date()).write(to: url)
        studyInstanceUID = image.studyInstanceUID
        files = [url]
        introduction = "Image: drawn by \(model.identity.name) from \"\(text)\": \(url.path)"
    }

    /// Sends the files over one association.
    ///
    /// - Throws: `CommandFailure` when one is not accepted.
    func send(to port: UInt16) throws -> Sending {
        NetworkSettings().apply()
        let remote = RemoteAE(
            host: "127.0.0.1", port: port, calledAETitle: DemoGateway.aeTitle, callingAETitle: "DEMOMODALITY")
        let items = try files.map { url in
            let file = try DICOMFile(contentsOf: url, before: .patientName)
            return (
                url.path, file.dataset.text(.sopClassUID) ?? "", file.dataset.text(.sopInstanceUID) ?? "",
                file.transferSyntaxUID
            )
        }
        let begun = Date()
        do {
            let contexts = Set(items.map { ProposedContext(sopClassUID: $0.1, transferSyntaxUID: $0.3) })
            let association = try StorageSCU(remote, contexts: Array(contexts))
            for (path, sopClass, instance, syntax) in items {
                let outcome = association.send(
                    path: path, sopClassUID: sopClass, sopInstanceUID: instance, transferSyntaxUID: syntax)
                guard case .answered(let status) = outcome, status.kind == .success else {
                    throw CommandFailure("the gateway did not take \(path): \(outcome)")
                }
            }
        }
        // The association is released when its last reference goes.
        return Sending(begun: begun, released: Date())
    }
}
