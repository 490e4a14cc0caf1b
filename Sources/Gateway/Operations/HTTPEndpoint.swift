import DICOMNetwork
import Foundation
import Synchronization

/// A small HTTP/1.1 server for the pages of operations: GET and HEAD, one request a connection.
///
/// It shares a process with the reception of images, so everything that a client can take is bounded: the head of a
/// request, the time for it and for the answer, and the connections at once. That is why it is not a general server:
/// FlyingFox, the light one at hand, bounds neither the size of a header nor the time for it.
final class HTTPEndpoint: Sendable {
    struct Response: Sendable {
        var status: Int
        var contentType: String
        var body: String
    }

    enum Limit {
        /// Of request line and headers together.
        static let headBytes = 8192
        /// From the connection to the end of the head, and again for the answer.
        static let seconds = 5.0
        /// Above it a connection is answered 503.
        static let connections = 16
    }

    /// The address cannot be bound.
    struct Unavailable: Error, CustomStringConvertible {
        let description: String
    }

    /// The port that is bound.
    let port: UInt16
    private let listener: Int32
    private let respond: @Sendable (String) -> Response?
    private let state = Mutex((isStopped: false, connections: 0))

    /// Binds an address.
    ///
    /// - Parameters:
    ///   - address: An IP address.
    ///   - port: 0 chooses a free one.
    ///   - respond: Gives the page of a path, or `nil` for 404. Called on many threads at once.
    /// - Throws: `Unavailable`.
    init(address: String, port: UInt16, respond: @escaping @Sendable (String) -> Response?) throws(Unavailable) {
        self.respond = respond
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let place = "\(address) port \(port)"
        guard getaddrinfo(address, String(port), &hints, &found) == 0, let info = found?.pointee else {
            throw Unavailable(description: "\(place) is not an address")
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(info.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard descriptor >= 0, bind(descriptor, info.ai_addr, info.ai_addrlen) == 0, listen(descriptor, 32) == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw Unavailable(description: "\(place) cannot be opened: \(reason)")
        }
        listener = descriptor
        self.port = HTTPEndpoint.boundPort(descriptor)
    }

    deinit {
        close(listener)
    }

    /// Serves until `stop`. Blocks its thread.
    func run() {
        while !state.withLock(\.isStopped) {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else {
                // Out of descriptors, or a client that left again; after `stop` the loop ends.
                Thread.sleep(forTimeInterval: 0.05)
                continue
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            let connection = HTTPConnection(descriptor: descriptor)
            let hasRoom = state.withLock { state in
                guard state.connections < Limit.connections else { return false }
                state.connections += 1
                return true
            }
            guard hasRoom else {
                connection.refuse()
                continue
            }
            let thread = Thread {
                connection.serve(self.respond)
                self.state.withLock { $0.connections -= 1 }
            }
            thread.name = "operations"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    /// Ends `run`; connections that are open end within their time.
    func stop() {
        state.withLock { $0.isStopped = true }
        // Wakes the thread in `accept4`.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func boundPort(_ descriptor: Int32) -> UInt16 {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
            // The port has the same place in the IPv4 and the IPv6 form.
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                UInt16(bigEndian: $0.pointee.sin_port)
            }
        }
    }
}
