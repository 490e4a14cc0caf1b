import Cryptography
import Foundation
import GRDB

/// A place in the chain: a record's number and hash.
public struct ChainPosition: Sendable, Hashable {
    /// The record's number; the first is 1, and 0 stands for the beginning before it.
    public let sequence: Int64
    /// The record's hash.
    public let hash: Digest

    /// Names a place.
    public init(sequence: Int64, hash: Digest) {
        self.sequence = sequence
        self.hash = hash
    }
}

/// A record as stored: an event with its place in the chain.
public struct AuditRecord: Sendable, Equatable {
    /// The record's number.
    public let sequence: Int64
    /// The record's hash.
    public let hash: Digest
    /// When it happened.
    public let time: AuditTime
    /// What happened; its `time` is set.
    public let event: AuditEvent

    /// The columns of `audit_record` in the order that ``init(row:)`` and the canonical form take them.
    static let columns = """
        sequence, time, event, outcome, patient_id, patient_name, study_uid, accession, source_ae, source_host, \
        destination_ae, destination_host, person, description, detail, hash
        """

    /// Reads a row of ``columns``.
    init(row: Row) throws {
        let sequence: Int64 = row[0]
        func unreadable(_ reason: String) -> AuditError { .unreadableRecord(sequence: sequence, reason: reason) }
        guard let kind = EventKind(rawValue: row[2]) else { throw unreadable("event type \(row[2] as Int) is unknown") }
        guard let outcome = EventOutcome(rawValue: row[3]) else {
            throw unreadable("outcome \(row[3] as Int) is unknown")
        }
        let detail: RecordDetail
        do {
            detail = try RecordDetail.decode(row[14])
        } catch {
            throw unreadable("its detail is not the JSON that the gateway writes")
        }
        self.sequence = sequence
        time = AuditTime(microseconds: row[1])
        hash = Digest(bytes: [UInt8](row[15] as Data))
        var event = AuditEvent(kind, at: time, outcome: outcome, description: row[13])
        event.patient = (row[4] as String?).map {
            Patient(identifier: $0, issuer: detail.patient?.issuer, name: row[5])
        }
        event.study = (row[6] as String?).map { uid in
            Study(
                uid: uid, accession: row[7],
                sopClasses: (detail.sopClasses ?? []).map {
                    .init(uid: $0.uid, instanceCount: $0.instanceCount, instances: $0.instances ?? [])
                })
        }
        event.source = Self.participant(row[8], row[9], detail.source?.process)
        event.destination = Self.participant(row[10], row[11], detail.destination?.process)
        event.person = (row[12] as String?).map { user in
            Person(
                user: user, name: detail.person?.name, host: detail.person?.host, process: detail.person?.process,
                role: detail.person?.role)
        }
        event.objects = try (detail.objects ?? []).map { object in
            guard let sort = ParticipantObject.Sort(rawValue: object.sort) else {
                throw unreadable("object sort \(object.sort) is unknown")
            }
            return ParticipantObject(
                sort, identifier: object.identifier, name: object.name, details: object.details ?? [:])
        }
        event.details = detail.details ?? [:]
        event.provenance = detail.provenance
        self.event = event
    }

    private static func participant(_ aeTitle: String?, _ host: String?, _ process: String?) -> Participant? {
        if aeTitle == nil, host == nil, process == nil { return nil }
        return Participant(aeTitle: aeTitle, host: host, process: process)
    }
}
