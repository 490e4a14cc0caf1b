import Cryptography
import Foundation
import GRDB
import GRDBSQLite

/// Walks the live records in the order of the chain, handing their bytes to the hash without copying them.
final class RecordCursor {
    private let db: Database
    // Keeps the prepared statement alive; `handle` is what it wraps.
    private let statement: Statement
    private let handle: OpaquePointer
    private let hashColumn = Int32(4 + RecordHasher.textColumnCount)

    /// Begins before the first record after `sequence` and, if given, ends at `last`.
    init(_ db: Database, after sequence: Int64 = 0, through last: Int64 = .max) throws {
        self.db = db
        statement = try db.makeStatement(
            sql: """
                SELECT \(AuditRecord.columns) FROM audit_record
                WHERE sequence > \(sequence) AND sequence <= \(last) ORDER BY sequence
                """)
        handle = statement.sqliteStatement
    }

    deinit {
        sqlite3_reset(handle)
    }

    /// Moves to the next record and tells its number; nil after the last.
    func next() throws -> Int64? {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return sqlite3_column_int64(handle, 0)
        case SQLITE_DONE: return nil
        case let code:
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage ?? "the records cannot be read")
        }
    }

    /// The hash that the present record's content gives after `previous`.
    func hash(with hasher: RecordHasher, previous: Digest) -> Digest {
        hasher.begin(
            previous: previous, sequence: sqlite3_column_int64(handle, 0), time: sqlite3_column_int64(handle, 1),
            event: sqlite3_column_int64(handle, 2),
            outcome: sqlite3_column_int64(handle, 3))
        for column in 4..<hashColumn {
            // The text first: asking for it may convert it, and the byte count is then the converted one's.
            guard let text = sqlite3_column_text(handle, column) else {
                hasher.add(nil as UnsafeRawBufferPointer?)
                continue
            }
            hasher.add(UnsafeRawBufferPointer(start: text, count: Int(sqlite3_column_bytes(handle, column))))
        }
        return hasher.finish()
    }

    /// Whether the present record has `hash`.
    func hasHash(_ hash: Digest) -> Bool {
        guard let stored = sqlite3_column_blob(handle, hashColumn),
            Int(sqlite3_column_bytes(handle, hashColumn)) == hash.bytes.count
        else { return false }
        return memcmp(stored, hash.bytes, hash.bytes.count) == 0
    }

    /// The hash stored in the present record.
    var storedHash: Digest {
        guard let stored = sqlite3_column_blob(handle, hashColumn) else { return Digest(bytes: []) }
        return Digest(
            bytes: Array(
                UnsafeRawBufferPointer(start: stored, count: Int(sqlite3_column_bytes(handle, hashColumn)))))
    }

    /// The present record's time in microseconds.
    var time: Int64 { sqlite3_column_int64(handle, 1) }
}
