import Cryptography
import Foundation

/// A statement about the log that a person can read and a key has signed: a title, named fields, and the signature.
///
///     CXRGateway audit head 1
///     log: 0b0e…
///     sequence: 4711
///     hash: 9f86…
///     time: 2026-03-01T07:15:30.000000Z
///     key: 5c31…
///     signature: mG3…
///
/// The signature covers every byte before its own line.
struct SignedStatement: Sendable, Equatable {
    let title: String
    let fields: [(name: String, value: String)]

    static func == (left: SignedStatement, right: SignedStatement) -> Bool { left.body == right.body }

    /// The bytes that are signed, as text.
    var body: String {
        ([title] + fields.map { "\($0.name): \($0.value)" }).joined(separator: "\n") + "\n"
    }

    func text(signature: [UInt8]) -> String {
        body + "signature: \(Data(signature).base64EncodedString())\n"
    }

    /// Takes a statement apart; nil when it has another title or shape.
    static func parse(_ text: String, title: String) -> (fields: [String: String], signature: [UInt8])? {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last == "" { lines.removeLast() }
        guard lines.first == title else { return nil }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstRange(of: ": ") else { return nil }
            fields[String(line[..<colon.lowerBound])] = String(line[colon.upperBound...])
        }
        guard let signature = fields["signature"].flatMap({ Data(base64Encoded: $0) }) else { return nil }
        return (fields, [UInt8](signature))
    }
}

/// The head of the chain at a moment, signed: what is kept outside the database so that a rewritten or truncated log
/// shows against it.
public struct HeadStatement: Sendable, Equatable {
    /// The log's identifier.
    public let log: String
    /// The last record's place.
    public let position: ChainPosition
    /// When it was signed.
    public let time: AuditTime
    /// The signing key's fingerprint.
    public let key: String
    /// The Ed25519 signature.
    public let signature: [UInt8]

    static let title = "CXRGateway audit head 1"

    init(log: String, position: ChainPosition, time: AuditTime, key: String, signature: [UInt8]) {
        self.log = log
        self.position = position
        self.time = time
        self.key = key
        self.signature = signature
    }

    static func statement(log: String, position: ChainPosition, time: AuditTime, key: String) -> SignedStatement {
        SignedStatement(
            title: title,
            fields: [
                ("log", log), ("sequence", String(position.sequence)), ("hash", position.hash.hex),
                ("time", time.iso8601()), ("key", key),
            ])
    }

    /// The statement as text, to be kept elsewhere.
    public var text: String { statement.text(signature: signature) }

    private var statement: SignedStatement {
        Self.statement(log: log, position: position, time: time, key: key)
    }

    /// Reads ``text`` back; nil when it is no head statement.
    public init?(text: String) {
        guard let (fields, signature) = SignedStatement.parse(text, title: Self.title),
            let log = fields["log"], let sequence = fields["sequence"].flatMap({ Int64($0) }),
            let hash = fields["hash"].flatMap({ Digest(hex: $0) }), let key = fields["key"],
            let time = fields["time"].flatMap({ AuditTime($0, in: .gmt) })
        else { return nil }
        self.init(
            log: log, position: ChainPosition(sequence: sequence, hash: hash), time: time, key: key,
            signature: signature)
        guard self.text == text || self.text == text + "\n" else { return nil }
    }

    /// Reads a file that holds ``text``.
    public init(contentsOf file: URL) throws {
        guard let data = try? Data(contentsOf: file) else {
            throw AuditError.unreadableFile(path: file.path, reason: "cannot be read; does it exist?")
        }
        guard let head = HeadStatement(text: String(decoding: data, as: UTF8.self)) else {
            throw AuditError.unreadableFile(path: file.path, reason: "is not a head statement of `cxrgate audit head`")
        }
        self = head
    }

    /// Whether `key` signed this statement.
    public func isSigned(by key: Ed25519.PublicKey) -> Bool {
        key.fingerprint == self.key && key.isValid(signature: signature, for: Array(statement.body.utf8))
    }
}
