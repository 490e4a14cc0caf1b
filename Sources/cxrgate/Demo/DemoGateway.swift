import Foundation
import Worklist

/// A gateway of its own: this program's `serve` as a child process, with everything below one directory.
final class DemoGateway {
    static let aeTitle = "CXRGATE"

    let port: UInt16
    /// Its database.
    let database: String
    private let process: ChildProcess

    /// Starts it and waits until it listens.
    ///
    /// - Throws: `CommandFailure` with what it said when it does not start.
    init(in folder: URL, destination pacs: DemoPACS, model: URL) async throws {
        let storage = folder.appendingPathComponent("gateway")
        try FileManager.default.createDirectory(at: storage, withIntermediateDirectories: true)
        let configuration = folder.appendingPathComponent("cxrgate.yaml")
        try Data(Self.yaml(storage: storage, pacs: pacs, model: model).utf8).write(to: configuration)
        database = storage.appendingPathComponent("cxrgate.sqlite").path
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        let process = try ChildProcess(
            program, ["serve", "--config", configuration.path], log: folder.appendingPathComponent("gateway.log"))
        self.process = process
        var found: UInt16?
        do {
            try await wait("the gateway's start", upTo: .seconds(120)) {
                found = process.output.firstMatch(of: /listening as .* port (\d+)/).flatMap { UInt16($0.output.1) }
                guard found != nil || process.isRunning else {
                    throw CommandFailure("the gateway did not start: \(process.output.suffix(600))")
                }
                return found != nil
            }
        } catch {
            process.stop()
            throw error
        }
        port = found ?? 0
    }

    /// The study as the gateway knows it, and when its objects were taken by the PACS.
    func study(_ uid: String) throws -> (summary: StudySummary, deliveries: [DeliveryEntry])? {
        guard process.isRunning else {
            throw CommandFailure("the gateway ended: \(process.output.suffix(600))")
        }
        return try WorklistDatabase.openReadOnly(at: database).read { db in
            guard let summary = try Listings.studies(search: uid, in: db).first else { return nil }
            return (summary, try Listings.deliveries(studyInstanceUID: uid, in: db))
        }
    }

    /// Ends it in good order.
    func stop() { process.stop() }

    /// Any AE of this machine may send; results go to the PACS.
    private static func yaml(storage: URL, pacs: DemoPACS, model: URL) -> String {
        """
        ae-titles: [\(aeTitle)]
        storage:
          directory: \(quoted(storage.path))
          minimum-free-bytes: 16MiB
          minimum-free-percent: 0
        listeners:
          - address: 127.0.0.1
            port: 0
        sources:
          - ae-title: "*"
            networks: [127.0.0.0/8]
            quiet-period: 1s
        destinations:
          - name: pacs
            host: 127.0.0.1
            port: \(pacs.port)
            ae-title: \(DemoPACS.aeTitle)
        reading:
          model: \(quoted(model.path))
          self-test:
            interval: 0s
        operations:
          enabled: false

        """
    }

    /// A YAML single-quoted scalar.
    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }
}
