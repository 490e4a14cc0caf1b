import Foundation

/// One accepted, non-blocking socket of an `HTTPEndpoint`: reads one request, answers it and closes.
final class HTTPConnection: Sendable {
    private let descriptor: Int32

    /// Takes the socket over.
    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Reads a request and answers it.
    func serve(_ respond: (String) -> HTTPEndpoint.Response?) {
        switch readHead() {
        case .none: return
        case .some(.failure(let refusal)): answer(refusal)
        case .some(.success(let head)):
            switch HTTPRequestLine(head) {
            case nil:
                answer(.refusal(400))
            case .some(let line) where line.method != "GET" && line.method != "HEAD":
                answer(.refusal(405))
            case .some(let line):
                answer(respond(line.path) ?? .refusal(404), withBody: line.method == "GET")
            }
        }
    }

    /// Answers that too many are connected, without waiting for a request.
    func refuse() {
        _ = send(message(.refusal(503), withBody: true), until: Date())
    }

    /// - Returns: `nil` when the client went away.
    private func readHead() -> Result<[UInt8], HTTPEndpoint.Response>? {
        let deadline = Date(timeIntervalSinceNow: HTTPEndpoint.Limit.seconds)
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        while true {
            guard wait(for: Int16(POLLIN), until: deadline) else {
                return .failure(.refusal(408))
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }
            guard count > 0 else { return nil }
            // The end may lie across two pieces.
            let start = max(0, head.count - 3)
            head += buffer[..<count]
            if let end = head[start...].firstRange(of: [13, 10, 13, 10]) {
                guard end.upperBound <= HTTPEndpoint.Limit.headBytes else { break }
                return .success(Array(head[..<end.lowerBound]))
            }
            if head.count > HTTPEndpoint.Limit.headBytes { break }
        }
        return .failure(.refusal(431))
    }

    private func answer(_ response: HTTPEndpoint.Response, withBody: Bool = true) {
        let deadline = Date(timeIntervalSinceNow: HTTPEndpoint.Limit.seconds)
        guard send(message(response, withBody: withBody), until: deadline) else { return }
        // Closing with unread bytes resets the connection, and the client may lose the answer: what it still sends is
        // read for a moment.
        shutdown(descriptor, Int32(SHUT_WR))
        var rest = 1 << 20
        var buffer = [UInt8](repeating: 0, count: 16384)
        let end = Date(timeIntervalSinceNow: 1)
        while rest > 0, wait(for: Int16(POLLIN), until: end) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            rest -= count
        }
    }

    /// Reason phrases (RFC 9110 15).
    fileprivate static let phrases = [
        200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
        431: "Request Header Fields Too Large", 503: "Service Unavailable",
    ]

    private func message(_ response: HTTPEndpoint.Response, withBody: Bool) -> [UInt8] {
        let body = Array(response.body.utf8)
        let phrase = Self.phrases[response.status] ?? ""
        let head = """
            HTTP/1.1 \(response.status) \(phrase)\r
            Content-Type: \(response.contentType)\r
            Content-Length: \(body.count)\r
            Cache-Control: no-store\r
            X-Content-Type-Options: nosniff\r
            Connection: close\r
            \(response.status == 405 ? "Allow: GET, HEAD\r\n" : "")\r

            """
        return Array(head.utf8) + (withBody ? body : [])
    }

    private func send(_ bytes: [UInt8], until deadline: Date) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0 && (errno == EAGAIN || errno == EINTR) {
                guard wait(for: Int16(POLLOUT), until: deadline) else { return false }
            } else {
                return false
            }
        }
        return true
    }

    private func wait(for events: Int16, until deadline: Date) -> Bool {
        while true {
            let left = deadline.timeIntervalSinceNow
            guard left > 0 else { return false }
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let count = poll(&entry, 1, Int32(left * 1000) + 1)
            if count > 0 { return true }
            if count < 0 && errno != EINTR { return false }
        }
    }
}

/// `GET /metrics?x=1 HTTP/1.1` with the query left out.
struct HTTPRequestLine: Equatable {
    let method: String
    let path: String

    /// `nil` when the head does not begin with a request line of HTTP/1.
    init?(_ head: [UInt8]) {
        let line = head.prefix { $0 != 13 && $0 != 10 }
        guard line.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return nil }
        let parts = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy({ $0.isLetter && $0.isUppercase }),
            parts[1].hasPrefix("/"), ["HTTP/1.0", "HTTP/1.1"].contains(parts[2])
        else { return nil }
        method = String(parts[0])
        path = String(parts[1].prefix { $0 != "?" })
    }
}

extension HTTPEndpoint.Response: Error {
    fileprivate static func refusal(_ status: Int) -> HTTPEndpoint.Response {
        let phrase = HTTPConnection.phrases[status] ?? ""
        return HTTPEndpoint.Response(status: status, contentType: "text/plain; charset=utf-8", body: phrase + "\n")
    }
}
