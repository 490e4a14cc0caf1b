/// Why a model directory could not be loaded. Every case names the file or tensor at fault.
public enum CheckpointError: Error, CustomStringConvertible, Equatable {
    /// A file that the layout requires is absent.
    case missingFile(String)
    /// The operating system refused a file.
    case unreadable(file: String, reason: String)
    /// A JSON file is malformed or lacks a value.
    case badConfiguration(file: String, reason: String)
    /// `architectures`/`model_type` name nothing that this runtime implements.
    case unknownArchitecture(name: String, known: [String])
    /// A safetensors file breaks the format.
    case badSafetensors(file: String, reason: String)
    /// The index names a tensor or shard that is not there, or a shard holds what the index does not say.
    case badIndex(file: String, reason: String)
    /// The checkpoint and the architecture do not agree; every difference is listed.
    case tensorMismatch(architecture: String, missing: [String], unexpected: [String], misshapen: [String])
    /// A value of the configuration is recognised but not implemented.
    case unsupported(what: String, file: String)
    /// The content of a file is not what its manifest says.
    case digestMismatch(file: String, expected: String, found: String)

    public var description: String {
        switch self {
        case .missingFile(let file):
            return "\(file) is missing: a model directory needs it"
        case .unreadable(let file, let reason):
            return "\(file) cannot be read: \(reason)"
        case .badConfiguration(let file, let reason):
            return "\(file): \(reason)"
        case .unknownArchitecture(let name, let known):
            return "architecture \(name) is unknown; this runtime loads \(known.joined(separator: ", "))"
        case .badSafetensors(let file, let reason):
            return "\(file) is not a sound safetensors file: \(reason)"
        case .badIndex(let file, let reason):
            return "\(file): \(reason)"
        case .tensorMismatch(let architecture, let missing, let unexpected, let misshapen):
            var parts: [String] = []
            if !missing.isEmpty { parts.append("missing: \(Self.list(missing))") }
            if !unexpected.isEmpty { parts.append("unexpected: \(Self.list(unexpected))") }
            if !misshapen.isEmpty { parts.append("wrong shape: \(Self.list(misshapen))") }
            return "the checkpoint does not fit \(architecture); " + parts.joined(separator: "; ")
        case .unsupported(let what, let file):
            return "\(file): \(what) is not supported"
        case .digestMismatch(let file, let expected, let found):
            return "\(file) has changed: SHA-256 \(found), expected \(expected)"
        }
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(8).joined(separator: ", ")
        return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
    }
}
