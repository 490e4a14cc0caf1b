import ArgumentParser
import Audit
import ChestReading
import Cryptography
import Findings
import Foundation
import Gateway
import Results

/// Readings and result objects of files, without a network.
struct ReadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "Read chest radiographs from files, as the gateway does.",
        discussion: """
            Prints the draft and the findings of each study. With --output it writes the result objects, the overlay \
            as a picture, and the reading (reading.json) into a directory per study. What is not suitable gets a \
            reason instead of a reading. The exit code is 1 when a study could not be handled.
            """)

    @Argument(help: "DICOM files or directories; files of one study are read together.", completion: .file())
    var files: [String]

    @Option(
        name: .shortAndLong, help: "Where result objects go: a directory per study in it; made when missing.",
        completion: .directory)
    var output: String?

    @Option(
        parsing: .upToNextOption,
        help: "Kinds of objects: narrative findings presentation overlay key-objects. Default: all but key-objects.")
    var objects: [ResultKind] = []

    @Option(help: "Storage class of the findings report.")
    var findingsClass: FindingsReportClass = .comprehensive

    @Option(help: "table for people, json for machines.")
    var format = ModelOutput.table

    @OptionGroup var model: ModelOptions
    @OptionGroup var database: DatabaseOptions

    /// Studies that are prepared and given to the model together.
    private static let batch = 4

    func run() async throws {
        let inputs = try StudyInputs(files)
        for file in inputs.rejected { note("\(file.file): not usable: \(file.reason)") }
        if inputs.passedOver > 0 { note("note: \(inputs.passedOver) other files are not DICOM and were passed over") }
        guard !inputs.studies.isEmpty else { throw CommandFailure("there is no DICOM image in what was named") }
        let configuration = try database.configuration.load()
        let audit = try ReadingAudit(database)
        let model = try await model.load(configuration)
        var reader = FileReader(
            model: model, audit: audit, reading: configuration.reading, identity: configuration.station.identity,
            options: ResultOptions(findingsClass: findingsClass))
        if !objects.isEmpty { reader.options.kinds = Set(objects) }
        reader.directory = output.map { URL(fileURLWithPath: $0) }

        var reports: [StudyReport] = []
        for start in stride(from: 0, to: inputs.studies.count, by: Self.batch) {
            let part = Array(inputs.studies[start..<min(start + Self.batch, inputs.studies.count)])
            for report in await reader.read(part) {
                if format == .table { print((reports.isEmpty ? "" : "\n") + report.text) }
                reports.append(report)
            }
            if format == .json, inputs.studies.count > Self.batch, isatty(STDERR_FILENO) == 1 {
                note("\(reports.count) of \(inputs.studies.count) studies")
            }
        }
        if format == .json { try format.print(ReadReport(studies: reports, rejected: inputs.rejected)) { "" } }
        let failed = reports.count { $0.outcome == .failed }
        if failed + inputs.rejected.count > 0 {
            note("\(failed) of \(reports.count) studies failed, \(inputs.rejected.count) files were not usable")
            throw ExitCode.failure
        }
    }
}

/// What `cxrgate read` prints as JSON.
struct ReadReport: Encodable {
    let studies: [StudyReport]
    let rejected: [StudyInputs.Rejected]
}

/// What became of one study.
struct StudyReport: Encodable {
    enum Outcome: String, Encodable {
        case read, abstained, failed
    }

    /// One image, and whether it was suitable.
    struct Image: Encodable {
        let file: String
        let sopInstanceUID: String?
        let isSuitable: Bool
        let explanation: String
    }

    /// One result object.
    struct Object: Encodable {
        let kind: String
        let file: String
        let sopClassUID: String
        let sopInstanceUID: String
    }

    let studyInstanceUID: String
    var outcome: Outcome
    /// The key of the reason for which there is no reading.
    var reason: String?
    /// What failed.
    var error: String?
    let images: [Image]
    var reading: Reading?
    var objects: [Object] = []
    /// PNG files of the overlays.
    var pictures: [String] = []
    /// What the parser left out of the reading.
    var dropped: [ReadingRecord.Dropped] = []
    /// The model's time.
    var milliseconds: Int?

    /// For people.
    var text: String {
        var lines = ["Study \(studyInstanceUID)"]
        for image in images { lines.append("  \(image.file): \(image.explanation)") }
        lines.append("")
        if let reading { lines.append(DraftText.narrative(reading)) }
        if outcome == .read, let reading {
            let names = Dictionary(
                images.compactMap { image in
                    image.sopInstanceUID.map { ($0, URL(fileURLWithPath: image.file).lastPathComponent) }
                }, uniquingKeysWith: { first, _ in first })
            lines += ["", DraftText.findings(reading, imageNames: names).aligned(), ""]
            lines.append(
                "Read by \(reading.model.name) \(reading.model.version)"
                    + (milliseconds.map { " in \($0) ms" } ?? "") + ".")
        }
        if !dropped.isEmpty {
            lines.append(
                "Parts of the model's answer that are left out of the reading: \(dropped.count) (--format json).")
        }
        if let error { lines.append("Failed: \(TerminalText.line(error))") }
        lines += objects.map { "  \($0.kind): \($0.file)" } + pictures.map { "  picture: \($0)" }
        return lines.joined(separator: "\n")
    }
}
