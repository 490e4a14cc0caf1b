import ArgumentParser
import DICOM
import Findings
import Foundation
import Results

extension ResultKind: ExpressibleByArgument {}
extension FindingsReportClass: ExpressibleByArgument {}

/// `cxrgate build-results`: result objects from a reading that any model made.
struct BuildResultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build-results",
        abstract: "Turn a reading (JSON) and its source images into DICOM result objects.",
        discussion: """
            The reading is described in Conformance/READING.md. Without --template it must name its images; \
            `cxrgate build-results --template SOURCE.dcm... ` prints one to fill in.
            """)

    @Argument(help: "The reading, unless --template is given, and then the source images.", completion: .file())
    var files: [String] = []

    @Option(name: [.short, .customLong("output")], help: "The directory for the objects; made when missing.")
    var output: String?

    @Flag(help: "Print a reading for the source images with nothing in it yet.")
    var template = false

    @Option(
        parsing: .upToNextOption,
        help: "Kinds of objects: narrative findings presentation overlay key-objects. Default: all but key-objects.")
    var objects: [ResultKind] = []

    @Option(help: "Storage class of the findings report.")
    var findingsClass: FindingsReportClass = .comprehensive

    @Option(help: "Which edition of the study's results this is, from 1.")
    var revision = 1

    @Option(parsing: .upToNextOption, help: "The result files that a later revision replaces.", completion: .file())
    var replaces: [String] = []

    @Option(
        help: "When the reading was made, as 2026-03-02T10:17:45Z. Default: now. The same time gives the same bytes.")
    var time: String?

    @Option(help: "Serial number of this installation.")
    var serialNumber = "0"

    @Option(help: "Station Name of this installation.")
    var stationName = "CXRGATE"

    @Option(help: "The hospital's name.")
    var institution = ""

    @Option(parsing: .upToNextOption, help: "Fonts for characters that DejaVu Sans lacks.", completion: .file())
    var font: [String] = []

    @OptionGroup var show: OutputOptions

    /// A file that cannot be used; exit code 1, unlike bad usage.
    private struct InputError: Error, CustomStringConvertible { let description: String }

    func validate() throws {
        if template {
            guard !files.isEmpty else { throw ValidationError("Name the source images.") }
        } else {
            guard files.count >= 2 else { throw ValidationError("Name the reading and at least one source image.") }
            guard output != nil else { throw ValidationError("Say where the objects go: --output DIRECTORY.") }
        }
        if let time, Self.instant(time) == nil {
            throw ValidationError("'\(time)' is not a time such as 2026-03-02T10:17:45Z.")
        }
    }

    func run() throws {
        if template { return try printTemplate() }
        let reading = try Self.reading(files[0])
        let sources = try files.dropFirst().map { try SourceInstance(contentsOf: URL(fileURLWithPath: $0)) }
        let directory = URL(fileURLWithPath: output ?? ".")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for text in sources.flatMap(\.notes) { note("note: \(text)") }
        let objects = try builder.build(
            reading, sources: sources,
            revision: Revision(number: revision, predecessors: try replaces.map(Self.reference)),
            instant: time.flatMap(Self.instant) ?? Date(), into: directory)
        print(Self.table(of: objects).text(as: show))
    }

    private var builder: ResultBuilder {
        var options = ResultOptions(findingsClass: findingsClass)
        if !objects.isEmpty { options.kinds = Set(objects) }
        options.fonts.fallbacks.insert(contentsOf: font.map { URL(fileURLWithPath: $0) }, at: 0)
        let identity = GatewayIdentity(
            serialNumber: serialNumber, stationName: stationName, institutionName: institution)
        return ResultBuilder(identity: identity, options: options)
    }

    private static func reading(_ path: String) throws -> Reading {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw InputError(
                description: "The reading \(path) cannot be read: there is no such file, or no permission.")
        }
        return try Reading(json: data)
    }

    private static func instant(_ text: String) -> Date? {
        try? Date(text, strategy: .iso8601)
    }

    /// A result that was written earlier.
    private static func reference(_ path: String) throws -> ResultReference {
        let dataset = try DICOMFile(contentsOf: URL(fileURLWithPath: path), before: .pixelData).dataset
        guard let sopClass = dataset.text(.sopClassUID), let instance = dataset.text(.sopInstanceUID),
            let series = dataset.text(.seriesInstanceUID), let kind = ResultKind(sopClassUID: sopClass)
        else {
            throw InputError(description: "\(path) is not a result object of this program.")
        }
        return ResultReference(
            kind: kind, sopClassUID: sopClass, sopInstanceUID: instance, seriesInstanceUID: series)
    }

    private func printTemplate() throws {
        let sources = try files.map { try SourceInstance(contentsOf: URL(fileURLWithPath: $0)) }
        let reading = Reading(
            studyInstanceUID: sources[0].studyInstanceUID, images: try sources.map { try $0.sourceImage() },
            sentences: [ReportSentence(section: .findings, text: "The words of your model.")],
            model: ModelIdentity(
                name: "your-model", version: "1", weightsDigest: "sha256:", manufacturer: "You"))
        print(String(decoding: try reading.json(), as: UTF8.self))
    }

    private static func table(of objects: [ResultObject]) -> Table {
        var table = Table([
            .init("kind", "Kind"), .init("file", "File", maximumWidth: 200),
            .init("sopInstanceUID", "SOP Instance UID"),
            .init("seriesInstanceUID", "Series Instance UID", isRare: true),
            .init("sopClassUID", "SOP Class UID", isRare: true),
        ])
        for object in objects {
            table.add([
                .text(object.reference.kind.rawValue), .text(object.file.path), .text(object.reference.sopInstanceUID),
                .text(object.reference.seriesInstanceUID), .text(object.reference.sopClassUID),
            ])
        }
        return table
    }
}
