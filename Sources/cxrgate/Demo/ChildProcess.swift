import Foundation

/// A program that runs beside the demonstration and ends with it.
///
/// `@unchecked Sendable`: `Process` is used through calls only that the system makes safe from any thread.
final class ChildProcess: @unchecked Sendable {
    private let process = Process()
    /// Where its output goes.
    let log: URL

    /// Starts a program.
    init(_ program: String, _ arguments: [String], log: URL) throws {
        self.log = log
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let handle = try FileHandle(forWritingTo: log)
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        // What is set for the gateway of this machine must not reach the demonstration's.
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CXRGATE_") }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        try Self.withoutBlockedSignals { try process.run() }
    }

    /// Dispatch's threads block all signals, and a child inherits that: it would not hear SIGTERM.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var blocked = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &blocked)
        defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
        try body()
    }

    /// Whether it still runs.
    var isRunning: Bool { process.isRunning }

    /// What it has written.
    var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// Ends it in good order, or after some seconds without.
    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        let deadline = ContinuousClock.now + .seconds(10)
        while process.isRunning, ContinuousClock.now < deadline { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// The program's path when it is installed.
    static func find(_ name: String) -> String? {
        let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return (directories.map(String.init) + ["/usr/sbin"]).map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

/// Waits until a condition holds.
///
/// - Throws: `CommandFailure` when it does not in time; `CancellationError` when the demonstration is stopped.
func wait(_ what: String, upTo limit: Duration, until condition: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        guard ContinuousClock.now < deadline else {
            throw CommandFailure("\(what) did not happen within \(limit.components.seconds) s")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
