import Cryptography
import Foundation
import GRDB

/// Moves old records out of the database into sealed segments: files whose digests and hashes stay in the chain and are
/// signed, so that the live log goes on verifying with or without the files.
public struct AuditRetention: Sendable {
    /// A sealed segment.
    public struct Segment: Sendable, Equatable {
        /// Segments are numbered from 1.
        public let number: Int
        /// The first and last record in it.
        public let sequences: ClosedRange<Int64>
        /// The first and last record's times.
        public let times: ClosedRange<AuditTime>
        /// The file's name in the segment directory.
        public let fileName: String
        /// The file's SHA-256, lower-case hexadecimal.
        public let fileSHA256: String
        let previousHash: Digest
        let lastHash: Digest
        let key: String
        let signature: [UInt8]

        func statement(log: String) -> SignedStatement {
            SignedStatement(
                title: "CXRGateway audit segment 1",
                fields: [
                    ("log", log), ("number", String(number)), ("first", String(sequences.lowerBound)),
                    ("last", String(sequences.upperBound)), ("previous hash", previousHash.hex),
                    ("last hash", lastHash.hex), ("first time", times.lowerBound.iso8601()),
                    ("last time", times.upperBound.iso8601()), ("file", fileName), ("sha256", fileSHA256), ("key", key),
                ])
        }
    }

    private let pool: DatabasePool
    private let key: Ed25519.SigningKey
    private let directory: URL

    /// Takes the database, the site's signing key, and the directory for segment files.
    public init(pool: DatabasePool, key: Ed25519.SigningKey, directory: URL) {
        self.pool = pool
        self.key = key
        self.directory = directory
    }

    /// Seals records older than `limit` into one segment file, at most `maximumRecords` of them, and takes them out of
    /// the database in the same transaction that records the seal. The last record always stays, and so do records that
    /// an audit repository has not had yet.
    ///
    /// - Returns: the segment; nil when there is nothing that old.
    public func sealRecords(
        before limit: AuditTime, maximumRecords: Int64 = 50_000, person: Person? = nil
    ) throws -> Segment? {
        // The text index must not come across records that are gone.
        try AuditTextIndex.update(pool)
        return try pool.write { db in
            guard let last = try lastSealable(before: limit, in: db) else { return nil }
            return try seal(through: last, maximumRecords: maximumRecords, person: person, in: db)
        }
    }

    /// The last record before the first one that must stay.
    private func lastSealable(before limit: AuditTime, in db: Database) throws -> Int64? {
        let firstKept = try Int64.fetchOne(
            db, sql: "SELECT min(sequence) FROM audit_record WHERE time >= ?", arguments: [limit.microseconds])
        let head = try AuditLog.head(in: db).sequence
        let forwarded = try Int64.fetchOne(db, sql: "SELECT min(cursor) FROM audit_forward") ?? .max
        let last = min((firstKept ?? .max) - 1, head - 1, forwarded)
        let sealed = try Int64.fetchOne(db, sql: "SELECT max(last_sequence) FROM audit_segment") ?? 0
        return last > sealed ? last : nil
    }

    private func seal(
        through last: Int64, maximumRecords: Int64, person: Person?, in db: Database
    ) throws -> Segment {
        try AuditKeys.adopt(key, in: db)
        let log = try AuditLog.identifier(in: db)
        let previous = try Self.segments(in: db).last
        let first = (previous?.sequences.upperBound ?? 0) + 1
        let last = min(last, first + maximumRecords - 1)
        let number = (previous?.number ?? 0) + 1
        let previousHash = try previous?.lastHash ?? Self.genesis(in: db)
        let name = "segment-\(String(number + 1_000_000).dropFirst())-\(first)-\(last).cxraudit"
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appendingPathComponent(name)
        do {
            let writer = try SegmentFile.Writer(
                file,
                header: .init(
                    log: log, number: number, firstSequence: first, lastSequence: last, previousHash: previousHash.hex))
            let (lastHash, times) = try copy(
                db, records: first...last, after: previousHash, to: writer)
            let digest = try writer.finish()
            let segment = Segment(
                number: number, sequences: first...last, times: times, fileName: name, fileSHA256: digest.hex,
                previousHash: previousHash, lastHash: lastHash, key: key.publicKey.fingerprint, signature: [])
            return try record(segment, log: log, person: person, in: db)
        } catch {
            // The transaction will roll back; a file without its seal would only mislead.
            try? FileManager.default.removeItem(at: file)
            throw error
        }
    }

    private func copy(
        _ db: Database, records: ClosedRange<Int64>, after previous: Digest, to writer: SegmentFile.Writer
    ) throws -> (Digest, ClosedRange<AuditTime>) {
        let rows = try RecordCursor(db, after: records.lowerBound - 1, through: records.upperBound)
        let hasher = RecordHasher()
        var hash = previous
        var expected = records.lowerBound
        var earliest = Int64.max
        var latest = Int64.min
        while let sequence = try rows.next() {
            hash = rows.hash(with: hasher, previous: hash)
            guard sequence == expected, rows.hasHash(hash) else {
                throw AuditError.cannotSeal(
                    reason: "the chain is broken at record \(expected); run `cxrgate audit verify`")
            }
            try writer.append(form: hasher.canonicalForm, hash: hash)
            expected += 1
            earliest = min(earliest, rows.time)
            latest = max(latest, rows.time)
        }
        guard expected == records.upperBound + 1 else {
            throw AuditError.cannotSeal(reason: "record \(expected) is missing; run `cxrgate audit verify`")
        }
        return (hash, AuditTime(microseconds: earliest)...AuditTime(microseconds: latest))
    }

    private func record(_ unsigned: Segment, log: String, person: Person?, in db: Database) throws -> Segment {
        let signature = try key.sign(Array(unsigned.statement(log: log).body.utf8))
        let segment = Segment(
            number: unsigned.number, sequences: unsigned.sequences, times: unsigned.times,
            fileName: unsigned.fileName, fileSHA256: unsigned.fileSHA256, previousHash: unsigned.previousHash,
            lastHash: unsigned.lastHash, key: unsigned.key, signature: signature)
        let time = AuditTime.now
        try db.execute(
            sql: "INSERT INTO audit_segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                segment.number, segment.sequences.lowerBound, segment.sequences.upperBound,
                Data(segment.previousHash.bytes), Data(segment.lastHash.bytes), segment.times.lowerBound.microseconds,
                segment.times.upperBound.microseconds, segment.fileName, segment.fileSHA256, time.microseconds,
                segment.key, Data(signature),
            ])
        try AuditTextIndex.remove(through: segment.sequences.upperBound, in: db)
        try db.execute(
            sql: "DELETE FROM audit_record WHERE sequence <= ?", arguments: [segment.sequences.upperBound])
        try AuditLog.append(
            AuditEvent(
                .auditSegmentSealed, at: time, person: person,
                objects: [
                    ParticipantObject(
                        .file, identifier: segment.fileName, name: "Sealed audit segment",
                        details: [
                            "first": String(segment.sequences.lowerBound), "last": String(segment.sequences.upperBound),
                            "sha256": segment.fileSHA256,
                        ])
                ]),
            in: db)
        return segment
    }

    /// The sealed segments in order.
    public static func segments(in db: Database) throws -> [Segment] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT number, first_sequence, last_sequence, first_time, last_time, file_name, file_sha256,
                    previous_hash, last_hash, key, signature
                FROM audit_segment ORDER BY number
                """
        ).map { row in
            let (first, last): (Int64, Int64) = (row[1], row[2])
            let (earliest, latest): (Int64, Int64) = (row[3], row[4])
            return Segment(
                number: row[0], sequences: first...max(first, last),
                times: AuditTime(microseconds: earliest)...AuditTime(microseconds: max(earliest, latest)),
                fileName: row[5], fileSHA256: row[6], previousHash: Digest(bytes: [UInt8](row[7] as Data)),
                lastHash: Digest(bytes: [UInt8](row[8] as Data)), key: row[9], signature: [UInt8](row[10] as Data))
        }
    }

    static func genesis(in db: Database) throws -> Digest {
        let created = try Int64.fetchOne(db, sql: "SELECT created FROM audit_log") ?? 0
        return AuditSchema.genesis(
            identifier: try AuditLog.identifier(in: db), created: AuditTime(microseconds: created))
    }
}
