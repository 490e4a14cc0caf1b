import ArgumentParser
import ChestReading
import Foundation
import Gateway

/// Which model a command uses.
struct ModelOptions: ParsableArguments {
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            "The model's directory. Without it, what reading.model of the configuration says: the reference model.",
            valueName: "directory"), completion: .directory)
    var directory: String?

    /// Where the model is.
    func location(_ configuration: GatewayConfiguration) throws -> URL {
        if let directory { return URL(fileURLWithPath: directory).standardizedFileURL }
        do {
            if let configured = try configuration.reading.model.directory() { return configured }
        } catch let error as ModelNotInstalled {
            throw CommandFailure("\(error) Here, --model names a directory too.")
        }
        throw CommandFailure("the configuration has no model (reading.model: none); name one with --model")
    }

    /// Loads the model and checks its files against their digests.
    func load(_ configuration: GatewayConfiguration) async throws -> ChestModel {
        try await ChestModel.load(directory: location(configuration))
    }
}
