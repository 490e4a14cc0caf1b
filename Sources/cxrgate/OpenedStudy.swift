import Audit
import ChestReading
import Findings
import Foundation
import Gateway
import Results

/// One study that a person asks about.
struct OpenedStudy {
    let inputs: StudyInputs.Study
    let prepared: PreparedStudy
    let audit: ReadingAudit
    let task: String

    /// Opens the files of one study and decides whether they are looked at.
    ///
    /// - Parameter paths: Files or directories, all of one study.
    /// - Throws: `CommandFailure` with the reason when the gateway abstains, which is recorded.
    init(_ paths: [String], task: String, database: DatabaseOptions, configuration: GatewayConfiguration) throws {
        let found = try StudyInputs(paths)
        let study = try found.single()
        for file in found.rejected { note("note: \(file.file): \(file.reason)") }
        let audit = try ReadingAudit(database)
        let prepared = StudyPreparation(policy: configuration.reading.suitability).prepare(study.files)
        (inputs, self.prepared, self.audit, self.task) = (study, prepared, audit, task)
        for (file, assessment) in zip(study.files, prepared.assessments) where !assessment.suitability.isSuitable {
            note("note: \(file.url.path): \(assessment.suitability.explanation)")
        }
        guard let abstention = prepared.abstention else { return }
        let words = [abstention.reason, abstention.detail].compactMap { $0 }.joined(separator: ": ")
        try audit.record(
            .studyAbstained, task: task, study, description: words, details: ["reason": abstention.reason])
        let term = Terminology.standard.abstentionReason(abstention.reason)
        throw CommandFailure("not analysed (\(words)). \(term?.explanation ?? "")")
    }

    /// Records a question and its answer.
    func record(
        _ question: String, _ answer: Answer, _ model: ChestModel, took duration: Duration,
        details: [String: String] = [:]
    ) throws {
        try audit.record(
            .studyAccessed, task: task, inputs, description: "Asked the model: \(question)", details: details,
            provenance: Provenance(
                of: [ReadingRecord.Turn(prompt: answer.prompt, answer: answer.rawText)], about: prepared.images,
                model: model.identity, decoding: model.decoding, dropped: answer.dropped, took: duration))
    }

    /// Records that a question got no answer.
    func recordFailure(_ question: String, _ error: any Error) {
        do {
            try audit.record(
                .studyAccessed, task: task, inputs, outcome: .minorFailure,
                description: "Asked the model: \(question). No answer: \(error)")
        } catch {
            note("note: this could not be recorded in the audit log: \(error)")
        }
    }
}

/// A box in whole source pixels, as JSON.
struct RegionReport: Encodable {
    let label: String
    let sopInstanceUID: String
    let x0: Double
    let y0: Double
    let x1: Double
    let y1: Double

    init(_ labelled: LabelledRegion) {
        label = labelled.label
        sopInstanceUID = labelled.region.sopInstanceUID
        let box = labelled.region.region
        (x0, y0, x1, y1) = (box.x0, box.y0, box.x1, box.y1)
    }

    /// Rows of label and edges for people, rounded as in the result objects.
    static func table(_ regions: [LabelledRegion], emptyNote: String) -> Table {
        var table = Table(
            [
                .init("label", "LABEL"), .init("x0", "X0"), .init("y0", "Y0"), .init("x1", "X1"), .init("y1", "Y1"),
            ], emptyNote: emptyNote)
        for region in regions {
            let box = PixelBox(around: region.region.region)
            table.add([
                .text(region.label), .integer(box.left), .integer(box.top), .integer(box.right), .integer(box.bottom),
            ])
        }
        return table
    }
}
