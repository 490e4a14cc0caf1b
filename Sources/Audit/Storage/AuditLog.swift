import Cryptography
import Foundation
import GRDB

/// Appends events to the log.
public enum AuditLog {
    /// Appends `event` as the next record, inside the transaction that `db` is in.
    ///
    /// The record commits or rolls back with everything else in that transaction. The head of the chain is read in the
    /// same transaction, which must have been begun as a write (`DatabasePool.write` does), so that two processes never
    /// append to the same head. Whoever gets an error must let the transaction fail.
    ///
    /// - Returns: the place of the record in the chain.
    /// - Throws: ``AuditError/notInTransaction``, ``AuditError/notAnAuditDatabase(path:)``, or GRDB's `DatabaseError`.
    @discardableResult
    public static func append(_ event: AuditEvent, in db: Database) throws -> ChainPosition {
        guard db.isInsideTransaction else { throw AuditError.notInTransaction }
        let head = try head(in: db)
        let sequence = head.sequence + 1
        let time = event.time ?? .now
        let texts: [String?] = [
            event.patient?.identifier, event.patient?.name, event.study?.uid, event.study?.accession,
            event.source?.aeTitle, event.source?.host, event.destination?.aeTitle, event.destination?.host,
            event.person?.user, event.description, try DetailEncoder.encode(event),
        ]
        let hasher = RecordHasher()
        hasher.begin(
            previous: head.hash, sequence: sequence, time: time.microseconds, event: Int64(event.kind.rawValue),
            outcome: Int64(event.outcome.rawValue))
        for text in texts { hasher.add(text) }
        let hash = hasher.finish()
        let hashValue = Data(hash.bytes).databaseValue

        var values: [DatabaseValue] = [
            sequence.databaseValue, time.microseconds.databaseValue, event.kind.rawValue.databaseValue,
            event.outcome.rawValue.databaseValue,
        ]
        for text in texts { values.append(text?.databaseValue ?? .null) }
        values.append(hashValue)
        try db.cachedStatement(sql: insertion).execute(arguments: StatementArguments(values))
        try db.cachedStatement(sql: "UPDATE audit_head SET sequence = ?, hash = ?")
            .execute(arguments: [sequence.databaseValue, hashValue])
        return ChainPosition(sequence: sequence, hash: hash)
    }

    /// The last record's place; sequence 0 and the log's own hash while there is none.
    public static func head(in db: Database) throws -> ChainPosition {
        let row: Row?
        do {
            row = try Row.fetchOne(try db.cachedStatement(sql: "SELECT sequence, hash FROM audit_head"))
        } catch let error as DatabaseError where error.message?.contains("no such table") == true {
            throw AuditError.notAnAuditDatabase(path: try databasePath(db))
        }
        guard let row else { throw AuditError.notAnAuditDatabase(path: try databasePath(db)) }
        return ChainPosition(sequence: row[0], hash: Digest(bytes: [UInt8](row[1] as Data)))
    }

    /// The log's identifier: a UUID made with the tables, part of the first record's hash and of every signed statement.
    public static func identifier(in db: Database) throws -> String {
        guard let identifier = try String.fetchOne(db, sql: "SELECT identifier FROM audit_log") else {
            throw AuditError.notAnAuditDatabase(path: try databasePath(db))
        }
        return identifier
    }

    /// One record, if it is in the live table.
    public static func record(_ sequence: Int64, in db: Database) throws -> AuditRecord? {
        try Row.fetchOne(
            db, sql: "SELECT \(AuditRecord.columns) FROM audit_record WHERE sequence = ?", arguments: [sequence]
        ).map(AuditRecord.init)
    }

    private static let insertion = """
        INSERT INTO audit_record (\(AuditRecord.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    private static func databasePath(_ db: Database) throws -> String {
        try String.fetchOne(db, sql: "SELECT file FROM pragma_database_list WHERE name = 'main'") ?? "the database"
    }
}
