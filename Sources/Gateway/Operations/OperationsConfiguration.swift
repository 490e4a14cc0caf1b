import DICOMNetwork

/// The endpoint for monitoring.
public struct OperationsConfiguration: Equatable, Sendable {
    public var enabled = true
    /// IP address to bind; the default serves this machine only. There is neither a login nor TLS.
    public var address = "127.0.0.1"
    public var port: UInt16 = 9464

    mutating func read(_ node: ConfigurationNode) {
        var result = self
        node.read([
            "enabled": { $0.set(&result.enabled, $0.boolean()) },
            "address": { node in
                node.set(&result.address, node.scalar("an IP address") { IPAddress($0) == nil ? nil : $0 })
            },
            "port": { $0.set(&result.port, $0.integer(0...65535)) },
        ])
        self = result
    }
}

/// How log entries are written.
public enum LogFormat: String, CaseIterable, Sendable {
    /// A line for people.
    case text
    /// A line of JSON.
    case json
}
