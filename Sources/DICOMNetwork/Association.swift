/// The number of an association, unique in the life of one SCP.
public struct AssociationID: Hashable, Sendable, CustomStringConvertible {
    /// Counts up from 1.
    public let number: UInt64

    /// An identifier from its number.
    public init(number: UInt64) {
        self.number = number
    }

    /// The number.
    public var description: String { String(number) }
}

/// A calling application entity, as its A-ASSOCIATE-RQ and its address name it.
public struct Peer: Equatable, Sendable {
    /// Calling AE title, trimmed.
    public var callingAETitle: String
    /// Called AE title, trimmed.
    public var calledAETitle: String
    /// Application context name; `Peer.dicomApplicationContext` for DICOM.
    public var applicationContextName: String
    /// IP address.
    public var address: String
    /// TCP port on the peer's side.
    public var port: UInt16
    /// Implementation Version Name, empty when absent.
    public var implementationVersionName: String
    /// Whether the connection is TLS.
    public var isSecure: Bool

    /// The DICOM application context (PS3.7 A.2.1).
    public static let dicomApplicationContext = "1.2.840.10008.3.1.1.1"

    /// A peer from its parts.
    public init(
        callingAETitle: String, calledAETitle: String, applicationContextName: String = dicomApplicationContext,
        address: String, port: UInt16 = 0, implementationVersionName: String = "", isSecure: Bool = false
    ) {
        self.callingAETitle = callingAETitle
        self.calledAETitle = calledAETitle
        self.applicationContextName = applicationContextName
        self.address = address
        self.port = port
        self.implementationVersionName = implementationVersionName
        self.isSecure = isSecure
    }
}

/// Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21).
public struct AssociationRejection: Equatable, Sendable, CustomStringConvertible {
    /// 1 permanent, 2 transient.
    public let result: UInt8
    /// 1 service user, 2 service provider (ACSE), 3 service provider (presentation).
    public let source: UInt8
    /// Depends on the source.
    public let reason: UInt8

    /// A rejection from its three codes.
    public init(result: UInt8, source: UInt8, reason: UInt8) {
        self.result = result
        self.source = source
        self.reason = reason
    }

    /// The application context is not DICOM's.
    public static let applicationContextNotSupported = AssociationRejection(result: 1, source: 1, reason: 2)
    /// The calling AE title, or its address, is not configured.
    public static let callingAETitleNotRecognized = AssociationRejection(result: 1, source: 1, reason: 3)
    /// The called AE title is not ours.
    public static let calledAETitleNotRecognized = AssociationRejection(result: 1, source: 1, reason: 7)
    /// Too many associations, of all sources or of this one. The peer may try again.
    public static let localLimitExceeded = AssociationRejection(result: 2, source: 3, reason: 2)
    /// No room on the disk, or going down. The peer may try again.
    public static let temporaryCongestion = AssociationRejection(result: 2, source: 3, reason: 1)

    /// Whether another try may succeed.
    public var isTransient: Bool { result == 2 }

    /// The standard's words.
    public var description: String {
        let reasons: [[UInt8]: String] = [
            [1, 1]: "no reason given", [1, 2]: "application context name not supported",
            [1, 3]: "calling AE title not recognized", [1, 7]: "called AE title not recognized",
            [2, 1]: "no reason given", [2, 2]: "protocol version not supported",
            [3, 1]: "temporary congestion", [3, 2]: "local limit exceeded",
        ]
        let reason = reasons[[source, self.reason]] ?? "source \(source), reason \(self.reason)"
        return "\(reason) (\(isTransient ? "transient" : "permanent"))"
    }
}

/// How an association ended.
public enum AssociationEnding: String, Sendable {
    /// The peer released it in good order.
    case released
    /// The peer sent an A-ABORT.
    case abortedByPeer
    /// The TCP connection ended.
    case connectionLost
    /// Nothing came for the idle time-out; we aborted.
    case idleTimeout
    /// The peer broke the protocol; we aborted.
    case protocolError
    /// The service went down.
    case stopped
}
