import Foundation
import Testing

@testable import Audit

/// Debian's rsyslog as an audit record repository, unprivileged on a loopback port, with a configuration and
/// certificates made by the test.
final class Rsyslog {
    enum Transport { case udp, tls }

    /// One message as rsyslog took it apart.
    struct Received {
        let sequence: Int64
        let facility: String
        let severity: String
        let messageID: String
        let xml: String
    }

    let port: UInt16
    private let directory: URL
    private let transport: Transport
    private var process: Process?

    init(_ transport: Transport, in directory: URL) throws {
        self.transport = transport
        self.directory = directory.appendingPathComponent("rsyslog")
        port = try Tool.freePort(isStream: transport == .tls)
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        if transport == .tls { try makeCertificates() }
        try configuration.write(to: file("rsyslog.conf"), atomically: true, encoding: .utf8)
    }

    deinit {
        if let process, process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    func file(_ name: String) -> URL { directory.appendingPathComponent(name) }

    private var configuration: String {
        var text = """
            global(workDirectory="\(directory.path)" maxMessageSize="64k" net.enableDNS="off"
                processInternalMessages="on")
            template(name="parts" type="string"
                string="%syslogfacility-text% %syslogseverity-text% %msgid% %structured-data% %msg%\\n")

            """
        switch transport {
        case .udp:
            text += """
                module(load="imudp")
                input(type="imudp" address="127.0.0.1" port="\(port)")

                """
        case .tls:
            text += """
                global(defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="\(file("ca.pem").path)"
                    defaultNetstreamDriverCertFile="\(file("server.pem").path)"
                    defaultNetstreamDriverKeyFile="\(file("server.key").path)")
                module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1"
                    streamDriver.authMode="x509/certvalid" maxSessions="50")
                input(type="imtcp" address="127.0.0.1" port="\(port)")

                """
        }
        return text + """
            if $app-name == "cxrgate" then { action(type="omfile" file="\(file("audit").path)" template="parts") stop }
            action(type="omfile" file="\(file("own").path)")

            """
    }

    private func makeCertificates() throws {
        for authority in ["ca", "other-ca"] {
            try Tool.openssl([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=\(authority)", "-keyout", file("\(authority).key").path, "-out", file("\(authority).pem").path,
            ])
        }
        for (name, authority, subject) in [
            ("server", "ca", "DNS:localhost,IP:127.0.0.1"), ("client", "ca", "DNS:gateway"),
            ("stranger", "other-ca", "DNS:gateway"),
        ] {
            try Tool.openssl([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=\(name)", "-addext", "subjectAltName=\(subject)", "-addext", "basicConstraints=critical,CA:FALSE",
                "-CA", file("\(authority).pem").path, "-CAkey", file("\(authority).key").path, "-keyout",
                file("\(name).key").path, "-out", file("\(name).pem").path,
            ])
        }
    }

    func identity(client: String? = "client", authority: String = "ca", name: String? = nil) -> TLSIdentity {
        TLSIdentity(
            trustedCertificates: file("\(authority).pem"), certificateChain: client.map { file("\($0).pem") },
            privateKey: client.map { file("\($0).key") }, expectedName: name)
    }

    func repository(_ identity: TLSIdentity? = nil) -> AuditRepository {
        AuditRepository(
            name: "arr", host: transport == .tls ? "localhost" : "127.0.0.1", port: port,
            transport: transport == .tls ? .tls(identity ?? self.identity()) : .udp, timeout: .seconds(20))
    }

    func start() async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Tool.path("rsyslogd", package: "rsyslog rsyslog-openssl"))
        process.arguments = ["-n", "-f", file("rsyslog.conf").path, "-i", file("pid").path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try? FileManager.default.removeItem(at: file("own"))
        try process.run()
        self.process = process
        try await Tool.wait(for: "rsyslog to start", seconds: 20) {
            let own = (try? String(contentsOf: file("own"), encoding: .utf8)) ?? ""
            try #require(process.isRunning, "rsyslog ended at once; its configuration is wrong")
            return own.contains("start")
        }
    }

    /// As a crash would: no time to flush or to say goodbye.
    func crash() {
        guard let process else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
        try? FileManager.default.removeItem(at: file("pid"))
    }

    func received() throws -> [Received] {
        guard let data = try? Data(contentsOf: file("audit")) else { return [] }
        return try String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
            // A crash may leave half a line, which the overlap sends again.
            guard
                let match = line.wholeMatch(
                    of:
                        /(\S+) (\S+) (\S+) \[record@32473 log="\S+" sequence="(\d+)" sha256="[0-9a-f]{64}"\] \x{FEFF}?(<.*>)/
                )
            else { return nil }
            return Received(
                sequence: try #require(Int64(match.4)), facility: String(match.1), severity: String(match.2),
                messageID: String(match.3), xml: String(match.5))
        }
    }
}
