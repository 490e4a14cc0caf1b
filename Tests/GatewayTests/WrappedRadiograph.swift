import Foundation
import TestSupport

/// A real radiograph of the shared data as a DX image.
struct WrappedRadiograph: Decodable, Sendable {
    let path: String
    let study: String
    let sopInstance: String
    /// The picture's file name in the shared data.
    let picture: String

    var url: URL { URL(fileURLWithPath: path) }

    /// Wraps so many images, chosen by the seed.
    static func make(_ count: Int, seed: UInt64, in directory: URL) throws -> [WrappedRadiograph] {
        let script = SharedData.packageRoot.appendingPathComponent("Tests/GatewayTests/Peers/wrapped.py").path
        let answer = try Command.run(
            Command.python(), [script, SharedData.root.path, directory.path, "\(count)", "\(seed)"])
        guard answer.status == 0 else { throw Command.Missing(description: answer.errors) }
        return try answer.output.split(separator: "\n").map {
            try JSONDecoder().decode(WrappedRadiograph.self, from: Data($0.utf8))
        }
    }
}
