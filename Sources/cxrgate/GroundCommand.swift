import ArgumentParser
import ChestReading
import Findings
import Foundation
import Gateway

/// Where something is in a radiograph.
struct GroundCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ground", abstract: "Find a finding, a part of the body or a phrase in a chest radiograph.",
        discussion: """
            Boxes are in pixels of the stored image: 0,0 is the top left corner of the first pixel, x grows to the \
            right, y downwards, and x1 and y1 lie just outside. The model may find nothing. The question and its \
            answer are recorded in the audit log of the gateway on this machine.
            """)

    @Argument(help: "A DICOM file, or a directory with the images of one study; the leading frontal is looked at.")
    var file: String

    @Argument(help: "For example \"pleural effusion\", or a sentence of a report.")
    var phrase: String

    @Option(
        help: ArgumentHelp("Write a PNG picture of the image with the boxes.", valueName: "file"),
        completion: .file(extensions: ["png"]))
    var overlay: String?

    @Option(help: "table for people, json for machines.")
    var format = ModelOutput.table

    @OptionGroup var model: ModelOptions
    @OptionGroup var database: DatabaseOptions

    /// What was found, as JSON.
    private struct Report: Encodable {
        let phrase: String
        let studyInstanceUID: String
        let sopInstanceUID: String
        let rows: Int
        let columns: Int
        let model: String
        let answer: String
        let regions: [RegionReport]
        let overlay: String?
    }

    func validate() throws {
        guard phrase.contains(where: { !$0.isWhitespace }) else { throw ValidationError("The phrase is empty.") }
    }

    func run() async throws {
        let configuration = try database.configuration.load()
        let study = try OpenedStudy([file], task: "ground", database: database, configuration: configuration)
        let model = try await model.load(configuration)
        guard let image = study.prepared.images.first else { throw ReadingError.noImage }
        let started = ContinuousClock.now
        let answer: Answer
        do {
            answer = try await model.ground(phrase, in: image)
        } catch {
            study.recordFailure(phrase, error)
            throw error
        }
        try study.record(phrase, answer, model, took: started.duration(to: .now))
        if let overlay, !answer.regions.isEmpty {
            try draw(answer, image, of: study, model, configuration, to: URL(fileURLWithPath: overlay))
        }
        let report = Report(
            phrase: phrase, studyInstanceUID: study.inputs.studyInstanceUID,
            sopInstanceUID: image.source.sopInstanceUID, rows: image.source.rows, columns: image.source.columns,
            model: "\(model.identity.name) \(model.identity.version)", answer: answer.text,
            regions: answer.regions.map(RegionReport.init), overlay: answer.regions.isEmpty ? nil : overlay)
        try format.print(report) { text(answer, image) }
    }

    private func text(_ answer: Answer, _ image: ReadingImage) -> String {
        let nothing =
            "The model finds no \"\(phrase)\" in this image\(overlay == nil ? "" : "; no picture is written")."
        var lines = [RegionReport.table(answer.regions, emptyNote: nothing).aligned()]
        if !answer.regions.isEmpty {
            lines.append("in pixels of the image, \(image.source.columns) x \(image.source.rows). Not verified.")
            if let overlay { lines.append("picture: \(overlay)") }
        }
        return lines.joined(separator: "\n")
    }

    private func draw(
        _ answer: Answer, _ image: ReadingImage, of study: OpenedStudy, _ model: ChestModel,
        _ configuration: GatewayConfiguration, to target: URL
    ) throws {
        guard let file = study.prepared.assessments.first(where: { $0.source == image.source })?.file.url else {
            return
        }
        let reading = Self.reading(
            of: answer.regions, on: image.source, studyInstanceUID: study.inputs.studyInstanceUID,
            model: model.identity, disclaimer: model.disclaimer)
        try ResultPicture.draw(reading, over: file, identity: configuration.station.identity, to: target)
    }

    /// The boxes as a reading, one finding a label, to be drawn as the gateway draws its own.
    static func reading(
        of regions: [LabelledRegion], on image: SourceImage, studyInstanceUID: String, model: ModelIdentity,
        disclaimer: String
    ) -> Reading {
        let labels = Dictionary(grouping: regions, by: \.label).sorted { $0.key < $1.key }
        let findings = labels.enumerated().map { index, entry in
            Finding(
                id: "\(index)", concept: concept(entry.key), polarity: .present, regions: entry.value.map(\.region))
        }
        return Reading(
            studyInstanceUID: studyInstanceUID, images: [image], findings: findings, model: model,
            disclaimer: disclaimer)
    }

    /// A term where the label names one; else the words themselves, for the picture only.
    private static func concept(_ label: String) -> FindingConcept {
        if let term = Terminology.standard.finding(named: label) { return .term(term.key) }
        return .code(Code(value: "PHRASE", scheme: "99PHRASE", meaning: String(label.prefix(64))))
    }
}
