import ArgumentParser

@main
struct CXRGate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cxrgate", abstract: "A DICOM-native gateway for chest radiographs.",
        subcommands: [
            ModelCommands.self
        ])
}
