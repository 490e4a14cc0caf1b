import CDCMTK

/// What DCMTK keeps per process: set once, before the first association.
public struct NetworkSettings: Sendable {
    /// Seconds to wait for a TCP connection to a peer.
    public var connectTimeout: Int32 = 10

    /// Seconds without a byte before a socket operation fails.
    public var socketTimeout: Int32 = 60

    /// The defaults.
    public init() {}

    /// Applies the settings to the process.
    public func apply() {
        var settings = cxr_network_settings(connect_timeout: connectTimeout, socket_timeout: socketTimeout)
        cxr_network_configure(&settings)
    }
}
