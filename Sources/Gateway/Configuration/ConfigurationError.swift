/// One mistake in a configuration.
public struct ConfigurationMistake: Equatable, Sendable, CustomStringConvertible {
    /// `line 12`, or the environment variable or flag that set the value.
    public let place: String
    /// The option's path, such as `destinations[0].port`.
    public let option: String
    /// What is wrong and what would be right.
    public let problem: String

    /// `line 12: destinations[0].port: …`
    public var description: String {
        option.isEmpty ? "\(place): \(problem)" : "\(place): \(option): \(problem)"
    }
}

/// A configuration that cannot be used. Names every mistake, not only the first.
public struct ConfigurationError: Error, CustomStringConvertible {
    /// The file, when there is one.
    public let file: String?
    /// In the order of the file.
    public let mistakes: [ConfigurationMistake]

    /// One line per mistake.
    public var description: String {
        let head = "\(file ?? "the configuration") has \(mistakes.count) mistake\(mistakes.count == 1 ? "" : "s"):"
        return ([head] + mistakes.map { "  \($0)" }).joined(separator: "\n")
    }
}
