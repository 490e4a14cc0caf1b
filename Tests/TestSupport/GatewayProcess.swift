import Foundation

/// The built gateway as a process of its own, on loopback, with its files in a scratch directory.
public final class GatewayProcess: Sendable {
    /// The port that it listens on.
    public let port: UInt16
    /// Its storage directory.
    public let storage: URL
    private let process: BackgroundProcess
    private let configuration: URL

    /// The gateway did not start.
    public struct NotReady: Error, CustomStringConvertible {
        /// What it wrote.
        public let description: String

        /// An error with what the process wrote.
        public init(description: String) {
            self.description = description
        }
    }

    /// Starts the gateway and waits until it is ready.
    ///
    /// - Parameters:
    ///   - directory: Holds configuration, log and storage; a second process on it goes on where the first ended.
    ///   - port: A fixed port, so that peers find a restarted gateway again; 0 chooses one.
    ///   - storage: Another place for the storage directory.
    ///   - minimumFreeBytes: The watermark; low, so that a full machine does not fail the tests.
    ///   - options: YAML added to the configuration.
    ///   - storageOptions: YAML added to its `storage` section.
    ///   - environment: Added to the environment of the process.
    public init(
        in directory: URL, port: UInt16 = 0, storage: URL? = nil, minimumFreeBytes: String = "0KiB",
        options: String = "", maximumObjectBytes: String = "1GiB", storageOptions: String = "",
        environment: [String: String] = [:]
    ) throws {
        self.storage = storage ?? directory.appendingPathComponent("storage")
        configuration = directory.appendingPathComponent("cxrgate.yaml")
        try GatewayProcess.write(
            options, port: port, storage: self.storage, minimumFreeBytes: minimumFreeBytes,
            maximumObjectBytes: maximumObjectBytes, storageOptions: storageOptions, to: configuration)
        let log = directory.appendingPathComponent("cxrgate.log")
        let offset = (try? Data(contentsOf: log).count) ?? 0
        let process = try BackgroundProcess(
            Command.cxrgate, ["serve", "--config", configuration.path], environment: environment, log: log)
        self.process = process
        var found: UInt16?
        _ = eventually {
            let text = String(decoding: ((try? Data(contentsOf: log)) ?? Data()).dropFirst(offset), as: UTF8.self)
            found = text.firstMatch(of: /listening as .* port (\d+)/).flatMap { UInt16($0.output.1) }
            return found != nil || !process.isRunning
        }
        guard let found else { throw NotReady(description: process.output) }
        self.port = found
    }

    private static func write(
        _ options: String, port: UInt16, storage: URL, minimumFreeBytes: String = "0KiB",
        maximumObjectBytes: String = "1GiB", storageOptions: String = "", to url: URL
    ) throws {
        let listeners = options.contains("listeners:") ? "" : "listeners:\n  - port: \(port)\n"
        let reading = options.contains("reading:") ? "" : "reading:\n  model: none\n"
        // Gateways of several tests at once must not meet on the default port.
        let operations = options.contains("operations:") ? "" : "operations: {port: 0}\n"
        let text = """
            storage:
              directory: \(storage.path)
              minimum-free-bytes: \(minimumFreeBytes)
              minimum-free-percent: 0
              maximum-object-bytes: \(maximumObjectBytes)
              \(storageOptions)
            \(listeners)\(reading)\(operations)\(options)
            """
        try Data(text.utf8).write(to: url)
    }

    /// Replaces the configuration and asks for a reload.
    public func reload(options: String) throws {
        try GatewayProcess.write(options, port: port, storage: storage, to: configuration)
        process.signal(SIGHUP)
    }

    /// The port of its metrics and health, as its log in text form tells it.
    public var operationsPort: UInt16? {
        log.matches(of: /port=(\d+).*serving metrics and health/).last.flatMap { UInt16($0.output.1) }
    }

    /// Its process number.
    public var identifier: Int32 { process.identifier }

    /// Whether it still runs.
    public var isRunning: Bool { process.isRunning }

    /// What it has written.
    public var log: String { process.output }

    /// Tells it to stop, and does not wait until it has.
    public func beginToStop() {
        process.signal(SIGTERM)
    }

    /// Kills it without warning.
    public func killNine() {
        process.kill(SIGKILL)
    }

    /// Stops it in good order.
    ///
    /// - Returns: the exit code.
    @discardableResult
    public func stop() -> Int32 {
        process.kill(SIGTERM)
    }

    /// Runs a read-only query on its database.
    public func query(_ sql: String) throws -> [String] {
        let answer = try Command.run(
            "sqlite3", ["-readonly", storage.appendingPathComponent("cxrgate.sqlite").path, sql])
        guard answer.status == 0 else { throw NotReady(description: answer.errors) }
        return answer.output.split(separator: "\n").map(String.init)
    }
}
