import ArgumentParser
import DICOM
import Foundation
import Gateway

@main
struct CXRGate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cxrgate",
        abstract: "A DICOM-native gateway for chest radiographs.",
        version: Implementation.version,
        subcommands: [
            ServeCommand.self,
            DemoCommand.self,
            ReadCommand.self,
            AskCommand.self,
            ChatCommand.self,
            GroundCommand.self,
            SynthesizeCommand.self,
            StatusCommand.self,
            StudiesCommand.self,
            QueueCommand.self,
            DeliveriesCommand.self,
            QuarantineCommand.self,
            RetryCommand.self,
            AuditCommand.self,
            RenderCommand.self,
            BuildResultsCommand.self,
            EvaluateCommand.self,
            ModelCommands.self,
            SendCommand.self,
            EchoCommand.self,
            ConfigCommand.self,
        ])

    /// Runs the command. Exit codes: 0 done, 1 failed, 2 bad usage (the parser's own code for that is 64) or a
    /// configuration with mistakes.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asyncCommand = command as? any AsyncParsableCommand {
                try await asyncCommand.run()
            } else {
                try command.run()
            }
        } catch {
            let isUsage = exitCode(for: error) == .validationFailure || error is ConfigurationError
            guard isUsage else { exit(withError: error) }
            FileHandle.standardError.write(Data((fullMessage(for: error) + "\n").utf8))
            Foundation.exit(2)
        }
    }
}
