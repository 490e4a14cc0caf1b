import CDCMTK

/// What DCMTK keeps per process: set once, before the first association.
public struct NetworkSettings: Sendable {
    /// Seconds to wait for a TCP connection to a peer.
    public var connectTimeout: Int32 = 10

    /// Seconds without a byte before a socket operation fails.
    public var socketTimeout: Int32 = 60

    /// DCMTK's own log on standard error, for the debugging of a connection. It may hold patients' data.
    public var debugLog = false

    /// The defaults.
    public init() {}

    /// Applies the settings to the process.
    public func apply() {
        var settings = cxr_network_settings(
            connect_timeout: connectTimeout, socket_timeout: socketTimeout, debug_log: debugLog)
        cxr_network_configure(&settings)
    }
}
