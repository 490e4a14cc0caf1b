import Foundation

/// A connected, non-blocking socket.
final class Socket {
    let descriptor: Int32
    /// `POLLRDHUP` of poll(2), which Glibc's module leaves out.
    private static let peerClosed: Int16 = 0x2000

    /// Resolves `host` and connects to the first of its addresses that answers.
    init(host: String, port: UInt16, isStream: Bool, timeout: Duration) throws(TransportError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue)
        var addresses: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &addresses)
        guard status == 0 else {
            throw .unreachable("\(host) is not known: \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(addresses) }
        var failure = "\(host) has no address"
        var next = addresses
        while let address = next {
            switch Self.connect(to: address.pointee, timeout: timeout) {
            case .success(let descriptor):
                self.descriptor = descriptor
                return
            case .failure(let error):
                failure = "\(host):\(port): \(error)"
            }
            next = address.pointee.ai_next
        }
        throw .unreachable(failure)
    }

    deinit {
        close(descriptor)
    }

    private static func connect(to address: addrinfo, timeout: Duration) -> Result<Int32, TransportError> {
        let kind = address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ai_family, kind, address.ai_protocol)
        guard descriptor >= 0 else { return .failure(.unreachable(text(errno))) }
        if Foundation.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
            guard errno == EINPROGRESS else {
                defer { close(descriptor) }
                return .failure(.unreachable(text(errno)))
            }
            let code = wait(descriptor, for: Int16(POLLOUT), timeout) ? error(of: descriptor) : ETIMEDOUT
            guard code == 0 else {
                close(descriptor)
                return .failure(.unreachable(text(code)))
            }
        }
        return .success(descriptor)
    }

    /// Waits until the socket is ready for `events`; false when the time is over.
    func wait(for events: Int16, _ timeout: Duration) -> Bool {
        Self.wait(descriptor, for: events, timeout)
    }

    private static func wait(_ descriptor: Int32, for events: Int16, _ timeout: Duration) -> Bool {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        let milliseconds = timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000
        return poll(&entry, 1, Int32(clamping: max(0, milliseconds))) > 0
    }

    /// The error that the socket has come to, and forgets by being asked; 0 for none.
    var pendingError: Int32 { Self.error(of: descriptor) }

    private static func error(of descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno
    }

    /// Whether the far side has closed or reset the connection.
    var isClosedByPeer: Bool {
        var entry = pollfd(fd: descriptor, events: Self.peerClosed, revents: 0)
        guard poll(&entry, 1, 0) > 0 else { return false }
        return entry.revents & (Self.peerClosed | Int16(POLLHUP | POLLERR)) != 0
    }

    /// Bytes that the far side's system has not acknowledged (tcp(7), SIOCOUTQ).
    var unacknowledgedByteCount: Int32 {
        var count: Int32 = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? count : 0
    }

    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// Datagrams to a repository (RFC 5426).
final class UDPConnection: SyslogConnection {
    private let socket: Socket

    init(_ repository: AuditRepository) throws(TransportError) {
        socket = try Socket(
            host: repository.host, port: repository.port, isStream: false, timeout: repository.timeout)
    }

    var isAlive: Bool { true }

    func send(_ message: SyslogMessage) throws(TransportError) {
        while Foundation.send(socket.descriptor, message.bytes, message.bytes.count, Int32(MSG_NOSIGNAL)) < 0 {
            switch errno {
            case EMSGSIZE:
                throw .unsendable("its message of \(message.bytes.count) bytes does not fit into a datagram")
            case EAGAIN, ENOBUFS, EINTR:
                guard socket.wait(for: Int16(POLLOUT), .seconds(1)) else { throw .unreachable("no room to send") }
            case let code:
                throw .unreachable(Socket.text(code))
            }
        }
    }

    /// A host without a repository answers a datagram with "port unreachable", which the socket reports a little later.
    func confirm() throws(TransportError) {
        _ = socket.wait(for: Int16(POLLERR), .milliseconds(20))
        let code = socket.pendingError
        guard code == 0 else { throw .unreachable(Socket.text(code)) }
    }
}
