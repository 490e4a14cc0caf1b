import Foundation
import TestSupport

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A monitoring system beside a gateway: Foundation's HTTP client, and Prometheus' own parser.
struct Monitor {
    struct Page {
        let status: Int
        let type: String
        let text: String
    }

    let port: UInt16

    init(_ gateway: GatewayProcess) throws {
        guard let port = gateway.operationsPort else { throw GatewayProcess.NotReady(description: gateway.log) }
        self.port = port
    }

    func get(_ path: String) async throws -> Page {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { throw URLError(.badURL) }
        let (data, response) = try await URLSession(configuration: .ephemeral).data(from: url)
        let http = response as? HTTPURLResponse
        return Page(
            status: http?.statusCode ?? 0, type: http?.value(forHTTPHeaderField: "Content-Type") ?? "",
            text: String(decoding: data, as: UTF8.self))
    }

    func metrics() async throws -> ParsedMetrics {
        try ParsedMetrics(try await get("/metrics").text)
    }

    /// Whether a page comes to show a text.
    func eventually(_ path: String, _ condition: (Page) -> Bool) async throws -> Bool {
        for _ in 0..<600 {
            if condition(try await get(path)) { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }
}

/// What Prometheus' parser understands of a page.
struct ParsedMetrics {
    struct Family: Decodable {
        let type: String
        let help: String
        let samples: [Sample]
    }

    struct Sample: Decodable {
        let name: String
        let labels: [String: String]
        let value: String

        var number: Double {
            ["inf": .infinity, "-inf": -.infinity, "nan": .nan][value] ?? Double(value) ?? .nan
        }
    }

    let families: [String: Family]

    init(_ page: String) throws {
        let scratch = try ScratchDirectory()
        let file = scratch.url.appendingPathComponent("metrics.txt")
        try Data(page.utf8).write(to: file)
        let script = SharedData.packageRoot.appendingPathComponent("Tests/GatewayTests/Peers/metrics.py").path
        let answer = try Command.run(
            "/bin/sh", ["-c", "exec \"$0\" \"$1\" < \"$2\"", try Command.python(), script, file.path])
        guard answer.status == 0 else { throw Command.Missing(description: answer.errors) }
        families = try JSONDecoder().decode([String: Family].self, from: Data(answer.output.utf8))
    }

    /// The value of a time series that has at least these labels; `nil` when there is not exactly one.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = families.values.flatMap(\.samples).filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return found.count == 1 ? found[0].number : nil
    }
}
