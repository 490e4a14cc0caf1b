import Cryptography
import Foundation
import GRDB

/// The history of keys that sign for a log: the first one, and each successor with its predecessor's endorsement.
public enum AuditKeys {
    /// A key in the log's history.
    public struct Entry: Sendable {
        /// The key.
        public let publicKey: Ed25519.PublicKey
        /// When it was introduced.
        public let introduced: AuditTime
        /// The record that says so.
        public let sequence: Int64
        /// The fingerprint of the key that endorsed it; nil for the first key and after a loss.
        public let endorsedBy: String?
        let endorsement: [UInt8]?
    }

    /// The log's keys in the order of their introduction.
    public static func history(in db: Database) throws -> [Entry] {
        try Row.fetchAll(
            db,
            sql: "SELECT public_key, introduced, sequence, endorsed_by, endorsement FROM audit_key ORDER BY sequence"
        ).map { row in
            Entry(
                publicKey: try Ed25519.PublicKey(rawBytes: [UInt8](row[0] as Data)),
                introduced: AuditTime(microseconds: row[1]), sequence: row[2], endorsedBy: row[3],
                endorsement: (row[4] as Data?).map { [UInt8]($0) })
        }
    }

    /// Makes `key` the log's signing key if the log has none, and checks that it is the present one otherwise.
    ///
    /// - Throws: ``AuditError/key(reason:)`` when the log's present key is another one.
    public static func adopt(_ key: Ed25519.SigningKey, in db: Database) throws {
        guard let present = try history(in: db).last else {
            return try introduce(key.publicKey, endorsement: nil, kind: .auditKeyCreated, person: nil, in: db)
        }
        guard present.publicKey == key.publicKey else {
            throw AuditError.key(
                reason: """
                    the key given has fingerprint \(key.publicKey.fingerprint), but this log is signed with \
                    \(present.publicKey.fingerprint); use that key, or run `cxrgate audit key rotate` to change keys, \
                    or `cxrgate audit key replace-lost` if it is gone
                    """)
        }
    }

    /// Makes `next` the signing key in place of `present`, which signs that it is so.
    public static func rotate(
        from present: Ed25519.SigningKey, to next: Ed25519.PublicKey, person: Person?, in db: Database
    ) throws {
        try adopt(present, in: db)
        guard try !history(in: db).contains(where: { $0.publicKey == next }) else {
            throw AuditError.key(reason: "the key \(next.fingerprint) has signed for this log before; make a new one")
        }
        let log = try AuditLog.identifier(in: db)
        let signature = try present.sign(Array(endorsement(log: log, of: next, by: present.publicKey.fingerprint).utf8))
        try introduce(
            next, endorsement: (present.publicKey.fingerprint, signature), kind: .auditKeyRotated, person: person,
            in: db)
    }

    /// Makes `next` the signing key after the present one was lost. Nothing vouches for it but the record and whoever
    /// checks its fingerprint with the site; `verify` asks for it to be trusted by name.
    public static func replaceLost(with next: Ed25519.PublicKey, person: Person?, in db: Database) throws {
        guard let lost = try history(in: db).last else {
            throw AuditError.key(reason: "this log has no key yet that could be lost")
        }
        guard try !history(in: db).contains(where: { $0.publicKey == next }) else {
            throw AuditError.key(reason: "the key \(next.fingerprint) has signed for this log before; make a new one")
        }
        try introduce(
            next, endorsement: nil, kind: .auditKeyCreated, person: person, in: db,
            description: "replaces the lost key \(lost.publicKey.fingerprint)", outcome: .minorFailure)
    }

    static func endorsement(log: String, of key: Ed25519.PublicKey, by endorser: String) -> String {
        SignedStatement(
            title: "CXRGateway audit key 1",
            fields: [
                ("log", log), ("key", key.fingerprint), ("public", Hexadecimal.encode(key.rawBytes)),
                ("endorsed by", endorser),
            ]
        ).body
    }

    private static func introduce(
        _ key: Ed25519.PublicKey, endorsement: (by: String, signature: [UInt8])?, kind: EventKind, person: Person?,
        in db: Database, description: String? = nil, outcome: EventOutcome = .success
    ) throws {
        let time = AuditTime.now
        let event = AuditEvent(
            kind, at: time, outcome: outcome, description: description, person: person,
            objects: [
                ParticipantObject(
                    .key, identifier: key.fingerprint, name: "Ed25519 public key",
                    details: ["public": Hexadecimal.encode(key.rawBytes)])
            ],
            details: endorsement.map { ["endorsedBy": $0.by] } ?? [:])
        let position = try AuditLog.append(event, in: db)
        try db.execute(
            sql: "INSERT INTO audit_key VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                key.fingerprint, Data(key.rawBytes), time.microseconds, position.sequence, endorsement?.by,
                endorsement.map { Data($0.signature) },
            ])
    }
}
