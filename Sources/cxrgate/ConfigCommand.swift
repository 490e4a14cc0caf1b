import ArgumentParser
import Gateway

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at the configuration.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the whole configuration and name every mistake with its line.")

        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            let configuration = try options.load()
            print("\(options.file?.path ?? "built-in defaults"): no mistakes")
            print("  AE titles: \(configuration.aeTitles.joined(separator: ", "))")
            for listener in configuration.listeners {
                print("  listens on \(listener.address) port \(listener.port)\(listener.tls == nil ? "" : " (TLS)")")
            }
            for source in configuration.sources {
                let networks = source.networks.map(\.description).joined(separator: ", ")
                let forwards =
                    source.forwardTo.isEmpty ? "" : ", forwards to \(source.forwardTo.joined(separator: ", "))"
                print("  accepts \(source.aeTitle) from \(networks)\(forwards)")
            }
            let operations = configuration.operations
            if operations.enabled {
                print("  serves metrics and health on \(operations.address) port \(operations.port)")
            }
            for destination in configuration.destinations {
                print(
                    "  delivers to \(destination.name): \(destination.aeTitle) at \(destination.host):\(destination.port)"
                        + (destination.commitment == nil ? "" : ", with storage commitment"))
            }
        }
    }
}
