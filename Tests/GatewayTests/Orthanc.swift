import Foundation
import TestSupport
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Orthanc as the PACS, with its files in a scratch directory.
final class Orthanc: Sendable {
    let port = freePort()
    let gatewayPort: UInt16
    private let httpPort = freePort()
    private let process: BackgroundProcess

    init(in scratch: URL, gatewayPort: UInt16) throws {
        self.gatewayPort = gatewayPort
        let configuration: [String: Any] = [
            "Name": "Test", "StorageDirectory": scratch.appendingPathComponent("orthanc").path,
            "IndexDirectory": scratch.appendingPathComponent("orthanc").path, "DicomPort": Int(port),
            "DicomAet": "ORTHANC", "HttpPort": Int(httpPort), "RemoteAccessAllowed": false,
            "AuthenticationEnabled": false, "Plugins": [String](),
            "DicomModalities": ["gateway": ["CXRGATE", "127.0.0.1", Int(gatewayPort)] as [Any]],
        ]
        let file = scratch.appendingPathComponent("orthanc.json")
        try JSONSerialization.data(withJSONObject: configuration).write(to: file)
        let program = ["/usr/sbin/Orthanc", "/usr/bin/Orthanc"].first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        process = try BackgroundProcess(
            program ?? "Orthanc", [file.path], log: scratch.appendingPathComponent("orthanc.log"))
        let isUp = try eventually {
            try Command.run("echoscu", ["-to", "1", "-aec", "ORTHANC", "127.0.0.1", "\(port)"]).status == 0
        }
        guard isUp else { throw Command.Missing(description: "Orthanc did not start: \(process.output)") }
    }

    /// Orthanc's own identifiers of what it keeps.
    func instances() throws -> [String] {
        let url = try #require(URL(string: "http://127.0.0.1:\(httpPort)/instances"))
        return try JSONDecoder().decode([String].self, from: Data(contentsOf: url))
    }

    func instanceCount() throws -> Int { try instances().count }

    /// The file of an instance.
    func file(_ instance: String) throws -> Data {
        try Data(contentsOf: try #require(URL(string: "http://127.0.0.1:\(httpPort)/instances/\(instance)/file")))
    }

    /// Makes it send everything that it keeps to the gateway, by its own C-STORE.
    func sendEverything() throws {
        let body = try JSONEncoder().encode(try instances())
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("cxrgate-\(UUID().uuidString).json")
        try body.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let answer = try Command.run(
            "curl",
            [
                "--silent", "--fail", "--data", "@\(file.path)",
                "http://127.0.0.1:\(httpPort)/modalities/gateway/store",
            ])
        guard answer.status == 0 else { throw Command.Missing(description: "Orthanc did not send: \(answer.output)") }
    }
}
