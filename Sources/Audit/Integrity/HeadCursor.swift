import Cryptography
import Foundation
import GRDB

/// The keys whose signatures count in a verification.
struct KeyRing {
    private let keys: [String: Ed25519.PublicKey]

    /// Follows the history of keys from the first one, or from one that is trusted, through each endorsement.
    init(_ db: Database, log: String, trusted: [Ed25519.PublicKey], report: inout VerificationReport) throws {
        let history: [AuditKeys.Entry]
        do {
            history = try AuditKeys.history(in: db)
        } catch is CryptographyError {
            report.fault(.untrustedKey, nil, "a key in the log's history of keys is no Ed25519 key")
            keys = [:]
            return
        }
        var accepted: [String: Ed25519.PublicKey] = [:]
        let trustedFingerprints = Set(trusted.map(\.fingerprint))
        for (index, entry) in history.enumerated() {
            let fingerprint = entry.publicKey.fingerprint
            let isTrusted = trustedFingerprints.contains(fingerprint)
            let isFirst = index == 0 && trusted.isEmpty
            let isEndorsed = Self.isEndorsed(entry, by: accepted, log: log)
            if isTrusted || isFirst || isEndorsed {
                accepted[fingerprint] = entry.publicKey
            } else {
                report.fault(
                    .untrustedKey, entry.sequence,
                    """
                    key \(fingerprint), introduced at record \(entry.sequence), is neither trusted nor endorsed by a \
                    key that is; if it replaces a lost key, compare its fingerprint with the site's records and name \
                    its file with --key
                    """)
            }
            if isTrusted { report.isAnchoredInTrustedKey = true }
        }
        report.presentKey = history.last?.publicKey.fingerprint
        if !trusted.isEmpty, history.isEmpty {
            report.fault(.untrustedKey, nil, "the log has no signing key, so nothing in it is signed by a trusted one")
        }
        keys = accepted
    }

    private static func isEndorsed(
        _ entry: AuditKeys.Entry, by accepted: [String: Ed25519.PublicKey], log: String
    ) -> Bool {
        guard let endorser = entry.endorsedBy, let key = accepted[endorser], let signature = entry.endorsement else {
            return false
        }
        let body = AuditKeys.endorsement(log: log, of: entry.publicKey, by: endorser)
        return key.isValid(signature: signature, for: Array(body.utf8))
    }

    subscript(fingerprint: String) -> Ed25519.PublicKey? { keys[fingerprint] }
}

/// The signed heads of a log, its own checkpoints and exported ones, in the order of the chain: each is compared with
/// the record that it speaks of when the verification comes to it.
struct HeadCursor {
    private let heads: [(statement: HeadStatement, isExported: Bool)]
    private var next = 0

    init(_ db: Database, exported: [HeadStatement], keys: KeyRing, report: inout VerificationReport) throws {
        let log = report.log
        var heads = try Row.fetchAll(db, sql: AuditCheckpoints.selection).map {
            (statement: AuditCheckpoints.head($0, log: log), isExported: false)
        }
        for head in exported {
            if head.log != log {
                report.fault(
                    .otherLog, nil, "the exported head is of log \(head.log), but this database holds log \(log)")
            }
            heads.append((head, true))
        }
        self.heads = heads.sorted { $0.statement.position.sequence < $1.statement.position.sequence }
        for (head, isExported) in self.heads {
            let signed = keys[head.key].map { head.isSigned(by: $0) }
            if signed != true {
                let reason = signed == nil ? "by key \(head.key), which is not trusted" : "not by the key that it names"
                report.fault(
                    signed == nil ? .untrustedKey : .badSignature, head.position.sequence,
                    "the \(isExported ? "exported head" : "checkpoint") of record \(head.position.sequence) is signed \(reason)"
                )
            }
        }
    }

    /// Compares the heads that speak of the record at `position`; false when one of them disagrees.
    mutating func check(_ position: ChainPosition, _ report: inout VerificationReport) -> Bool {
        while next < heads.count, heads[next].statement.position.sequence <= position.sequence {
            let (head, isExported) = heads[next]
            next += 1
            guard head.position.sequence == position.sequence else {
                report.checkpointsOutOfSight += 1
                continue
            }
            if isExported { report.exportedHeadCount += 1 } else { report.checkpointCount += 1 }
            if head.position.hash != position.hash {
                report.fault(
                    .headMismatch, position.sequence,
                    """
                    the log was rewritten at or before record \(position.sequence): on \(head.time.iso8601()) its hash \
                    was signed as \(head.position.hash.hex.prefix(16))…, now it is \(position.hash.hex.prefix(16))…
                    """)
                return false
            }
        }
        return true
    }

    /// Passes over heads of records that are not at hand.
    mutating func skip(through sequence: Int64, _ report: inout VerificationReport) {
        while next < heads.count, heads[next].statement.position.sequence <= sequence {
            next += 1
            report.checkpointsOutOfSight += 1
        }
    }

    /// What is left when the records end speaks of records that are gone.
    func finish(at position: ChainPosition, _ report: inout VerificationReport) {
        guard next < heads.count, let last = heads.last else { return }
        report.fault(
            .truncatedTail, position.sequence + 1,
            """
            the log ends at record \(position.sequence), but record \(last.statement.position.sequence) was signed on \
            \(last.statement.time.iso8601()): the tail was cut off
            """)
    }
}
