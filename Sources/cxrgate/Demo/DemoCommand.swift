import ArgumentParser
import ChestReading
import Foundation

/// The whole way on one machine, for whoever wants to see it before reading about it.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Show the whole way: a gateway, a small PACS, one study.",
        discussion: """
            Starts a gateway and a small PACS on loopback (DCMTK's storescp or Orthanc where installed), sends a \
            radiograph that the model draws, waits for the results, and shows what the PACS got. Nothing leaves this \
            machine, and no file outside of one directory is touched.
            """)

    @Option(help: "What the radiograph shows. Without it what the model names for its self-test.")
    var text: String?

    @Option(help: "The seed of the drawing.")
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "Send this DICOM file, or the files of a directory, instead of a drawing.", valueName: "file"),
        completion: .file())
    var image: String?

    @Option(help: "Which program plays the PACS: storescp, orthanc or own. Without it the first that is installed.")
    var pacs: PACSProgram?

    @Option(help: "Where everything lies; a new directory for temporary files when it is not given.")
    var directory: String?

    @Flag(help: "Keep the gateway's storage with its database and audit log too.")
    var keep = false

    @Option(help: ArgumentHelp("Give up after so many seconds.", valueName: "seconds"))
    var timeout = 300

    @OptionGroup var model: ModelOptions
    @OptionGroup var configuration: ConfigurationOptions

    func validate() throws {
        guard timeout > 0 else { throw ValidationError("--timeout is at least 1.") }
    }

    func run() async throws {
        let model = try model.location(configuration.load())
        let folder = try Self.makeDirectory(directory)
        let work = Task { try await demonstrate(with: model, in: folder) }
        let interrupts = [SIGINT, SIGTERM].map { number in
            // A handler that does nothing, not SIG_IGN, which the child processes would inherit.
            signal(number) { _ in }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { work.cancel() }
            source.resume()
            return source
        }
        defer { for interrupt in interrupts { interrupt.cancel() } }
        do {
            try await work.value
        } catch is CancellationError {
            try? FileManager.default.removeItem(at: folder)
            note("\nStopped; \(folder.path) is removed.")
            throw ExitCode(130)
        } catch {
            note("What was done so far lies in \(folder.path).")
            throw error
        }
    }

    /// Prints at once, for whoever reads through a pipe.
    private func show(_ text: String) {
        print(text)
        fflush(nil)
    }

    private static func makeDirectory(_ path: String?) throws -> URL {
        let folder =
            path.map { URL(fileURLWithPath: $0) }
            ?? FileManager.default.temporaryDirectory.appendingPathComponent(
                "cxrgate-demo-\(UUID().uuidString.prefix(8).lowercased())")
        if FileManager.default.fileExists(atPath: folder.path) {
            throw CommandFailure("\(folder.path) is there already; name a directory that is not")
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.resolvingSymlinksInPath()
    }

    private func demonstrate(with model: URL, in folder: URL) async throws {
        if image == nil { show("Drawing a radiograph...") }
        let subject = try await DemoStudy(self, model: model, in: folder)
        show(subject.introduction)
        let pacs = try DemoPACS(pacs, in: folder)
        defer { pacs.stop() }
        try await wait("the PACS's start", upTo: .seconds(30)) {
            try pacs.check()
            return pacs.answers
        }
        show("PACS: \(pacs.name), \(DemoPACS.aeTitle) on 127.0.0.1 port \(pacs.port)")
        let gateway = try await DemoGateway(in: folder, destination: pacs, model: model)
        defer { gateway.stop() }
        show("Gateway: \(DemoGateway.aeTitle) on 127.0.0.1 port \(gateway.port), model \(model.path)")

        let sending = try subject.send(to: gateway.port)
        show("Sent by C-STORE. Waiting for the results...")
        try await wait("the delivery of the results", upTo: .seconds(timeout)) {
            try pacs.check()
            guard let (study, deliveries) = try gateway.study(subject.studyInstanceUID) else { return false }
            if study.state == .deadLetter {
                throw CommandFailure("the study ended as a dead letter: \(study.reason ?? "no reason is given")")
            }
            return !deliveries.isEmpty && [.delivered, .abstained].contains(study.state)
        }
        guard let (study, deliveries) = try gateway.study(subject.studyInstanceUID) else { return }
        let outcome = DemoOutcome(
            files: pacs.files(), sending: sending, study: study, deliveries: deliveries, folder: folder)
        show(try outcome.text())
        gateway.stop()
        pacs.stop()
        if !keep {
            for name in ["gateway", "gateway.log", "pacs.log", "cxrgate.yaml", "orthanc-index", "orthanc.json"] {
                try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
            }
        }
        show(nextSteps(subject, gateway, in: folder))
    }

    private func nextSteps(_ subject: DemoStudy, _ gateway: DemoGateway, in folder: URL) -> String {
        let image = subject.files[0].path
        // As it was called: a newcomer has not installed it yet.
        let program = CommandLine.arguments.first ?? "cxrgate"
        let own = model.directory.map { " --model \($0)" } ?? ""
        var lines = ["", "Next", "  \(program) serve"]
        lines.append("  \(program) read \(image)\(own)")
        lines.append("  \(program) ask \(image) \"Is there a pneumothorax?\"\(own)")
        if keep {
            lines.append("  \(program) studies --database \(gateway.database)")
            lines.append("  \(program) audit show \(subject.studyInstanceUID) --database \(gateway.database)")
        } else {
            lines.append("The gateway's storage is removed; --keep keeps it, with its audit log.")
        }
        lines.append("Everything that is left lies in \(folder.path).")
        return lines.joined(separator: "\n")
    }
}
