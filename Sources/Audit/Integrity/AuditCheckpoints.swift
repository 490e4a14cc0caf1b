import Cryptography
import Foundation
import GRDB

/// Signed statements of the chain's head, kept in the log.
public enum AuditCheckpoints {
    /// Signs the present head. The key becomes the log's key if it has none.
    ///
    /// - Returns: the statement to export; nil when nothing was appended since the last checkpoint.
    /// - Throws: ``AuditError/key(reason:)`` when `key` is not the log's present key.
    public static func sign(with key: Ed25519.SigningKey, in db: Database) throws -> HeadStatement? {
        guard db.isInsideTransaction else { throw AuditError.notInTransaction }
        try AuditKeys.adopt(key, in: db)
        let head = try AuditLog.head(in: db)
        let last = try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM audit_checkpoint") ?? 0
        guard head.sequence > last else { return nil }
        let log = try AuditLog.identifier(in: db)
        let time = AuditTime.now
        let fingerprint = key.publicKey.fingerprint
        let statement = HeadStatement.statement(log: log, position: head, time: time, key: fingerprint)
        let signature = try key.sign(Array(statement.body.utf8))
        try db.execute(
            sql: "INSERT INTO audit_checkpoint (sequence, time, hash, key, signature) VALUES (?, ?, ?, ?, ?)",
            arguments: [head.sequence, time.microseconds, Data(head.hash.bytes), fingerprint, Data(signature)])
        return HeadStatement(log: log, position: head, time: time, key: fingerprint, signature: signature)
    }

    /// The last statement signed, if any.
    public static func latest(in db: Database) throws -> HeadStatement? {
        let log = try AuditLog.identifier(in: db)
        return try Row.fetchOne(db, sql: "\(selection) ORDER BY sequence DESC LIMIT 1").map { head($0, log: log) }
    }

    static let selection = "SELECT sequence, time, hash, key, signature FROM audit_checkpoint"

    static func head(_ row: Row, log: String) -> HeadStatement {
        HeadStatement(
            log: log, position: ChainPosition(sequence: row[0], hash: Digest(bytes: [UInt8](row[2] as Data))),
            time: AuditTime(microseconds: row[1]), key: row[3], signature: [UInt8](row[4] as Data))
    }
}

/// Keeps a running service's log signed, its head exported and its text index fresh.
public actor AuditKeeper {
    /// When to sign.
    public struct Schedule: Sendable {
        /// Sign when this many records have been appended.
        public var records: Int64
        /// Sign when anything was appended and this much time has passed.
        public var interval: Duration

        /// Chooses when to sign.
        public init(records: Int64 = 1000, interval: Duration = .seconds(60)) {
            self.records = records
            self.interval = interval
        }
    }

    private let pool: DatabasePool
    private let key: Ed25519.SigningKey
    private let headFile: URL?
    private let schedule: Schedule
    private var signedSequence: Int64 = 0
    private var signedAt: ContinuousClock.Instant?

    /// Takes the service's database, the site's key, and the file that always holds the last head statement, best on
    /// another machine's disk.
    public init(pool: DatabasePool, key: Ed25519.SigningKey, headFile: URL? = nil, schedule: Schedule = Schedule()) {
        self.pool = pool
        self.key = key
        self.headFile = headFile
        self.schedule = schedule
    }

    /// Signs the head now; the service calls it at its start and at its stop.
    ///
    /// - Returns: the statement signed; nil when nothing was appended since the last one.
    @discardableResult
    public func sign() throws -> HeadStatement? {
        let statement = try pool.write { try AuditCheckpoints.sign(with: key, in: $0) }
        signedAt = .now
        if let statement {
            signedSequence = statement.position.sequence
            if let headFile { try Data(statement.text.utf8).write(to: headFile, options: .atomic) }
        }
        return statement
    }

    /// Signs if the schedule says so, and brings the text index up to date. To be called every second or so.
    public func tick() throws {
        try AuditTextIndex.update(pool)
        let head = try pool.read { try AuditLog.head(in: $0) }
        let isLate = signedAt.map { ContinuousClock.now - $0 >= schedule.interval } ?? true
        if head.sequence - signedSequence >= schedule.records || (isLate && head.sequence > signedSequence) {
            try sign()
        }
    }

    /// Ticks until cancelled, then signs a last time.
    ///
    /// - Throws: the first error, so that a service that can no longer sign its log stops.
    public func run(every period: Duration = .seconds(1)) async throws {
        try sign()
        while !Task.isCancelled {
            try? await Task.sleep(for: period)
            try tick()
        }
        try sign()
    }
}
