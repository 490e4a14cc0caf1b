import ArgumentParser
import DICOM
import Foundation
import Radiography

@main
struct RadiographyBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures decoding, presentation and the suitability rules; see README.md beside this file.",
        subcommands: [Template.self, Suitability.self, Decisions.self, Speed.self])

    /// The DICOM files of a directory, by name.
    static func files(in directory: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: URL(fileURLWithPath: directory), includingPropertiesForKeys: nil
        ).filter { $0.pathExtension == "dcm" }.sorted { $0.path < $1.path }
    }

    /// The number that a file's Patient ID is; it decides whether the file makes or measures the template.
    static func patient(_ file: DICOMFile) -> Int {
        file.dataset.int(.patientID) ?? 0
    }
}

/// Prints `ChestTemplate`'s cells, made of the patients with even numbers.
struct Template: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make the chest template from wrapped NIH radiographs.")

    @Argument(help: "The directory that scripts/wrap_nih.py wrote.")
    var directory: String

    func run() throws {
        var thumbnails: [Thumbnail] = []
        for url in try RadiographyBenchmark.files(in: directory) {
            let file = try DICOMFile(contentsOf: url)
            guard RadiographyBenchmark.patient(file) % 2 == 0 else { continue }
            let radiograph = try Radiograph(PresentedImage(file))
            thumbnails.append(
                Thumbnail(radiograph, side: 64).exposedField().resized(ChestTemplate.side).standardised)
        }
        let mean = ChestTemplate.mean(of: thumbnails)
        print("// \(thumbnails.count) radiographs")
        for row in 0..<ChestTemplate.side {
            let half = mean[(row * ChestTemplate.side)..<(row * ChestTemplate.side + ChestTemplate.side / 2)]
            print("[" + half.map { String(format: "%.3f", $0) }.joined(separator: ", ") + "],")
        }
    }
}

/// Prints what was decided on each file: the table of `Conformance/RADIOGRAPHY.md`.
struct Decisions: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Table the decision on each DICOM file of directories.")

    @Argument(help: "Directories of DICOM files.")
    var directories: [String]

    func run() throws {
        print("| file | decision | view | likeness | why |")
        print("|---|---|---|---|---|")
        for url in try directories.flatMap(RadiographyBenchmark.files) {
            let name = url.deletingPathExtension().lastPathComponent
            do {
                let assessed = try AssessedRadiograph(DICOMFile(contentsOf: url))
                let decision = assessed.suitability
                let outcome =
                    decision.isSuitable ? "read" : decision.reasons.map(\.rawValue).joined(separator: ", ")
                let likeness = decision.measures.map { String(format: "%.2f", $0.likeness) } ?? ""
                let why = decision.findings.map { "\($0.rule): \($0.evidence)" } + assessed.radiograph.provenance.notes
                print(
                    "| \(name) | \(outcome) | \(decision.view.explanation) | \(likeness) | "
                        + why.joined(separator: "; ").replacingOccurrences(of: "|", with: "/") + " |")
            } catch {
                print("| \(name) | unreadablePixels | | | \(error) |")
            }
        }
    }
}
