import Foundation
import TestSupport

/// `Peers/pacs.py` as a running process.
final class ScriptedPACS: Sendable {
    let port: UInt16
    let directory: URL
    private let process: BackgroundProcess

    /// - Parameter arguments: Further arguments of `pacs.py`.
    init(in scratch: URL, port: UInt16 = 0, _ arguments: String...) throws {
        directory = scratch.appendingPathComponent("pacs")
        let script = SharedData.packageRoot.appendingPathComponent("Tests/GatewayTests/Peers/pacs.py").path
        let log = scratch.appendingPathComponent("pacs-\(UUID().uuidString.prefix(6)).log")
        let process = try BackgroundProcess(
            Command.python(), [script, "--directory", directory.path, "--port", "\(port)"] + arguments, log: log)
        self.process = process
        var found: UInt16?
        _ = eventually {
            found = process.output.firstMatch(of: /ready (\d+)/).flatMap { UInt16($0.output.1) }
            return found != nil || !process.isRunning
        }
        guard let found else { throw GatewayProcess.NotReady(description: process.output) }
        self.port = found
    }

    /// `store UID STATUS` and `commit UID good|failed`, in order.
    var events: [String] {
        process.output.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("ready") }
    }

    /// The instances it keeps.
    var instances: Set<String> {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return Set(names.map { String($0.dropLast(4)) })
    }

    func stop() {
        process.kill(SIGKILL)
    }
}
