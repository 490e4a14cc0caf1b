import Foundation

/// Runs other programs: the built `cxrgate`, DCMTK's tools, Python.
public enum Command {
    /// What a finished program said.
    public struct Answer: Sendable {
        /// Exit code; negative for the signal that ended it.
        public let status: Int32
        /// Standard output.
        public let output: String
        /// Standard error.
        public let errors: String
    }

    /// Why a program could not be run.
    public struct Missing: Error, CustomStringConvertible {
        /// The program and what to do.
        public let description: String

        /// An error with what to do.
        public init(description: String) {
            self.description = description
        }
    }

    /// The directory of the built products.
    public static let products = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()

    /// The built command line.
    public static let cxrgate = products.appendingPathComponent("cxrgate").path

    /// The test environment's Python.
    ///
    /// - Throws: `Missing` when `Tests/run` has not made it.
    public static func python() throws -> String {
        let path =
            ProcessInfo.processInfo.environment["CXRGATE_PYTHON"]
            ?? SharedData.packageRoot.appendingPathComponent(".venv/bin/python3").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Missing(description: "\(path) is missing: Tests/run makes it")
        }
        return path
    }

    /// The path of an installed program.
    ///
    /// - Throws: `Missing` when it is not installed.
    public static func find(_ name: String) throws -> String {
        if name.hasPrefix("/") { return name }
        let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        guard
            let path = directories.map({ "\($0)/\(name)" }).first(where: {
                FileManager.default.isExecutableFile(atPath: $0)
            })
        else { throw Missing(description: "\(name) is not installed: Tests/run installs it") }
        return path
    }

    /// Runs a program to its end.
    ///
    /// - Parameter environment: Added to this process's environment.
    public static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], directory: URL? = nil
    ) throws -> Answer {
        let process = try prepare(program, arguments, environment: environment, directory: directory)
        let scratch = try ScratchDirectory()
        let output = scratch.url.appendingPathComponent("out")
        let errors = scratch.url.appendingPathComponent("err")
        for url in [output, errors] {
            _ = FileManager.default.createFile(atPath: url.path, contents: nil)
        }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        let status =
            process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
        return Answer(
            status: status, output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }

    static func prepare(
        _ program: String, _ arguments: [String], environment: [String: String], directory: URL? = nil
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try find(program))
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.currentDirectoryURL = directory
        process.standardInput = FileHandle.nullDevice
        return process
    }
}

/// A program that runs beside a test and is killed when the value goes away.
///
/// `@unchecked Sendable`: `Process` is only used through calls that the system makes safe from any thread.
public final class BackgroundProcess: @unchecked Sendable {
    private let process: Process
    /// Where its output and errors go.
    public let log: URL

    /// Starts a program.
    public init(_ program: String, _ arguments: [String], environment: [String: String] = [:], log: URL) throws {
        self.log = log
        process = try Command.prepare(program, arguments, environment: environment)
        if !FileManager.default.fileExists(atPath: log.path) {
            _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        }
        let handle = try FileHandle(forWritingTo: log)
        try handle.seekToEnd()
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
    }

    deinit {
        kill(SIGKILL)
    }

    /// Whether it still runs.
    public var isRunning: Bool { process.isRunning }

    /// Its process number.
    public var identifier: Int32 { process.processIdentifier }

    /// Sends a signal.
    public func signal(_ number: Int32) {
        Foundation.kill(process.processIdentifier, number)
    }

    /// Sends a signal and waits for the end.
    ///
    /// - Returns: the exit code, negative for a signal.
    @discardableResult
    public func kill(_ number: Int32) -> Int32 {
        if process.isRunning {
            signal(number)
        }
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
    }

    /// Everything it has written so far.
    public var output: String {
        (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    }
}

/// Waits until a condition holds.
///
/// - Returns: whether it did within the time, which is generous: it bounds a hanging test and asserts no speed.
public func eventually(within seconds: Double = 60, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
        if try condition() { return true }
        Thread.sleep(forTimeInterval: 0.05)
    }
    return try condition()
}

/// A TCP port that is free at this moment.
public func freePort() -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            guard bind(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else {
                return 0
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }
}
