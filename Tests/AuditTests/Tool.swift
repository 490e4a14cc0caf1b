import Foundation
import Testing

/// Programs that tests hold our output against. A missing one fails the test and says what to install.
enum Tool {
    struct Output {
        let status: Int32
        let text: String
    }

    static func path(_ name: String, package: String) throws -> String {
        let path = ["/usr/bin/\(name)", "/usr/sbin/\(name)"].first { FileManager.default.isExecutableFile(atPath: $0) }
        return try #require(path, "\(name) is not installed; run: apt install \(package)")
    }

    static func run(_ name: String, package: String, _ arguments: [String]) throws -> Output {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try path(name, package: package))
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Output(status: process.terminationStatus, text: String(decoding: data, as: UTF8.self))
    }

    static func openssl(_ arguments: [String]) throws {
        let output = try run("openssl", package: "openssl", arguments)
        try #require(output.status == 0, "openssl \(arguments.joined(separator: " ")): \(output.text)")
    }

    /// Validates files against the schema of PS3.15 A.5.1 with libxml2.
    static func validate(_ files: [URL]) throws -> Output {
        let schema = try #require(
            Bundle.module.url(forResource: "audit-message", withExtension: "rng", subdirectory: "Schema"))
        return try run(
            "xmllint", package: "libxml2-utils", ["--noout", "--nonet", "--relaxng", schema.path] + files.map(\.path))
    }

    /// Waits until `condition` holds.
    static func wait(
        for what: String, seconds: Double = 60, _ condition: () throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try !condition() {
            try #require(ContinuousClock.now < deadline, "waited \(seconds) s for \(what)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// A port that was free a moment ago.
    static func freePort(isStream: Bool) throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                try #require(bind(descriptor, generic, size) == 0)
                try #require(getsockname(descriptor, generic, &size) == 0)
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
    }
}
