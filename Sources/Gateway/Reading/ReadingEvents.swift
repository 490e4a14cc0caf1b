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
        if let record {
            event.provenance = Provenance(
                of: record.turns,
                about: study.prepared.images.filter { image in
                    reading.images.contains { $0.sopInstanceUID == image.source.sopInstanceUID }
                },
                model: reading.model, decoding: record.decoding, seed: record.seed, reading: reading,
                dropped: record.dropped,
                results: results.map {
                    .init(sopInstanceUID: $0.sopInstanceUID, sopClassUID: $0.sopClassUID, sha256: $0.sha256)
                },
                took: record.duration, revision: study.lease.item.revision)
        }
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
}
