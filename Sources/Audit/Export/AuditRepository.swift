import Foundation

/// An audit record repository: where records are forwarded to.
public struct AuditRepository: Sendable {
    /// How messages travel.
    public enum Transport: Sendable {
        /// One datagram a message (RFC 5426). Nothing tells that it arrived.
        case udp
        /// TLS with octet counting (RFC 5425).
        case tls(TLSIdentity)
    }

    /// The name under which the forward queue keeps its place; changing it begins anew.
    public var name: String
    /// Host name or IP address.
    public var host: String
    /// Port, 514 for UDP and 6514 for TLS by custom.
    public var port: UInt16
    /// How messages travel.
    public var transport: Transport
    /// How long connecting, and waiting for the repository to take a batch, may last.
    public var timeout: Duration

    /// Describes a repository.
    public init(
        name: String, host: String, port: UInt16, transport: Transport, timeout: Duration = .seconds(10)
    ) {
        self.name = name
        self.host = host
        self.port = port
        self.transport = transport
        self.timeout = timeout
    }
}

/// Whom we trust and who we are in TLS; all files in PEM form.
public struct TLSIdentity: Sendable {
    /// The authorities that may vouch for the repository.
    public var trustedCertificates: URL
    /// Our certificate chain, where the repository asks for one.
    public var certificateChain: URL?
    /// Our private key.
    public var privateKey: URL?
    /// The name that the repository's certificate must bear; nil for the host connected to.
    public var expectedName: String?

    /// Names the files.
    public init(
        trustedCertificates: URL, certificateChain: URL? = nil, privateKey: URL? = nil, expectedName: String? = nil
    ) {
        self.trustedCertificates = trustedCertificates
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.expectedName = expectedName
    }
}

/// Why a message did not reach a repository.
enum TransportError: Error, CustomStringConvertible {
    /// The repository cannot be reached now; later it may.
    case unreachable(String)
    /// This message will never go; others may.
    case unsendable(String)

    var description: String {
        switch self {
        case .unreachable(let reason), .unsendable(let reason): reason
        }
    }
}

/// A connection to a repository, used from one queue.
protocol SyslogConnection: AnyObject {
    /// Whether the far side has not closed since.
    var isAlive: Bool { get }
    /// Hands a message to the network.
    func send(_ message: SyslogMessage) throws(TransportError)
    /// Waits until the far side's system has taken everything sent, as far as the transport can tell.
    func confirm() throws(TransportError)
}
