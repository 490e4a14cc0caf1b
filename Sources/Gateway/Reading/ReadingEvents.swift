import Audit
import ChestReading
import Findings
import Worklist

/// The audit events of reading.
enum ReadingEvents {
    /// A study was read, or the gateway abstained; with everything that it takes to reconstruct how.
    static func concluded(
        _ study: LeasedStudy, _ reading: Reading, _ record: ReadingRecord?, results: [NewResult]
    ) -> AuditEvent {
        var event = event(reading.abstention == nil ? .studyRead : .studyAbstained, study.study)
        event.study?.sopClasses = Dictionary(grouping: study.instances, by: \.sopClassUID)
            .sorted { $0.key < $1.key }.map { uid, instances in
                .init(uid: uid, instanceCount: instances.count, instances: instances.map(\.sopInstanceUID))
            }
        event.details["revision"] = "\(study.lease.item.revision)"
        for (instance, assessment) in zip(study.instances, study.prepared.assessments) {
            event.details["image \(instance.sopInstanceUID)"] = assessment.suitability.explanation
        }
        if let abstention = reading.abstention {
            event.description = [abstention.reason, abstention.detail].compactMap { $0 }.joined(separator: ": ")
            event.details["reason"] = abstention.reason
        }
        if let record { event.provenance = provenance(study, reading, record, results) }
        return event
    }

    static func created(_ result: StoredResult, _ study: Worklist.Study) -> AuditEvent {
        var event = event(.resultCreated, study)
        event.study?.sopClasses = [
            .init(
                uid: result.object.sopClassUID, instanceCount: 1, instances: [result.object.sopInstanceUID])
        ]
        event.details = ["kind": result.object.kind, "sha256": result.object.sha256, "revision": "\(result.revision)"]
        return event
    }

    /// Work on a study failed.
    static func failed(_ study: Worklist.Study, reason: String, isFinal: Bool) -> AuditEvent {
        var event = event(.studyRead, study)
        event.outcome = isFinal ? .seriousFailure : .minorFailure
        event.description = isFinal ? "Dead letter: \(reason)" : "Tried again later: \(reason)"
        return event
    }

    private static func event(_ kind: EventKind, _ study: Worklist.Study) -> AuditEvent {
        AuditEvent(
            kind,
            patient: study.attributes.patientID.map {
                Audit.Patient(identifier: $0, name: study.attributes.patientName)
            },
            study: Audit.Study(uid: study.studyInstanceUID, accession: study.attributes.accessionNumber))
    }

    private static func provenance(
        _ study: LeasedStudy, _ reading: Reading, _ record: ReadingRecord, _ results: [NewResult]
    ) -> Provenance {
        let digest = reading.model.weightsDigest
        return Provenance(
            inputs: study.prepared.images.filter { image in
                reading.images.contains { $0.sopInstanceUID == image.source.sopInstanceUID }
            }.map {
                .init(
                    sopInstanceUID: $0.source.sopInstanceUID, sha256: $0.sha256, view: $0.projection.rawValue)
            },
            model: .init(
                name: reading.model.name, version: reading.model.version,
                weightsSHA256: digest.hasPrefix("sha256:") ? String(digest.dropFirst(7)) : digest),
            decoding: record.decoding, seed: record.seed,
            turns: record.turns.map { .init(prompt: $0.prompt, answer: $0.answer) },
            findings: reading.findings.flatMap { parsed($0, in: reading) },
            dropped: record.dropped.map { .init(text: $0.text, reason: $0.reason) },
            results: results.map {
                .init(sopInstanceUID: $0.sopInstanceUID, sopClassUID: $0.sopClassUID, sha256: $0.sha256)
            },
            durationMilliseconds: Int(record.duration.seconds * 1000), revision: study.lease.item.revision)
    }

    /// One entry per region; one for a finding without.
    private static func parsed(_ finding: Finding, in reading: Reading) -> [Provenance.ParsedFinding] {
        let term =
            switch finding.concept {
            case .term(let key): key
            case .code(let code): "\(code)"
            }
        let sentence = reading.sentences.first { $0.findings.contains(finding.id) }?.text
        let boxes: [[Double]?] = finding.regions.map { region in
            let box = region.region
            return [box.x0, box.y0, box.x1, box.y1]
        }
        return (boxes.isEmpty ? [nil] : boxes).map { box in
            .init(
                term: term, polarity: finding.polarity.rawValue, probability: finding.probability?.value, box: box,
                sentence: sentence)
        }
    }
}
