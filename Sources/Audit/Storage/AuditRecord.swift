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
        try self.init(
            sequence: row[0], time: row[1], event: row[2], outcome: row[3],
            texts: (4..<4 + RecordHasher.textColumnCount).map { row[$0] },
            hash: Digest(bytes: [UInt8](row[4 + RecordHasher.textColumnCount] as Data)))
    }

    /// Takes the fields of ``columns``; `texts` are those from `patient_id` to `detail`.
    init(sequence: Int64, time: Int64, event: Int64, outcome: Int64, texts: [String?], hash: Digest) throws {
        func unreadable(_ reason: String) -> AuditError { .unreadableRecord(sequence: sequence, reason: reason) }
        guard let kind = EventKind(rawValue: Int(event)) else { throw unreadable("event type \(event) is unknown") }
        guard let outcome = EventOutcome(rawValue: Int(outcome)) else {
            throw unreadable("outcome \(outcome) is unknown")
        }
        let detail: RecordDetail
        do {
            detail = try RecordDetail.decode(texts[10])
        } catch {
            throw unreadable("its detail is not the JSON that the gateway writes")
        }
        self.sequence = sequence
        self.time = AuditTime(microseconds: time)
        self.hash = hash
        var event = AuditEvent(kind, at: self.time, outcome: outcome, description: texts[9])
        event.patient = texts[0].map { Patient(identifier: $0, issuer: detail.patient?.issuer, name: texts[1]) }
        event.study = texts[2].map { uid in
            Study(
                uid: uid, accession: texts[3],
                sopClasses: (detail.sopClasses ?? []).map {
                    .init(uid: $0.uid, instanceCount: $0.instanceCount, instances: $0.instances ?? [])
                })
        }
        event.source = Self.participant(texts[4], texts[5], detail.source?.process)
        event.destination = Self.participant(texts[6], texts[7], detail.destination?.process)
        event.person = texts[8].map { user in
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

    /// The record without anything that identifies its patient; its hash stays the stored record's.
    public func pseudonymised(by pseudonymiser: Pseudonymiser) -> AuditRecord {
        AuditRecord(sequence: sequence, hash: hash, time: time, event: pseudonymiser.apply(to: event))
    }

    private init(sequence: Int64, hash: Digest, time: AuditTime, event: AuditEvent) {
        self.sequence = sequence
        self.hash = hash
        self.time = time
        self.event = event
    }

    private static func participant(_ aeTitle: String?, _ host: String?, _ process: String?) -> Participant? {
        if aeTitle == nil, host == nil, process == nil { return nil }
        return Participant(aeTitle: aeTitle, host: host, process: process)
    }
}
