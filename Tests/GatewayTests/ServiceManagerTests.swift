import Foundation
import TestSupport
import Testing

/// The gateway under a service manager: what it tells systemd, its log, and how it ends when it cannot start.
@Suite struct ServiceManagerTests {
    private let scratch: ScratchDirectory

    init() throws {
        scratch = try ScratchDirectory()
    }

    @Test func theServiceManagerHearsReadyAliveAndStopping() throws {
        let inbox = try DatagramInbox(path: scratch.url.appendingPathComponent("n").path)
        let gateway = try GatewayProcess(
            in: scratch.url, environment: ["NOTIFY_SOCKET": inbox.path, "WATCHDOG_USEC": "200000"])
        // A start that takes longer than half the watchdog's time says so before it is ready.
        var first = inbox.next()
        while first == "WATCHDOG=1" { first = inbox.next() }
        #expect(first == "READY=1")
        #expect(inbox.next() == "WATCHDOG=1")
        #expect(inbox.next() == "WATCHDOG=1")
        #expect(gateway.stop() == 0)
        var last = inbox.next()
        while last == "WATCHDOG=1" { last = inbox.next() }
        #expect(last == "STOPPING=1")
    }

    /// It was killed by a signal that came between the greeting and the trap.
    @Test func aGatewayThatHasJustSaidItIsReadyStopsInGoodOrder() throws {
        for _ in 0..<5 {
            let gateway = try GatewayProcess(in: scratch.url)
            #expect(gateway.stop() == 0)
        }
    }

    @Test func anotherProcessesWatchdogIsNotOurs() throws {
        let inbox = try DatagramInbox(path: scratch.url.appendingPathComponent("n").path)
        let gateway = try GatewayProcess(
            in: scratch.url,
            environment: ["NOTIFY_SOCKET": inbox.path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"])
        #expect(inbox.next() == "READY=1")
        #expect(gateway.stop() == 0)
        #expect(inbox.next() == "STOPPING=1")
    }

    // MARK: - Log

    private func useEverything(_ gateway: GatewayProcess) throws {
        let known = try SyntheticInstance(in: scratch.url) { dataset in
            try dataset.set(.patientName, "Zwolftonner^Quirina")
            try dataset.set(.patientID, "PID-987654")
        }
        let conflict = try SyntheticInstance(
            in: scratch.url, study: known.study, series: known.series, sopInstance: known.sopInstance
        ) { dataset in
            try dataset.set(.patientName, "Zwolftonner^Quirina")
            try dataset.set(.patientID, "PID-987654")
        }
        for instance in [known, known, conflict] {
            _ = try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path])
        }
        _ = try Command.run("echoscu", ["-aec", "OTHER", "127.0.0.1", "\(gateway.port)"])
        let socket = try RawSocket(port: gateway.port)
        socket.send(Array("\u{1}\n\"garbage\"".utf8))
    }

    @Test func everyLogLineIsJSONWithoutPatientData() throws {
        let gateway = try GatewayProcess(
            in: scratch.url, options: "log-format: json\nlog-level: trace\nassociations: {acse-timeout: 1s}\n")
        try useEverything(gateway)
        #expect(eventually { gateway.log.contains("connection without an association") })
        #expect(gateway.stop() == 0)
        // The greeting for people goes to standard output, which this file holds as well.
        let lines = gateway.log.split(separator: "\n").filter { $0.hasPrefix("{") }
        #expect(lines.count > 5)
        for line in lines {
            let entry = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
            #expect(["time", "level", "logger", "source", "message"].allSatisfy { entry[$0] is String }, "\(line)")
            let time = try #require(entry["time"] as? String)
            #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
        }
        #expect(gateway.log.contains(#""message":"association refused""#))
        #expect(!gateway.log.contains("Zwolftonner") && !gateway.log.contains("987654"))
        let greeting = Set(["cxrgate is ready.", "Try it from another terminal:", "Stop it with Ctrl-C."])
        let others = gateway.log.split(separator: "\n").filter { !$0.hasPrefix("{") && !$0.hasPrefix("  ") }
        #expect(Set(others.map(String.init)).isSubset(of: greeting), "\(others)")
    }

    @Test func theTextLogHasNoPatientDataEither() throws {
        let gateway = try GatewayProcess(in: scratch.url, options: "log-level: trace\n")
        try useEverything(gateway)
        #expect(eventually { gateway.log.contains("association refused") })
        #expect(!gateway.log.contains("Zwolftonner") && !gateway.log.contains("987654"))
    }

    // MARK: - Starts that fail

    private func serve(_ configuration: String) throws -> Command.Answer {
        let file = scratch.url.appendingPathComponent("bad.yaml")
        try Data((configuration + "\noperations: {port: 0}\nlog-level: error\n").utf8).write(to: file)
        return try Command.run("timeout", ["60", Command.cxrgate, "serve", "--config", file.path])
    }

    private func storage(_ path: String) -> String {
        "storage: {directory: \(path), minimum-free-bytes: 0KiB, minimum-free-percent: 0}\n"
    }

    @Test func aConfigurationWithMistakesIsBadUsage() throws {
        let answer = try serve(storage(scratch.url.path) + "listeners: [{port: seventy}]")
        #expect(answer.status == 2)
        #expect(answer.errors.contains("listeners[0].port: must be a whole number"), "\(answer.errors)")
        let missing = try Command.run(Command.cxrgate, ["serve", "--config", "/nonexistent/cxrgate.yaml"])
        #expect(missing.status == 2)
        #expect(missing.errors.contains("/nonexistent/cxrgate.yaml"), "\(missing.errors)")
    }

    @Test func aTakenPortIsNamedInOneLine() throws {
        let taken = try RawListener()
        let answer = try serve(
            storage(scratch.url.appendingPathComponent("s").path)
                + "listeners: [{port: \(taken.port)}]\nreading: {model: none}")
        #expect(answer.status == 1)
        #expect(answer.errors.split(separator: "\n").count == 1, "\(answer.errors)")
        #expect(answer.errors.contains("\(taken.port)"), "\(answer.errors)")
    }

    @Test func storageThatCannotBeMadeIsNamedInOneLine() throws {
        let file = scratch.url.appendingPathComponent("file")
        try Data().write(to: file)
        let answer = try serve(storage(file.appendingPathComponent("storage").path) + "listeners: [{port: 0}]")
        #expect(answer.status == 1)
        #expect(answer.errors.split(separator: "\n").count == 1, "\(answer.errors)")
        #expect(answer.errors.contains("\(file.path)/storage: Not a directory"), "\(answer.errors)")
    }

    @Test func aDatabaseThatIsNoneIsNamedInOneLine() throws {
        let directory = scratch.url.appendingPathComponent("s")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try Data("this is no database, though it is long enough for a header of one".utf8)
            .write(to: directory.appendingPathComponent("cxrgate.sqlite"))
        let answer = try serve(storage(directory.path) + "listeners: [{port: 0}]")
        #expect(answer.status == 1)
        #expect(answer.errors.split(separator: "\n").count == 1, "\(answer.errors)")
        #expect(answer.errors.contains("cxrgate.sqlite"), "\(answer.errors)")
    }
}

/// The receiving end of sd_notify.
private final class DatagramInbox: Sendable {
    let path: String
    private let descriptor: Int32

    init(path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Command.Missing(description: "\(path) is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let descriptor = descriptor
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Command.Missing(description: "\(path) cannot be bound") }
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
    }

    /// The next message; `nil` when none comes.
    func next() -> String? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
