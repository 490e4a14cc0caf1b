import ArgumentParser
import DICOM

@main
struct CXRGate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cxrgate",
        abstract: "A DICOM-native gateway for chest radiographs.",
        version: Implementation.version,
        subcommands: [
            ServeCommand.self,
            EchoCommand.self,
            SendCommand.self,
            ConfigCommand.self,
            EvaluateCommand.self,
        ])
}
