import Foundation
import GRDB

/// Reads the log for a person, and writes each reading into the log before it answers (Audit Log Used, PS3.15 A.5.3.2).
public struct AuditReader: Sendable {
    private let pool: DatabasePool
    private let person: Person

    /// Takes the database and the person who asks.
    public init(pool: DatabasePool, person: Person) {
        self.pool = pool
        self.person = person
    }

    /// One page of the records that match.
    public func records(matching query: AuditQuery) throws -> AuditPage {
        if query.text != nil { try AuditTextIndex.update(pool) }
        return try reading("query", query.criteria, patient: query.patient, study: query.study) { db, last in
            try Self.page(query, through: last, in: db)
        }
    }

    /// One page without a record of it: the parts of one answer that are fetched after its first page.
    func following(_ query: AuditQuery, through last: Int64) throws -> AuditPage {
        try pool.read { try Self.page(query, through: last, in: $0) }
    }

    /// Hands every record that matches to `body`, page by page, as one reading.
    public func forEachRecord(matching query: AuditQuery, _ body: (AuditRecord) throws -> Void) throws {
        var query = query
        let last = try pool.read { try AuditLog.head(in: $0).sequence }
        var page = try records(matching: query)
        while true {
            try page.records.forEach(body)
            guard let next = page.next else { return }
            query.after = next
            page = try following(query, through: last)
        }
    }

    static func page(_ query: AuditQuery, through last: Int64, in db: Database) throws -> AuditPage {
        let sql = try query.page(through: last)
        let rows = try Row.fetchAll(try db.cachedStatement(sql: sql.text), arguments: sql.arguments)
        let records = try rows.prefix(query.limit).map(AuditRecord.init)
        let next = rows.count > query.limit ? records.last : nil
        return AuditPage(
            records: records, next: next.map { .init(time: $0.time.microseconds, sequence: $0.sequence) })
    }

    /// By what to count.
    public enum Dimension: String, CaseIterable, Sendable {
        case event, outcome, source, destination, patient, person, day
    }

    /// How many records match, by one of their properties, the most frequent first (days in order).
    public func counts(
        by dimension: Dimension, matching query: AuditQuery, zone: TimeZone
    ) throws -> [(value: String, count: Int)] {
        if query.text != nil { try AuditTextIndex.update(pool) }
        var criteria = query.criteria
        criteria["by"] = dimension.rawValue
        return try reading("count", criteria, patient: query.patient, study: query.study) { db, last in
            if dimension == .day {
                let sql = try query.all(columns: "time", through: last)
                let times = try Int64.fetchCursor(db, sql: sql.text, arguments: sql.arguments)
                var days: [String: Int] = [:]
                while let time = try times.next() { days[AuditTime(microseconds: time).day(in: zone), default: 0] += 1 }
                return days.sorted { $0.key < $1.key }.map { (value: $0.key, count: $0.value) }
            }
            let column = Self.column(of: dimension)
            var sql = try query.all(columns: "\(column) AS value, count(*) AS number", through: last)
            sql.text += " GROUP BY value ORDER BY number DESC, value"
            return try Row.fetchAll(db, sql: sql.text, arguments: sql.arguments).map { row in
                (value: Self.label(row[0], of: dimension), count: row[1])
            }
        }
    }

    private static func column(of dimension: Dimension) -> String {
        switch dimension {
        case .event: "event"
        case .outcome: "outcome"
        case .source: "source_ae"
        case .destination: "destination_ae"
        case .patient: "patient_id"
        case .person: "person"
        case .day: "time"
        }
    }

    private static func label(_ value: DatabaseValue, of dimension: Dimension) -> String {
        if value.isNull { return "-" }
        let code = Int.fromDatabaseValue(value)
        switch dimension {
        case .event: return code.flatMap(EventKind.init(rawValue:))?.definition.name ?? "unknown"
        case .outcome: return code.flatMap(EventOutcome.init(rawValue:))?.name ?? "unknown"
        default: return String.fromDatabaseValue(value) ?? "-"
        }
    }

    /// All that the log knows of a study, in order. `identifier` is a Study Instance UID or an accession number.
    public func story(of identifier: String) throws -> StudyStory {
        // An accession number does not belong where records name a Study Instance UID.
        let isUID = identifier.contains(".") && identifier.allSatisfy { $0 == "." || $0.isASCII && $0.isNumber }
        return try reading("story", ["study": identifier], patient: nil, study: isUID ? identifier : nil) { db, last in
            try StudyStory.fetch(identifier, through: last, in: db)
        }
    }

    /// Times from the first instance received to the first result delivered, by source and day of reception.
    public func turnaround(from: AuditTime?, until: AuditTime?, zone: TimeZone) throws -> [Turnaround] {
        var criteria = ["summary": "turnaround"]
        criteria["from"] = from?.iso8601()
        criteria["until"] = until?.iso8601()
        return try reading("summary", criteria, patient: nil, study: nil) { db, _ in
            try Turnaround.summaries(from: from, until: until, zone: zone, in: db)
        }
    }

    /// Verifies the log, as a reading of it.
    public func verify(_ verifier: AuditVerifier, progress: ((Int64) -> Void)? = nil) throws -> VerificationReport {
        try reading("verify", [:], patient: nil, study: nil) { db, _ in try verifier.verify(db, progress: progress) }
    }

    /// Records that something was read and only then reads it, up to the record before that one.
    private func reading<Value>(
        _ activity: String, _ criteria: [String: String], patient: String?, study: String?,
        _ body: (Database, Int64) throws -> Value
    ) throws -> Value {
        let position = try pool.write { db in
            try AuditLog.append(
                AuditLog.used(
                    .auditLogRead, activity, criteria, by: person, patient: patient, study: study, in: db), in: db)
        }
        return try pool.read { try body($0, position.sequence - 1) }
    }
}

extension AuditLog {
    /// An Audit Log Used event.
    static func used(
        _ kind: EventKind, _ activity: String, _ criteria: [String: String], by person: Person, patient: String? = nil,
        study: String? = nil, in db: Database
    ) throws -> AuditEvent {
        AuditEvent(
            kind, description: activity, person: person, patient: patient.map { Patient(identifier: $0) },
            study: study.map { Study(uid: $0) },
            objects: [
                ParticipantObject(
                    .auditLog, identifier: try identifier(in: db), name: "Security Audit Log", details: criteria)
            ])
    }
}
