import ArgumentParser
import ChestReading
import DICOM
import Foundation
import Gateway
import Radiography
import Results

/// A radiograph from words.
struct SynthesizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synthesize", abstract: "Draw a chest radiograph from a text, marked as synthetic.",
        discussion: """
            The file is a DX image of nobody: Synthetic Data is YES, the patient is SYNTHETIC^CHEST XRAY, every UID is \
            new, and SYNTHETIC stands in its corner. The same text, seed and model give the same picture.
            """)

    @Argument(help: "What it shows, for example \"moderate left pleural effusion\".")
    var text: String

    @Option(name: .shortAndLong, help: "The DICOM file to write.", completion: .file(extensions: ["dcm"]))
    var output: String

    @Option(help: "The seed of the drawing; a new one when it is not given.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("Write the picture as PNG too.", valueName: "file"))
    var png: String?

    @Option(help: "table for people, json for machines.")
    var format = ModelOutput.table

    @OptionGroup var model: ModelOptions
    @OptionGroup var configuration: ConfigurationOptions

    /// What was drawn, as JSON.
    private struct Report: Encodable {
        let file: String
        let png: String?
        let text: String
        let seed: UInt64
        let model: String
        let rows: Int
        let columns: Int
        let studyInstanceUID: String
        let seriesInstanceUID: String
        let sopInstanceUID: String
        let patientID: String
        let milliseconds: Int
    }

    func run() async throws {
        let configuration = try configuration.load()
        let model = try await model.load(configuration)
        let started = ContinuousClock.now
        let picture = try await model.synthesize(text, seed: seed ?? UInt64.random(in: 0...UInt64(UInt32.max)))
        let image = SyntheticImageFile(
            rows: picture.rows, columns: picture.columns, samples: picture.pixels, text: text, seed: picture.seed,
            model: model.identity)
        let file = try image.file(identity: configuration.station.identity, instant: Date())
        let target = URL(fileURLWithPath: output)
        try file.write(to: target)
        if let png {
            let picture = try Radiograph(PresentedImage(DICOMFile(contentsOf: target)))
            try PNGFile(picture).write(to: URL(fileURLWithPath: png))
        }
        let report = Report(
            file: output, png: png, text: text, seed: picture.seed,
            model: "\(model.identity.name) \(model.identity.version)", rows: file.dataset.int(.rows) ?? 0,
            columns: file.dataset.int(.columns) ?? 0, studyInstanceUID: image.studyInstanceUID,
            seriesInstanceUID: image.seriesInstanceUID, sopInstanceUID: image.sopInstanceUID,
            patientID: image.patientID, milliseconds: Int(started.duration(to: .now) / .milliseconds(1)))
        try format.print(report) {
            """
            \(output): synthetic image, \(report.columns) x \(report.rows), drawn from "\(text)" with seed \(picture.seed)
              by \(report.model) in \(report.milliseconds) ms
              Patient ID \(image.patientID), Study Instance UID \(image.studyInstanceUID)
            """ + (png.map { "\n  picture: \($0)" } ?? "")
        }
    }
}
