import Foundation
import TestSupport
import Testing

/// Secure ports with certificates that the test makes, and DCMTK and OpenSSL as peers.
@Suite struct TLSTests {
    private let scratch: ScratchDirectory
    private let authority: CertificateAuthority

    init() throws {
        scratch = try ScratchDirectory()
        authority = try CertificateAuthority(in: scratch.url)
    }

    private func options(key: String, certificate: String, requiresPeer: Bool = true) -> String {
        """
        listeners:
          - port: 0
            tls:
              private-key: \(key)
              certificate: \(certificate)
              trusted-certificates: \(authority.certificate)
              require-peer-certificate: \(requiresPeer)
        """
    }

    private func echo(_ gateway: GatewayProcess, _ arguments: [String]) throws -> Command.Answer {
        try Command.run(
            "echoscu", ["-v", "-to", "10"] + arguments + ["-aec", "CXRGATE", "127.0.0.1", "\(gateway.port)"])
    }

    @Test func mutualAuthenticationLetsKnownPeersInAndNobodyElse() throws {
        let server = try authority.issue("server")
        let client = try authority.issue("client")
        let gateway = try GatewayProcess(
            in: scratch.url, options: options(key: server.key, certificate: server.certificate))
        let known = try echo(gateway, ["+tls", client.key, client.certificate, "+cf", authority.certificate])
        #expect(known.status == 0, "\(known.output)\(known.errors)")
        #expect(try echo(gateway, ["+tla", "+cf", authority.certificate]).status != 0)
        #expect(try echo(gateway, []).status != 0, "a plain association on a secure port")
        let other = try CertificateAuthority(in: scratch.url.appendingPathComponent("other"))
        let stranger = try other.issue("stranger")
        #expect(
            try echo(gateway, ["+tls", stranger.key, stranger.certificate, "+cf", authority.certificate]).status != 0)
        let own = try Command.run(
            Command.cxrgate,
            [
                "echo", "127.0.0.1", "\(gateway.port)", "--tls", "--key", client.key, "--certificate",
                client.certificate, "--trusted", authority.certificate,
            ])
        #expect(own.status == 0, "\(own.errors)")
    }

    @Test func oldProtocolVersionsAreRefused() throws {
        let server = try authority.issue("server")
        let gateway = try GatewayProcess(
            in: scratch.url,
            options: options(key: server.key, certificate: server.certificate, requiresPeer: false))
        func connects(_ version: String) throws -> Bool {
            let answer = try Command.run(
                "openssl",
                ["s_client", "-connect", "127.0.0.1:\(gateway.port)", version, "-cipher", "ALL:@SECLEVEL=0"])
            return answer.output.contains("BEGIN CERTIFICATE")
        }
        #expect(try connects("-tls1_2"))
        #expect(try !connects("-tls1_1"))
        #expect(try !connects("-tls1"))
    }

    @Test func aBadCertificateConfigurationStopsTheStartWithAClearMessage() throws {
        let server = try authority.issue("server")
        let other = try authority.issue("other")
        let missing = scratch.url.appendingPathComponent("missing.pem").path
        func failure(key: String, certificate: String) -> String {
            do {
                _ = try GatewayProcess(in: scratch.url, options: options(key: key, certificate: certificate))
                return "started"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            failure(key: missing, certificate: server.certificate).contains("missing.pem is missing or not readable"))
        #expect(failure(key: other.key, certificate: server.certificate).contains("does not belong to the certificate"))
        let note = scratch.url.appendingPathComponent("note.pem")
        try Data("no certificate".utf8).write(to: note)
        #expect(failure(key: server.key, certificate: note.path).contains("certificate \(note.path)"))
    }
}
