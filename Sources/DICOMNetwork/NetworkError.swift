import CDCMTK

/// What can go wrong between two application entities.
public enum NetworkError: Error, Equatable, CustomStringConvertible {
    /// The port cannot be opened.
    case cannotListen(reason: String)
    /// Keys or certificates do not work; names the file.
    case badTLS(reason: String)
    /// The peer refused the association (PS3.8 9.3.4).
    case rejected(peer: String, rejection: AssociationRejection)
    /// There is no association with the peer.
    case unreachable(peer: String, reason: String)
    /// The association ended before an answer.
    case associationFailed(peer: String, reason: String)
    /// The peer does not offer the service.
    case notOffered(peer: String, service: String)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .cannotListen(let reason): reason
        case .badTLS(let reason): "TLS: \(reason)"
        case .rejected(let peer, let rejection): "\(peer) rejected the association: \(rejection)"
        case .unreachable(let peer, let reason): "no association with \(peer): \(reason)"
        case .associationFailed(let peer, let reason): "the association with \(peer) failed: \(reason)"
        case .notOffered(let peer, let service): "\(peer) does not offer \(service)"
        }
    }
}

extension cxr_message {
    var string: String {
        withUnsafeBytes(of: text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
