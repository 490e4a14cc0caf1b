import Findings
import Foundation
import Results
import TestSupport

/// Writes every kind of result object for every sample study, for validators: `ConformanceSamples DIRECTORY`; or, with
/// `--sizes`, overlays of images from 300 to 5000 pixels, for people to look at.
///
/// One directory a study: `sources`, `results`, `reading.json`, and for the study with many regions `results-CLASS`
/// for the other classes of the findings report and `results-revision` for a second revision.
@main
struct ConformanceSamples {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst().filter { $0 != "--sizes" }
        guard arguments.count == 1 else {
            FileHandle.standardError.write(Data("usage: ConformanceSamples DIRECTORY [--sizes]\n".utf8))
            exit(2)
        }
        let root = URL(fileURLWithPath: arguments[0])
        for study in CommandLine.arguments.contains("--sizes") ? sizes : SampleStudy.all {
            try write(study, to: root.appendingPathComponent(study.name))
        }
        if !CommandLine.arguments.contains("--sizes") {
            try writeSynthetic(to: root.appendingPathComponent("synthetic"))
        }
    }

    /// Small, usual, full-size, large; upright and lying.
    private static let sizes: [SampleStudy] = [
        (300, 250), (250, 300), (1024, 1024), (2500, 2048), (2048, 2500), (5000, 4000), (120, 90),
    ].map { rows, columns in
        var picture = SyntheticRadiograph()
        picture.rows = rows
        picture.columns = columns
        var study = SampleStudy.manyRegions(picture)
        study.name = "size-\(columns)x\(rows)"
        return study
    }

    private static let identity = GatewayIdentity(serialNumber: "SN123", institutionName: "Test Klinik")

    /// 2 March 2026, 09:17:45.123 UTC.
    private static let instant = Date(timeIntervalSince1970: 1_772_443_065.123)

    private static func write(_ study: SampleStudy, to folder: URL) throws {
        let sources = try study.images.enumerated().map { index, image in
            let url = try directory("sources", in: folder)
            return try SourceInstance(contentsOf: image.write(named: "source-\(index + 1)", in: url))
        }
        try study.reading.json().write(to: folder.appendingPathComponent("reading.json"))
        var options = ResultOptions(kinds: Set(ResultKind.allCases))
        let first = try build(study, sources, options, .first, "results", folder)
        guard study.name == "many-regions" || study.name == "one-region" else { return }
        for findingsClass in FindingsReportClass.allCases where findingsClass != options.findingsClass {
            var other = options
            other.findingsClass = findingsClass
            other.kinds = [.findings]
            _ = try build(study, sources, other, .first, "results-\(findingsClass.rawValue)", folder)
        }
        let second = Revision(number: 2, predecessors: first.map(\.reference))
        options.kinds.remove(.keyObjects)
        _ = try build(study, sources, options, second, "results-revision", folder)
    }

    /// An image as `cxrgate synthesize` writes it, here of the phantom's picture, and the results of its reading.
    private static func writeSynthetic(to folder: URL) throws {
        var phantom = SyntheticRadiograph()
        (phantom.rows, phantom.columns) = (128, 128)
        let image = SyntheticImageFile(
            rows: phantom.rows, columns: phantom.columns, samples: phantom.drawn(),
            text: "Moderate left pleural effusion.", seed: 7, model: SampleStudy.model)
        let url = try directory("sources", in: folder).appendingPathComponent("source-1.dcm")
        try image.file(identity: identity, instant: instant).write(to: url)
        let source = try SourceInstance(contentsOf: url)
        let drawn = try source.sourceImage()
        var study = SampleStudy("synthetic") { _ in
            SampleStudy.reading(of: drawn, findings: [SampleStudy.effusion(on: drawn)])
        }
        study.reading.studyInstanceUID = source.studyInstanceUID
        try study.reading.json().write(to: folder.appendingPathComponent("reading.json"))
        _ = try build(study, [source], ResultOptions(kinds: Set(ResultKind.allCases)), .first, "results", folder)
    }

    private static func build(
        _ study: SampleStudy, _ sources: [SourceInstance], _ options: ResultOptions, _ revision: Revision,
        _ name: String, _ folder: URL
    ) throws -> [ResultObject] {
        try ResultBuilder(identity: identity, options: options, localTimeZone: TimeZone(secondsFromGMT: 0)!)
            .build(
                study.reading, sources: sources, revision: revision, instant: instant,
                into: directory(name, in: folder))
    }

    private static func directory(_ name: String, in folder: URL) throws -> URL {
        let url = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }
}
