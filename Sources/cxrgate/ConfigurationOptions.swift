import ArgumentParser
import Foundation
import Gateway

/// The options of every command that needs the gateway's configuration.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: "The configuration file. Without it CXRGATE_CONFIG, /etc/cxrgate/cxrgate.yaml, or the defaults.")
    var config: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Override one option, such as storage.directory=/data.", valueName: "option=value"))
    var overrides: [String] = []

    /// Where the configuration comes from; `nil` when only the defaults apply.
    var file: URL? {
        let environment = ProcessInfo.processInfo.environment
        if let path = config ?? environment["CXRGATE_CONFIG"] { return URL(fileURLWithPath: path) }
        let system = "/etc/cxrgate/cxrgate.yaml"
        return FileManager.default.fileExists(atPath: system) ? URL(fileURLWithPath: system) : nil
    }

    /// Reads the configuration.
    ///
    /// - Throws: `ConfigurationError` naming every mistake, or `ValidationError` for a malformed `--set`.
    func load() throws -> GatewayConfiguration {
        let flags = try overrides.map { text in
            guard let equals = text.firstIndex(of: "=") else {
                throw ValidationError("--set needs option=value, such as storage.directory=/data, not '\(text)'.")
            }
            return (option: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
        }
        return try GatewayConfiguration.load(
            file: file, environment: ProcessInfo.processInfo.environment, flags: flags)
    }
}
