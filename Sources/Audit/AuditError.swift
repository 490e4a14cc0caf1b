/// What can go wrong with the audit log itself. A caller that gets one must fail the operation that it wanted to audit.
public enum AuditError: Error, Equatable, CustomStringConvertible {
    /// An event was to be appended outside a transaction, so that it could not commit with the change it describes.
    case notInTransaction
    /// The database has no audit tables, or only a part of them.
    case notAnAuditDatabase(path: String)
    /// A stored record cannot be read back: it was altered outside the gateway.
    case unreadableRecord(sequence: Int64, reason: String)
    /// A signing key does not fit the log's history of keys.
    case key(reason: String)
    /// A head statement or a segment file is not what it should be.
    case unreadableFile(path: String, reason: String)
    /// Retention cannot seal what was asked.
    case cannotSeal(reason: String)
    /// A query makes no sense.
    case badQuery(reason: String)

    public var description: String {
        switch self {
        case .notInTransaction:
            "an audit event must be appended inside the transaction of the change it describes"
        case .notAnAuditDatabase(let path):
            "\(path) holds no audit log; check the path, or start the service once to create it"
        case .unreadableRecord(let sequence, let reason):
            "audit record \(sequence) cannot be read: \(reason); run `cxrgate audit verify`"
        case .key(let reason):
            "audit signing key: \(reason)"
        case .unreadableFile(let path, let reason):
            "\(path): \(reason)"
        case .cannotSeal(let reason):
            "nothing was sealed: \(reason)"
        case .badQuery(let reason):
            "the query makes no sense: \(reason)"
        }
    }
}
