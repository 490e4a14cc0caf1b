import Audit
import ChestReading
import Findings
import Foundation
import GRDB

/// The audit record of what a person has a model do at the command line.
///
/// It goes into the gateway's log where there is a gateway; without one, the command says once that nothing is audited.
struct ReadingAudit {
    private let pool: DatabasePool?
    private let person = Operator.person()

    /// - Throws: `AuditError` when a database is there and cannot be written: what cannot be recorded is not done.
    init(_ database: DatabaseOptions) throws {
        let path = try database.path()
        guard database.database != nil || FileManager.default.fileExists(atPath: path) else {
            note("note: there is no gateway database at \(path), so this is not recorded in an audit log")
            pool = nil
            return
        }
        let pool = try AuditDatabase.open(at: path)
        try pool.write { db in _ = try AuditLog.head(in: db) }
        self.pool = pool
    }

    /// Appends a record; nothing happens where there is no log.
    ///
    /// - Parameter task: The command, for example `ask`.
    func record(
        _ kind: EventKind, task: String, _ study: StudyInputs.Study, outcome: EventOutcome = .success,
        description: String, details: [String: String] = [:], provenance: Provenance? = nil
    ) throws {
        guard let pool else { return }
        let classes = Dictionary(grouping: study.instances, by: \.sopClassUID).sorted { $0.key < $1.key }
        let event = AuditEvent(
            kind, outcome: outcome, description: description, person: person,
            patient: study.patientID.map {
                Audit.Patient(identifier: $0, issuer: study.issuer, name: study.patientName)
            },
            study: Audit.Study(
                uid: study.studyInstanceUID, accession: study.accession,
                sopClasses: classes.map { uid, instances in
                    .init(uid: uid, instanceCount: instances.count, instances: instances.map(\.sopInstanceUID))
                }),
            objects: study.files.map {
                ParticipantObject(.file, identifier: $0.url.path, details: ["sha256": $0.sha256])
            },
            details: details.merging(["task": task]) { own, _ in own }, provenance: provenance)
        try pool.write { db in _ = try AuditLog.append(event, in: db) }
    }
}
