import CDCMTK
import Foundation

/// Keys and certificates of a secure port or destination: TLS 1.2 and later with the cipher suites of BCP 195
/// (PS3.15 B.12).
public struct TLSSettings: Equatable, Sendable {
    /// PEM file of the private key, without a passphrase. A client may go without.
    public var privateKey: String?

    /// PEM file of the own certificate, needed with a key.
    public var certificate: String?

    /// PEM file of the certificates that are trusted.
    public var trustedCertificates: String?

    /// Whether the peer must show a trusted certificate (mutual authentication on a server).
    public var requiresPeerCertificate: Bool

    /// Settings from file paths.
    public init(
        privateKey: String? = nil, certificate: String? = nil, trustedCertificates: String? = nil,
        requiresPeerCertificate: Bool = true
    ) {
        self.privateKey = privateKey
        self.certificate = certificate
        self.trustedCertificates = trustedCertificates
        self.requiresPeerCertificate = requiresPeerCertificate
    }
}

/// Loaded keys and certificates. One value serves any number of connections at once.
///
/// `@unchecked Sendable`: the handle is immutable after `init` and OpenSSL's contexts are thread-safe for new
/// connections.
public final class TLSContext: @unchecked Sendable {
    let handle: OpaquePointer

    /// Which side of the handshake the context is for.
    public enum Side: Sendable {
        /// Accepts connections.
        case server
        /// Opens connections.
        case client
    }

    /// Loads the files.
    ///
    /// - Throws: `NetworkError.badTLS` naming the file that is missing or does not fit.
    public init(_ settings: TLSSettings, side: Side) throws {
        if side == .server && (settings.privateKey == nil || settings.certificate == nil) {
            throw NetworkError.badTLS(reason: "a secure port needs a private key and a certificate")
        }
        if settings.privateKey != nil && settings.certificate == nil {
            throw NetworkError.badTLS(reason: "a private key is configured without its certificate")
        }
        if settings.requiresPeerCertificate && settings.trustedCertificates == nil {
            throw NetworkError.badTLS(
                reason: "peer certificates are required but no trusted certificates are configured")
        }
        let paths = [settings.privateKey, settings.certificate, settings.trustedCertificates].compactMap { $0 }
        for path in paths where !FileManager.default.isReadableFile(atPath: path) {
            throw NetworkError.badTLS(reason: "\(path) is missing or not readable")
        }
        var message = cxr_message()
        let handle = withCString(settings.privateKey) { key in
            withCString(settings.certificate) { certificate in
                withCString(settings.trustedCertificates) { trusted in
                    var native = cxr_tls_settings(
                        private_key_path: key, certificate_path: certificate, trusted_certificates_path: trusted,
                        require_peer_certificate: settings.requiresPeerCertificate, is_server: side == .server)
                    return cxr_tls_new(&native, &message)
                }
            }
        }
        guard let handle else { throw NetworkError.badTLS(reason: message.string) }
        self.handle = handle
    }

    deinit {
        cxr_tls_free(handle)
    }
}

private func withCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let text else { return body(nil) }
    return text.withCString(body)
}
