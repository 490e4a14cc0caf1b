import Foundation
import TestSupport
import Testing

@testable import Gateway

/// The examples in `Config/examples` work as they are, with a site's certificates in place.
@Suite struct ExampleConfigurationTests {
    private let examples = SharedData.packageRoot.appendingPathComponent("Config/examples")

    @Test(arguments: ["hospital", "lab"])
    func anExampleHasNoMistakes(name: String) throws {
        let file = examples.appendingPathComponent("\(name).yaml").path
        let answer = try Command.run(Command.cxrgate, ["config", "check", "--config", file])
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
        #expect(answer.output.contains("no mistakes"))
    }

    @Test func theHospitalHasWhatItsCommentsPromise() throws {
        let configuration = try GatewayConfiguration.load(file: examples.appendingPathComponent("hospital.yaml"))
        #expect(configuration.listeners.allSatisfy { $0.tls?.requiresPeerCertificate == true })
        #expect(configuration.sources.count >= 2)
        #expect(configuration.sources.allSatisfy { $0.requiresTLS && $0.aeTitle != "*" })
        #expect(configuration.destinations.contains { $0.commitment != nil && $0.tls != nil })
        #expect(configuration.audit.repositories.first?.tls != nil)
        #expect(configuration.logFormat == .json)
        #expect(configuration.operations.address == "127.0.0.1")
    }

    /// The hospital's gateway starts when its files are there: only paths, ports and addresses of this test are put in.
    @Test func theHospitalStartsWithCertificatesInPlace() throws {
        let scratch = try ScratchDirectory()
        let authority = try CertificateAuthority(in: scratch.url)
        let server = try authority.issue("cxrgate")
        let secret = scratch.url.appendingPathComponent("pseudonyms.key")
        try Data((0..<32).map { UInt8($0) }).write(to: secret)
        var text = try String(contentsOf: examples.appendingPathComponent("hospital.yaml"), encoding: .utf8)
        for (from, to) in [
            ("/etc/cxrgate/tls/cxrgate.key", server.key), ("/etc/cxrgate/tls/cxrgate.crt", server.certificate),
            ("/etc/cxrgate/tls/hospital-ca.crt", authority.certificate), ("/etc/cxrgate/pseudonyms.key", secret.path),
            ("address: 10.20.0.5", "address: 127.0.0.1"), ("port: 2762 # ours", "port: 0"), ("port: 9464", "port: 0"),
            ("/var/lib/cxrgate", scratch.url.appendingPathComponent("storage").path),
            ("/mnt/witness", scratch.url.path),
        ] {
            #expect(text.contains(from), "the example still has \(from)")
            text = text.replacingOccurrences(of: from, with: to)
        }
        let file = scratch.url.appendingPathComponent("hospital.yaml")
        try Data(text.utf8).write(to: file)
        let gateway = try BackgroundProcess(
            Command.cxrgate, ["serve", "--config", file.path, "--set", "reading.model=none"],
            log: scratch.url.appendingPathComponent("log"))
        #expect(eventually { gateway.output.contains("cxrgate is ready.") || !gateway.isRunning })
        #expect(gateway.output.contains("(TLS)"), "\(gateway.output)")
        #expect(gateway.kill(SIGTERM) == 0)
    }
}
