import ArgumentParser
import Foundation
import Gateway
import Logging
import Metrics

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the gateway.",
        discussion: """
            Receives studies by C-STORE, keeps them durably, reads chest radiographs with the configured model and
            delivers the drafts where the configuration says so. SIGTERM lets open associations end and stops; SIGHUP
            reloads sources, destinations and the model.
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let configuration = try options.load()
        LoggingSystem.bootstrap { label in
            var handler: any LogHandler =
                switch configuration.logFormat {
                case .text: StreamLogHandler.standardError(label: label)
                case .json: JSONLogHandler.standardError(label: label)
                }
            handler.logLevel = configuration.logLevel
            return handler
        }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        let options = options
        let services = GatewayServices(configuration, logger: Logger(label: "cxrgate"), metrics: metrics) {
            try options.load()
        }
        try await services.run { ports in
            let greeting = Self.greeting(configuration, ports: ports, file: options.file)
            FileHandle.standardOutput.write(Data((greeting + "\n").utf8))
        }
    }

    /// The first lines: where the gateway listens and what to do next.
    private static func greeting(_ configuration: GatewayConfiguration, ports: [UInt16], file: URL?) -> String {
        let title = configuration.aeTitles[0]
        var lines = ["cxrgate is ready."]
        for (listener, port) in zip(configuration.listeners, ports) {
            lines.append(
                "  listening as \(title) on \(listener.address) port \(port)\(listener.tls == nil ? "" : " (TLS)")")
        }
        lines.append("  keeping files in \(configuration.storage.directory)")
        lines.append("  configuration: \(file?.path ?? "built-in defaults")")
        lines.append("  reading with: \(reader(configuration.reading.model))")
        if configuration.destinations.isEmpty {
            lines.append("  drafts go to: no destination; they are kept and go nowhere")
        } else {
            let places = configuration.destinations.map { place($0, configuration.storage) }
            lines.append("  drafts go to: \(places.joined(separator: ", "))")
        }
        if let listener = configuration.listeners.first, let port = ports.first {
            lines.append("Try it from another terminal:")
            lines.append("  cxrgate echo \(listener.address) \(port) --called \(title)")
            lines.append("  cxrgate send \(listener.address) \(port) --called \(title) image.dcm")
            lines.append("  cxrgate studies")
        }
        lines.append("Stop it with Ctrl-C.")
        return lines.joined(separator: "\n")
    }

    private static func reader(_ choice: ModelChoice) -> String {
        do {
            _ = try choice.directory()
        } catch {
            return "no model yet; studies are kept and wait. \(error)"
        }
        return switch choice {
        case .none: "no model; studies are kept and forwarded only"
        case .reference: "the reference model, which is not for diagnosis; every draft is unverified"
        case .directory(let path): "\(path); every draft is unverified"
        }
    }

    private static func place(_ destination: DestinationConfiguration, _ storage: StorageConfiguration) -> String {
        guard let folder = destination.folder else {
            return "\(destination.name) (\(destination.aeTitle) on \(destination.host) port \(destination.port))"
        }
        return folder.hasPrefix("/") ? folder : "\(storage.directory)/\(folder)"
    }
}
