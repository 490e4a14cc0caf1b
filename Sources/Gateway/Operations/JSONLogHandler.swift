import Foundation
import Logging
import Synchronization

/// Writes each log entry as one line of JSON: `time` (UTC), `level`, `message`, `logger`, `source` and `metadata`.
public struct JSONLogHandler: LogHandler {
    public var logLevel: Logger.Level = .info
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let write: @Sendable (Data) -> Void

    /// One line at a time, whichever thread it comes from.
    private static let output = Mutex(())

    /// A handler that writes to standard error.
    public static func standardError(label: String) -> JSONLogHandler {
        JSONLogHandler(label: label) { line in
            output.withLock { _ in FileHandle.standardError.write(line) }
        }
    }

    init(label: String, write: @escaping @Sendable (Data) -> Void) {
        self.label = label
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadata
        all.merge(metadataProvider?.get() ?? [:]) { _, new in new }
        all.merge(event.metadata ?? [:]) { _, new in new }
        var entry: [String: Any] = [
            "time": Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
            "level": event.level.rawValue, "logger": label, "source": event.source, "message": "\(event.message)",
        ]
        if let error = event.error { entry["error"] = "\(error)" }
        if !all.isEmpty { entry["metadata"] = all.mapValues(Self.value) }
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        guard let line = try? JSONSerialization.data(withJSONObject: entry, options: options) else { return }
        write(line + Data("\n".utf8))
    }

    private static func value(_ value: Logger.Metadata.Value) -> Any {
        switch value {
        case .string(let text): text
        case .stringConvertible(let object): "\(object)"
        case .dictionary(let values): values.mapValues(Self.value)
        case .array(let values): values.map(Self.value)
        }
    }
}
