import DICOM
import DICOMNetwork
import Foundation
import Logging
import Worklist
import Yams

extension GatewayConfiguration {
    /// Reads a configuration file, with values overridden by the environment and then by flags.
    ///
    /// - Parameters:
    ///   - file: A YAML file; `nil` for the defaults.
    ///   - environment: Variables named `CXRGATE_` and an option's path in upper case, `.` as `__` and `-` as `_`:
    ///     `CXRGATE_STORAGE__DIRECTORY`.
    ///   - flags: Option paths with values, such as `storage.directory`.
    /// - Throws: `ConfigurationError` naming every mistake.
    public static func load(
        file: URL? = nil, environment: [String: String] = [:], flags: [(option: String, value: String)] = []
    ) throws -> GatewayConfiguration {
        var text = ""
        if let file {
            do {
                text = try String(contentsOf: file, encoding: .utf8)
            } catch {
                throw ConfigurationError(
                    file: file.path,
                    mistakes: [.init(place: "the file", option: "", problem: "cannot be read as UTF-8 text")])
            }
        }
        return try parse(text, name: file?.path, environment: environment, flags: flags)
    }

    static func parse(
        _ text: String, name: String? = nil, environment: [String: String] = [:],
        flags: [(option: String, value: String)] = []
    ) throws -> GatewayConfiguration {
        let mistakes = MistakeList()
        var root: Node
        do {
            root = try Yams.compose(yaml: text) ?? .mapping(Node.Mapping([]))
        } catch let error as YamlError {
            throw ConfigurationError(
                file: name, mistakes: [.init(place: "YAML", option: "", problem: "\(error)")])
        }
        if root.null != nil { root = .mapping(Node.Mapping([])) }
        var overrides: [String: String] = [:]
        for (variable, value) in environment.sorted(by: { $0.key < $1.key }) {
            guard let option = option(ofVariable: variable) else { continue }
            overrides[option] = "environment variable \(variable)"
            root.override(option, with: value)
        }
        for flag in flags {
            overrides[flag.option] = "--set \(flag.option)"
            root.override(flag.option, with: flag.value)
        }
        var configuration = GatewayConfiguration()
        let top = ConfigurationNode(node: root, option: "", mistakes: mistakes, overrides: overrides)
        configuration.read(top)
        configuration.checkReferences(top)
        guard mistakes.mistakes.isEmpty else {
            throw ConfigurationError(file: name, mistakes: mistakes.mistakes)
        }
        return configuration
    }

    /// Variables that are read elsewhere: the file itself, kernels, the judge's key, and what tests and benchmarks take.
    private static let otherVariables: Set<String> = [
        "CONFIG", "KERNELS", "JUDGE_KEY", "SHARED", "PYTHON", "PRODUCTS", "BINARY", "REFERENCE_MODEL", "FULL_PARITY",
        "KILL_ROUNDS", "TEST_SEED", "DAY", "BENCHMARK_DIRECTORY",
    ]

    /// The option that an environment variable names; `nil` for one that is not ours.
    private static func option(ofVariable name: String) -> String? {
        let prefix = "CXRGATE_"
        guard name.hasPrefix(prefix), !otherVariables.contains(String(name.dropFirst(prefix.count))) else {
            return nil
        }
        return name.dropFirst(prefix.count).lowercased().replacingOccurrences(of: "__", with: ".")
            .replacingOccurrences(of: "_", with: "-")
    }

    private mutating func read(_ top: ConfigurationNode) {
        var result = self
        top.read([
            "ae-titles": { node in
                node.set(&result.aeTitles, node.list { $0.aeTitle() })
                if result.aeTitles.isEmpty { node.mistake("needs at least one AE title") }
            },
            "storage": { result.storage.read($0) },
            "listeners": { node in node.set(&result.listeners, node.list(ListenerConfiguration.init(reading:))) },
            "associations": { result.associations.read($0) },
            "sources": { node in node.set(&result.sources, node.list(SourceConfiguration.init(reading:))) },
            "destinations": { node in
                node.set(&result.destinations, node.list(DestinationConfiguration.init(reading:)))
            },
            "reading": { result.reading.read($0) },
            "retry": { result.retry.read($0) },
            "station": { result.station.read($0) },
            "audit": { result.audit.read($0) },
            "operations": { result.operations.read($0) },
            "log-format": { $0.set(&result.logFormat, $0.scalar("text or json") { LogFormat(rawValue: $0) }) },
            "log-level": { node in
                let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
                node.set(&result.logLevel, node.scalar("one of \(levels)") { Logger.Level(rawValue: $0) })
            },
            "shutdown-grace": { $0.set(&result.shutdownGrace, $0.duration(.zero ... .seconds(3600))) },
        ])
        self = result
    }

    /// What only the whole can tell: names that are used twice or not defined.
    private func checkReferences(_ top: ConfigurationNode) {
        let names = destinations.map(\.name)
        for name in Set(names) where names.count(where: { $0 == name }) > 1 {
            top.mistakes.add("the configuration", "destinations", "the name '\(name)' is used twice")
        }
        for (index, source) in sources.enumerated() {
            for name in source.forwardTo where !names.contains(name) {
                top.mistakes.add(
                    "the configuration", "sources[\(index)].forward-to",
                    "'\(name)' is not a destination; known: \(names.isEmpty ? "none" : names.joined(separator: ", "))")
            }
        }
        let ports = listeners.map { "\($0.address):\($0.port)" }
        for port in Set(ports) where ports.count(where: { $0 == port }) > 1 && !port.hasSuffix(":0") {
            top.mistakes.add("the configuration", "listeners", "\(port) is used twice")
        }
        if listeners.isEmpty {
            top.mistakes.add("the configuration", "listeners", "needs at least one listener")
        }
    }
}

extension Node {
    private enum Step {
        case key(String)
        case index(Int)
    }

    /// Sets the value at an option path; the text is read as YAML, so that lists can be given. `a.b[0].c` reaches
    /// into lists; the element after the last is made.
    fileprivate mutating func override(_ option: String, with text: String) {
        let value = (try? Yams.compose(yaml: text)).flatMap { $0 } ?? Node(text)
        let path = option.split(separator: ".").flatMap { part -> [Step] in
            let pieces = part.split(separator: "[")
            return [.key(String(pieces.first ?? ""))]
                + pieces.dropFirst().compactMap { Int($0.dropLast()) }.map(Step.index)
        }
        assign(value, at: path[...])
    }

    private mutating func assign(_ value: Node, at path: ArraySlice<Step>) {
        switch path.first {
        case nil:
            self = value
        case .index(let index):
            var elements: [Node] = if case .sequence(let sequence) = self { Array(sequence) } else { [] }
            if index == elements.count { elements.append(.mapping(Node.Mapping([]))) }
            guard elements.indices.contains(index) else { return }
            elements[index].assign(value, at: path.dropFirst())
            self = .sequence(Node.Sequence(elements))
        case .key(let key):
            var mapping = if case .mapping(let existing) = self { existing } else { Node.Mapping([]) }
            var child = mapping[Node(key)] ?? .mapping(Node.Mapping([]))
            child.assign(value, at: path.dropFirst())
            mapping[Node(key)] = child
            self = .mapping(mapping)
        }
    }
}
