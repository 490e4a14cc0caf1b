import Foundation
import GRDB

/// A repository's place in the log, and the records that it will not get.
public struct ForwardQueue: Sendable {
    /// The repository's name.
    public let repository: String

    /// Names the queue.
    public init(repository: String) {
        self.repository = repository
    }

    /// How a repository stands.
    public struct Status: Sendable, Equatable, Encodable {
        /// The repository's name.
        public let repository: String
        /// The last record that it has, or that was set aside.
        public let cursor: Int64
        /// Records waiting.
        public let waiting: Int64
        /// Whether it was reached at the last attempts.
        public let isReachable: Bool
        /// Since when that is so, ISO 8601 in UTC.
        public let since: String
        /// Why it was lost.
        public let lastError: String?
        /// Records set aside.
        public let setAsideCount: Int
    }

    /// How every repository stands.
    public static func statuses(in db: Database) throws -> [Status] {
        let head = try AuditLog.head(in: db).sequence
        return try Row.fetchAll(
            db,
            sql: """
                SELECT repository, cursor, reachable, since, last_error,
                    (SELECT count(*) FROM audit_forward_set_aside s WHERE s.repository = f.repository)
                FROM audit_forward f ORDER BY repository
                """
        ).map { row in
            Status(
                repository: row[0], cursor: row[1], waiting: head - row[1], isReachable: row[2],
                since: AuditTime(microseconds: row[3]).iso8601(), lastError: row[4], setAsideCount: row[5])
        }
    }

    /// The records set aside, with the reasons.
    public func setAside(in db: Database) throws -> [(sequence: Int64, reason: String)] {
        try Row.fetchAll(
            db, sql: "SELECT sequence, reason FROM audit_forward_set_aside WHERE repository = ? ORDER BY sequence",
            arguments: [repository]
        ).map { (sequence: $0[0], reason: $0[1]) }
    }

    /// Forgets a repository that is no longer used; retention no longer waits for it.
    ///
    /// - Returns: whether there was such a repository.
    public func forget(person: Person, in db: Database) throws -> Bool {
        try db.execute(sql: "DELETE FROM audit_forward WHERE repository = ?", arguments: [repository])
        guard db.changesCount > 0 else { return false }
        try db.execute(sql: "DELETE FROM audit_forward_set_aside WHERE repository = ?", arguments: [repository])
        try AuditLog.append(
            AuditEvent(
                .configurationChanged, description: "audit repository forgotten", person: person,
                objects: [ParticipantObject(.node, identifier: repository, name: "Audit record repository")]),
            in: db)
        return true
    }

    struct Item {
        let sequence: Int64
        /// The record, or why it cannot be read.
        let record: Result<AuditRecord, AuditError>
    }

    func cursor(in pool: DatabasePool) throws -> Int64 {
        let selection = "SELECT cursor FROM audit_forward WHERE repository = ?"
        if let cursor = try pool.read({ try Int64.fetchOne($0, sql: selection, arguments: [repository]) }) {
            return cursor
        }
        return try pool.write { db in
            // A new repository begins with the oldest record that is not in a sealed segment.
            let sealed = try Int64.fetchOne(db, sql: "SELECT max(last_sequence) FROM audit_segment") ?? 0
            try db.execute(
                sql: "INSERT INTO audit_forward (repository, cursor, reachable, since) VALUES (?, ?, 1, ?)",
                arguments: [repository, sealed, AuditTime.now.microseconds])
            return sealed
        }
    }

    func batch(after sequence: Int64, limit: Int, in db: Database) throws -> [Item] {
        try Row.fetchAll(
            db,
            sql: "SELECT \(AuditRecord.columns) FROM audit_record WHERE sequence > ? ORDER BY sequence LIMIT ?",
            arguments: [sequence, limit]
        ).map { row in
            do {
                return Item(sequence: row[0], record: .success(try AuditRecord(row: row)))
            } catch let error as AuditError {
                return Item(sequence: row[0], record: .failure(error))
            }
        }
    }

    /// Moves the cursor, keeps what was set aside, and records that a lost repository is back, all in one transaction.
    ///
    /// - Returns: whether the repository had been lost.
    func advance(
        to sequence: Int64, setAside: [(Int64, String)], of repository: AuditRepository, in pool: DatabasePool
    ) throws -> Bool {
        try pool.write { db in
            let now = AuditTime.now.microseconds
            for (sequence, reason) in setAside {
                try db.execute(
                    sql: "INSERT OR IGNORE INTO audit_forward_set_aside VALUES (?, ?, ?, ?)",
                    arguments: [repository.name, sequence, reason, now])
            }
            try db.execute(
                sql: "UPDATE audit_forward SET cursor = ? WHERE repository = ? AND cursor < ?",
                arguments: [sequence, repository.name, sequence])
            try db.execute(
                sql: """
                    UPDATE audit_forward SET reachable = 1, since = ?, last_error = NULL
                    WHERE repository = ? AND reachable = 0
                    """,
                arguments: [now, repository.name])
            let wasLost = db.changesCount > 0
            if wasLost {
                try AuditLog.append(Self.event(.auditRepositoryRestored, .success, nil, repository), in: db)
            }
            return wasLost
        }
    }

    func markLost(reason: String, of repository: AuditRepository, in pool: DatabasePool) throws {
        try pool.write { db in
            try db.execute(
                sql: """
                    UPDATE audit_forward SET reachable = 0, since = ?, last_error = ?
                    WHERE repository = ? AND reachable = 1
                    """,
                arguments: [AuditTime.now.microseconds, reason, repository.name])
            guard db.changesCount > 0 else { return }
            try AuditLog.append(Self.event(.auditRepositoryLost, .minorFailure, reason, repository), in: db)
        }
    }

    private static func event(
        _ kind: EventKind, _ outcome: EventOutcome, _ reason: String?, _ repository: AuditRepository
    ) -> AuditEvent {
        AuditEvent(
            kind, outcome: outcome, description: reason,
            destination: Participant(host: repository.host),
            objects: [
                ParticipantObject(
                    .node, identifier: "\(repository.host):\(repository.port)", name: repository.name)
            ])
    }
}
