import Foundation
import TestSupport

/// A certificate authority made with OpenSSL's command line.
struct CertificateAuthority {
    let directory: URL
    let certificate: String
    private let key: String

    init(in directory: URL) throws {
        self.directory = directory
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        certificate = directory.appendingPathComponent("ca.crt").path
        key = directory.appendingPathComponent("ca.key").path
        try openssl(
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2"]
                + ["-subj", "/CN=Test CA \(UUID().uuidString)"])
    }

    /// A key and a certificate that this authority signed.
    func issue(_ name: String) throws -> (key: String, certificate: String) {
        let key = directory.appendingPathComponent(name + ".key").path
        let request = directory.appendingPathComponent(name + ".csr").path
        let certificate = directory.appendingPathComponent(name + ".crt").path
        try openssl(
            ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=\(name)"])
        try openssl(
            ["x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial"]
                + ["-out", certificate, "-days", "2"])
        return (key, certificate)
    }

    private func openssl(_ arguments: [String]) throws {
        let answer = try Command.run("openssl", arguments)
        guard answer.status == 0 else { throw Command.Missing(description: answer.errors) }
    }
}
