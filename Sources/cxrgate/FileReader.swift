import Audit
import ChestReading
import Cryptography
import Findings
import Foundation
import Gateway
import Results

/// Reads studies from files and makes their result objects: the gateway's way from image to result without its network
/// and queue.
struct FileReader {
    let model: ChestModel
    let audit: ReadingAudit
    let reading: ReadingConfiguration
    let identity: GatewayIdentity
    var options: ResultOptions
    /// Where objects are written, a directory per study; nil for nowhere.
    var directory: URL?

    /// Reads some studies together. Each has its own outcome; none stops the others.
    func read(_ studies: [StudyInputs.Study]) async -> [StudyReport] {
        let preparation = StudyPreparation(policy: reading.suitability)
        let prepared = studies.map { preparation.prepare($0.files) }
        let suitable = studies.indices.filter { prepared[$0].abstention == nil }
        let requests = suitable.map { index in
            ReadingRequest(
                studyInstanceUID: studies[index].studyInstanceUID, images: prepared[index].images,
                context: prepared[index].context, deadline: reading.deadline)
        }
        let answers = Dictionary(uniqueKeysWithValues: zip(suitable, await model.read(requests)))
        return studies.indices.map { index in
            conclude(studies[index], prepared[index], answers[index])
        }
    }

    private func conclude(
        _ study: StudyInputs.Study, _ prepared: PreparedStudy, _ answer: Result<StudyReading, any Error>?
    ) -> StudyReport {
        var report = StudyReport(
            studyInstanceUID: study.studyInstanceUID, outcome: .read,
            images: prepared.assessments.map { assessment in
                StudyReport.Image(
                    file: assessment.file.url.relativePath, sopInstanceUID: assessment.source?.sopInstanceUID,
                    isSuitable: assessment.suitability.isSuitable, explanation: assessment.suitability.explanation)
            })
        var abstention = prepared.abstention
        var record: ReadingRecord?
        switch answer {
        case .success(let made):
            report.reading = made.reading
            report.dropped = made.record.dropped
            report.milliseconds = Int(made.record.duration / .milliseconds(1))
            record = made.record
        case .failure(let error):
            // As in the gateway: what the model could not do gets a result that says so.
            report.outcome = .failed
            report.error = "\(error)"
            abstention = Abstention(failure: error)
            record = (error as? UnusableReading)?.record
        case nil:
            report.outcome = .abstained
        }
        if report.reading == nil {
            report.reason = abstention?.reason
            report.reading = Reading(
                studyInstanceUID: study.studyInstanceUID, images: prepared.assessments.compactMap(\.source),
                model: model.identity, abstention: abstention, disclaimer: model.disclaimer)
        }
        do {
            let results = try write(study, &report)
            try self.record(study, prepared, report, record, results)
        } catch {
            report.outcome = .failed
            report.error = "\(error)"
            do {
                try audit.record(
                    .studyRead, task: "read", study, outcome: .seriousFailure, description: "Failed: \(error)")
            } catch {
                note("note: this could not be recorded in the audit log: \(error)")
            }
        }
        return report
    }

    /// Builds and writes the objects, the pictures of the overlays, and the reading itself.
    private func write(_ study: StudyInputs.Study, _ report: inout StudyReport) throws -> [Provenance.Result] {
        guard let directory, let reading = report.reading else { return [] }
        let folder = directory.appendingPathComponent(study.studyInstanceUID)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let wanted = Set(reading.images.map(\.sopInstanceUID))
        let sources = try zip(study.files, study.instances)
            .filter { wanted.isEmpty || wanted.contains($1.sopInstanceUID) }
            .map { try SourceInstance(contentsOf: $0.0.url) }
        for text in sources.flatMap(\.notes) { note("note: \(text)") }
        let objects = try ResultBuilder(identity: identity, options: options).build(
            reading, sources: sources, instant: Date(), into: folder)
        try reading.json().write(to: folder.appendingPathComponent("reading.json"))
        for object in objects {
            report.objects.append(
                StudyReport.Object(
                    kind: object.reference.kind.rawValue, file: object.file.relativePath,
                    sopClassUID: object.reference.sopClassUID, sopInstanceUID: object.reference.sopInstanceUID))
            if object.reference.kind == .overlay {
                let picture = object.file.deletingPathExtension().appendingPathExtension("png")
                try ResultPicture.write(object.file, to: picture)
                report.pictures.append(picture.relativePath)
            }
        }
        return try objects.map { object in
            Provenance.Result(
                sopInstanceUID: object.reference.sopInstanceUID, sopClassUID: object.reference.sopClassUID,
                sha256: SHA256.hash([UInt8](try Data(contentsOf: object.file))).hex)
        }
    }

    private func record(
        _ study: StudyInputs.Study, _ prepared: PreparedStudy, _ report: StudyReport, _ record: ReadingRecord?,
        _ results: [Provenance.Result]
    ) throws {
        let provenance = record.map { record in
            Provenance(
                of: record.turns, about: prepared.images, model: model.identity, decoding: record.decoding,
                seed: record.seed, reading: report.reading, dropped: record.dropped, results: results,
                took: record.duration)
        }
        guard let abstention = report.reading?.abstention else {
            return try audit.record(
                .studyRead, task: "read", study, description: "Read from files at the command line.",
                provenance: provenance)
        }
        let words = [abstention.reason, abstention.detail ?? report.error].compactMap { $0 }
        try audit.record(
            .studyAbstained, task: "read", study, outcome: report.outcome == .failed ? .seriousFailure : .success,
            description: words.joined(separator: ": "), details: ["reason": abstention.reason],
            provenance: provenance)
    }
}
