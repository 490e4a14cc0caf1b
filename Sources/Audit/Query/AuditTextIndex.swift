import Foundation
import GRDB

/// The full-text index over records, kept a little behind the log so that appending does not pay for it.
///
/// It holds words, not identifiers: descriptions, names, AE titles, hosts, details, model answers. UIDs, digests and
/// numbers of objects are found through the record's own indexes.
public enum AuditTextIndex {
    /// Indexes the records appended since the last call, in transactions of `batch` records so that writers never wait
    /// long.
    public static func update(_ pool: DatabasePool, batch: Int = 2000) throws {
        while try pool.read({ try pending(in: $0) }) {
            try pool.write { try index(in: $0, limit: batch) }
        }
    }

    /// Forgets the index and builds it again from the records.
    public static func rebuild(_ pool: DatabasePool) throws {
        try pool.write { db in
            try db.execute(sql: "INSERT INTO audit_text (audit_text) VALUES ('delete-all')")
            try db.execute(sql: "UPDATE audit_text_state SET indexed = 0")
        }
        try update(pool)
    }

    /// Takes records up to `last` out of the index, before they leave the database.
    static func remove(through last: Int64, in db: Database) throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT \(AuditRecord.columns) FROM audit_record WHERE sequence <= ?", arguments: [last])
        // An index without its content must be told what it indexed to forget it.
        let removal = try db.cachedStatement(
            sql: "INSERT INTO audit_text (audit_text, rowid, text) VALUES ('delete', ?, ?)")
        while let row = try rows.next() {
            let text = words(of: row)
            if !text.isEmpty { try removal.execute(arguments: [row[0] as Int64, text]) }
        }
    }

    private static func pending(in db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT (SELECT sequence FROM audit_head) > (SELECT indexed FROM audit_text_state)") ?? false
    }

    private static func index(in db: Database, limit: Int) throws {
        let indexed = try Int64.fetchOne(db, sql: "SELECT indexed FROM audit_text_state") ?? 0
        let rows = try Row.fetchCursor(
            db, sql: "SELECT \(AuditRecord.columns) FROM audit_record WHERE sequence > ? ORDER BY sequence LIMIT ?",
            arguments: [indexed, limit])
        let insertion = try db.cachedStatement(sql: "INSERT INTO audit_text (rowid, text) VALUES (?, ?)")
        var last = indexed
        while let row = try rows.next() {
            last = row[0]
            let text = words(of: row)
            if !text.isEmpty { try insertion.execute(arguments: [last, text]) }
        }
        if last == indexed { last = try AuditLog.head(in: db).sequence }
        try db.execute(sql: "UPDATE audit_text_state SET indexed = ?", arguments: [last])
    }

    /// What can be found of a record. One that cannot be read is indexed by its columns: finding it is the point.
    private static func words(of row: Row) -> String {
        var words = [5, 8, 9, 10, 11, 12, 13].compactMap { row[$0] as String? }
        if let detail = try? RecordDetail.decode(row[14]) {
            words += [detail.person?.name, detail.person?.role, detail.person?.host].compactMap { $0 }
            // In a fixed order: what is removed must be what was indexed.
            words += (detail.details ?? [:]).sorted { $0.key < $1.key }.map(\.value)
            for object in detail.objects ?? [] {
                words += [object.name].compactMap { $0 }
                if object.sort != ParticipantObject.Sort.report.rawValue { words.append(object.identifier) }
            }
            if let provenance = detail.provenance {
                words += [provenance.model.name, provenance.model.version]
                words += provenance.turns.flatMap { [$0.prompt, $0.answer] }
                words += provenance.findings.map(\.term)
                words += provenance.dropped.flatMap { [$0.text, $0.reason] }
            }
        }
        return words.joined(separator: "\n")
    }
}
