import COpenSSL
import Foundation

/// A TLS connection to a repository (RFC 5425): version 1.2 or later, the far side's name checked against its
/// certificate, ours shown when asked for.
final class TLSConnection: SyslogConnection {
    private let socket: Socket
    private let context: OpaquePointer
    private let session: OpaquePointer
    private let timeout: Duration

    init(_ repository: AuditRepository, identity: TLSIdentity) throws(TransportError) {
        // A write to a connection that the far side has closed must be an error, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let context = try Self.makeContext(identity)
        do throws(TransportError) {
            socket = try Socket(
                host: repository.host, port: repository.port, isStream: true, timeout: repository.timeout)
            guard let session = SSL_new(context) else { throw Self.failure("begin a TLS session") }
            self.session = session
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
        timeout = repository.timeout
        try handshake(name: identity.expectedName ?? repository.host)
    }

    deinit {
        // One close_notify, without waiting for the answer.
        ERR_clear_error()
        SSL_shutdown(session)
        SSL_free(session)
        SSL_CTX_free(context)
    }

    private static func makeContext(_ identity: TLSIdentity) throws(TransportError) -> OpaquePointer {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw failure("set up TLS") }
        do throws(TransportError) {
            guard SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1 else {
                throw failure("ask for TLS 1.2")
            }
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
            guard SSL_CTX_load_verify_locations(context, identity.trustedCertificates.path, nil) == 1 else {
                throw failure("read the trusted certificates in \(identity.trustedCertificates.path)")
            }
            if let chain = identity.certificateChain {
                guard SSL_CTX_use_certificate_chain_file(context, chain.path) == 1 else {
                    throw failure("read our certificate in \(chain.path)")
                }
            }
            if let key = identity.privateKey {
                guard SSL_CTX_use_PrivateKey_file(context, key.path, SSL_FILETYPE_PEM) == 1,
                    SSL_CTX_check_private_key(context) == 1
                else { throw failure("use our private key in \(key.path)") }
            }
            return context
        } catch {
            SSL_CTX_free(context)
            throw error
        }
    }

    private func handshake(name: String) throws(TransportError) {
        var address = in6_addr()
        let isAddress = inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1
        if isAddress {
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) == 1 else {
                throw Self.failure("ask for the address \(name)")
            }
        } else {
            let sent = name.withCString { text in
                SSL_ctrl(
                    session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
                    UnsafeMutableRawPointer(mutating: text))
            }
            guard sent == 1, SSL_set1_host(session, name) == 1 else { throw Self.failure("ask for the name \(name)") }
        }
        guard SSL_set_fd(session, socket.descriptor) == 1 else { throw Self.failure("begin a TLS session") }
        try complete("agree on TLS") { SSL_connect(session) }
        try awaitVerdict()
    }

    /// In TLS 1.3 our handshake ends before the repository has looked at our certificate. Its session tickets say that
    /// it has accepted it, an alert that it has not; one without tickets says nothing, and costs this wait.
    private func awaitVerdict() throws(TransportError) {
        guard SSL_version(session) == TLS1_3_VERSION else { return }
        _ = socket.wait(for: Int16(POLLIN), .milliseconds(500))
        guard isAlive else { throw .unreachable("the repository closed the connection; does it know our certificate?") }
    }

    var isAlive: Bool {
        drain()
        return !socket.isClosedByPeer && SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN == 0
    }

    func send(_ message: SyslogMessage) throws(TransportError) {
        let frame = message.frame
        try complete("send") { SSL_write(session, frame, Int32(frame.count)) }
    }

    func confirm() throws(TransportError) {
        let deadline = ContinuousClock.now + timeout
        while socket.unacknowledgedByteCount > 0 {
            guard ContinuousClock.now < deadline else {
                throw .unreachable("the repository does not take our messages")
            }
            guard isAlive else { throw .unreachable("the repository closed the connection") }
            usleep(500)
        }
        guard isAlive else { throw .unreachable("the repository closed the connection") }
    }

    /// Repeats a TLS operation until it is done, waiting for the socket in between.
    private func complete(_ purpose: String, _ operation: () -> Int32) throws(TransportError) {
        let deadline = ContinuousClock.now + timeout
        while true {
            ERR_clear_error()
            let result = operation()
            if result > 0 { return }
            let events: Int32
            switch SSL_get_error(session, result) {
            case SSL_ERROR_WANT_READ: events = Int32(POLLIN)
            case SSL_ERROR_WANT_WRITE: events = Int32(POLLOUT)
            case SSL_ERROR_SYSCALL where errno != 0: throw .unreachable("cannot \(purpose): \(Socket.text(errno))")
            default: throw failure(purpose)
            }
            guard socket.wait(for: Int16(events), deadline - .now) else {
                throw .unreachable("cannot \(purpose): no answer in \(timeout)")
            }
        }
    }

    /// Takes what the far side sent: session tickets, or its farewell. Syslog has no answers.
    private func drain() {
        var bytes = [UInt8](repeating: 0, count: 1024)
        ERR_clear_error()
        while SSL_read(session, &bytes, Int32(bytes.count)) > 0 {}
        ERR_clear_error()
    }

    private func failure(_ purpose: String) -> TransportError {
        let verdict = SSL_get_verify_result(session)
        if verdict != Int(X509_V_OK) {
            ERR_clear_error()
            return .unreachable(
                "its certificate is refused: \(String(cString: X509_verify_cert_error_string(verdict)))")
        }
        return Self.failure(purpose)
    }

    private static func failure(_ purpose: String) -> TransportError {
        var text = [CChar](repeating: 0, count: 256)
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return .unreachable("cannot \(purpose): the connection ended") }
        ERR_error_string_n(code, &text, text.count)
        let reason = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return .unreachable("cannot \(purpose): \(reason)")
    }
}
