import Cryptography
import Foundation
import GRDB

/// Checks that a log is what the gateway wrote, record by record, without loading it.
///
/// The chain shows alterations inside what a signature covers; the signatures show a chain that was computed anew;
/// heads exported earlier show a log cut short or replaced together with its signatures.
public struct AuditVerifier: Sendable {
    /// Keys that the caller knows to be the site's. Without any, signatures are held against the keys in the database,
    /// which whoever replaces the whole database replaces too.
    public var trustedKeys: [Ed25519.PublicKey]
    /// Heads exported earlier.
    public var exportedHeads: [HeadStatement]
    /// Where the files of sealed segments are, if they are to be read.
    public var segmentDirectory: URL?
    /// Whether to have SQLite compare the indexes with the records, which takes longer than all else.
    public var checksIndexes: Bool

    /// Chooses what to hold the log against.
    public init(
        trustedKeys: [Ed25519.PublicKey] = [], exportedHeads: [HeadStatement] = [], segmentDirectory: URL? = nil,
        checksIndexes: Bool = false
    ) {
        self.trustedKeys = trustedKeys
        self.exportedHeads = exportedHeads
        self.segmentDirectory = segmentDirectory
        self.checksIndexes = checksIndexes
    }

    /// Verifies the log in `db`, which should be a read transaction: one unchanging snapshot.
    ///
    /// - Parameter progress: called every 100,000 records with the number of the last one.
    /// - Throws: errors of reading; what is wrong with the log is in the report.
    public func verify(_ db: Database, progress: ((Int64) -> Void)? = nil) throws -> VerificationReport {
        var report = VerificationReport()
        guard try AuditSchema.isPresent(in: db),
            let row = try Row.fetchOne(db, sql: "SELECT identifier, created FROM audit_log")
        else {
            report.fault(.alteredSchema, nil, "the audit tables are missing, or the log has lost its identifier")
            return report
        }
        report.log = row[0]
        try verifySchema(db, &report)
        let keys = try KeyRing(db, log: report.log, trusted: trustedKeys, report: &report)
        var start = ChainPosition(
            sequence: 0,
            hash: AuditSchema.genesis(identifier: report.log, created: AuditTime(microseconds: row[1])))
        var heads = try HeadCursor(db, exported: exportedHeads, keys: keys, report: &report)
        try SegmentVerifier(directory: segmentDirectory).verify(
            db, from: &start, heads: &heads, keys: keys, report: &report)
        // A chain that does not begin where the segments end would only repeat their fault.
        guard !report.faults.contains(where: { Self.endsVerification($0.sort) }) else { return report }
        try verifyChain(db, from: start, heads: &heads, report: &report, progress: progress)
        if checksIndexes { try verifyIndexes(db, &report) }
        return report
    }

    private static func endsVerification(_ sort: VerificationFault.Sort) -> Bool {
        [.alteredSegment, .alteredRecord, .headMismatch, .otherLog].contains(sort)
    }

    /// The chain is read with bare SQLite calls: a row costs a microsecond so, and several through `Row`.
    private func verifyChain(
        _ db: Database, from start: ChainPosition, heads: inout HeadCursor, report: inout VerificationReport,
        progress: ((Int64) -> Void)?
    ) throws {
        let rows = try RecordCursor(db)
        var position = start
        let hasher = RecordHasher()
        while let sequence = try rows.next() {
            guard sequence == position.sequence + 1 else {
                report.fault(
                    .brokenSequence, sequence,
                    position.sequence >= sequence
                        ? "record \(sequence) stands where record \(position.sequence + 1) is due"
                        : "records \(position.sequence + 1) to \(sequence - 1) are missing")
                report.head = position
                return
            }
            if report.firstSequence == nil { report.firstSequence = sequence }
            let hash = rows.hash(with: hasher, previous: position.hash)
            guard rows.hasHash(hash) else {
                report.fault(
                    .alteredRecord, sequence,
                    "record \(sequence) is not what was written, or does not follow record \(position.sequence): "
                        + "its content gives hash \(hash.hex.prefix(16))…, stored is \(rows.storedHash.hex.prefix(16))…"
                )
                report.head = position
                return
            }
            position = ChainPosition(sequence: sequence, hash: hash)
            report.recordCount += 1
            guard heads.check(position, &report) else {
                report.head = position
                return
            }
            if sequence % 100_000 == 0 { progress?(sequence) }
        }
        report.head = position
        heads.finish(at: position, &report)
        let stored = try Row.fetchOne(db, sql: "SELECT sequence, hash FROM audit_head")
        let storedHead = stored.map { ChainPosition(sequence: $0[0], hash: Digest(bytes: [UInt8]($0[1] as Data))) }
        if storedHead != position {
            let expected = storedHead.map { "record \($0.sequence)" } ?? "nowhere"
            report.fault(
                .truncatedTail, position.sequence + 1,
                "the log ends at record \(position.sequence), but its head is \(expected): "
                    + "the tail was cut off, or records were added outside the gateway")
        }
    }

    private func verifySchema(_ db: Database, _ report: inout VerificationReport) throws {
        let expected = AuditSchema.guards.map { ($0.name, $0.sql) } + AuditSchema.views.map { ($0.name, $0.sql) }
        for (name, sql) in expected {
            let found = try String.fetchOne(db, sql: "SELECT sql FROM sqlite_master WHERE name = ?", arguments: [name])
            if found != sql {
                report.fault(.alteredSchema, nil, "\(name) is \(found == nil ? "missing" : "altered")")
            }
        }
        for definition in EventDefinition.table {
            let row = try Row.fetchOne(
                db, sql: "SELECT name, event_id, action, meaning FROM audit_event_type WHERE code = ?",
                arguments: [definition.kind.rawValue])
            let found = row.map { [$0[0], $0[1], $0[2], $0[3]] as [String] }
            let due = [definition.name, definition.identifier.rawValue, definition.action.rawValue, definition.meaning]
            if found != due {
                report.fault(.alteredSchema, nil, "the event type \(definition.name) is missing or altered")
            }
        }
    }

    private func verifyIndexes(_ db: Database, _ report: inout VerificationReport) throws {
        let findings = try String.fetchAll(db, sql: "PRAGMA integrity_check('audit_record')")
        if findings != ["ok"] {
            report.fault(.alteredIndex, nil, "SQLite finds: \(findings.prefix(3).joined(separator: "; "))")
        }
    }
}
