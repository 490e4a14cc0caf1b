import Audit
import DICOM
import DICOMNetwork
import Foundation
import Logging
import Results
import Worklist

/// Everything that can be configured. `Config/cxrgate.yaml` documents each option and holds these defaults.
public struct GatewayConfiguration: Equatable, Sendable {
    /// Our AE titles; the first is used for calling.
    public var aeTitles = ["CXRGATE"]
    public var storage = StorageConfiguration()
    public var listeners = [ListenerConfiguration()]
    public var associations = AssociationConfiguration()
    public var sources = [SourceConfiguration()]
    public var destinations = [DestinationConfiguration.resultsFolder]
    public var reading = ReadingConfiguration()
    public var station = StationConfiguration()
    public var retry = RetryConfiguration()
    public var audit = AuditConfiguration()
    public var operations = OperationsConfiguration()
    public var logLevel = Logger.Level.info
    public var logFormat = LogFormat.text
    /// Seconds that open associations get to end when the service stops.
    public var shutdownGrace: Duration = .seconds(30)

    /// The defaults.
    public init() {}
}

/// Where files go and how much room must stay.
public struct StorageConfiguration: Equatable, Sendable {
    public var directory = "/var/lib/cxrgate"
    /// Below this, instances are refused with A700H.
    public var minimumFreeBytes: UInt64 = 2 << 30
    /// The same as a share of the file system, in percent.
    public var minimumFreePercent = 2.0
    /// Larger instances are refused with C001H.
    public var maximumObjectBytes: UInt64 = 1 << 30
    /// How long the files of a study stay after its end; zero for ever.
    public var retention: Duration = .zero

    /// The database in the directory.
    public var databasePath: String { directory + "/cxrgate.sqlite" }
}

/// One port.
public struct ListenerConfiguration: Equatable, Sendable {
    /// IP address to bind; the default serves this machine only.
    public var address = "127.0.0.1"
    public var port: UInt16 = 11112
    public var tls: TLSSettings?

    /// The registered port for DICOM over TLS: a secure listener's default.
    static let securePort: UInt16 = 2762
}

/// Limits of associations and what they may carry.
public struct AssociationConfiguration: Equatable, Sendable {
    /// At once, of all sources together.
    public var maximum = 64
    /// Connections that have not sent their request yet; above it the oldest is closed.
    public var maximumPending: UInt32 = 256
    public var acseTimeout: Duration = .seconds(30)
    public var dimseTimeout: Duration = .seconds(60)
    public var idleTimeout: Duration = .seconds(60)
    public var maximumPDULength: UInt32 = 131_072
    /// Storage SOP Class UIDs accepted besides `StorageSOPClass.defaultAccepted`.
    public var additionalSOPClasses: [String] = []
}

/// A calling AE.
public struct SourceConfiguration: Equatable, Sendable {
    /// `*` for any.
    public var aeTitle = "*"
    /// Addresses it may call from.
    public var networks = NetworkRange.loopback
    public var maximumAssociations = 64
    public var requiresTLS = false
    /// How long a study must stay quiet before it is worked on.
    public var quietPeriod = Self.defaultQuietPeriod
    /// The least urgent that its studies are taken as.
    public var priority = Priority.routine
    /// Whether its studies are read; those of others are kept and forwarded only.
    public var reads = true
    /// Names of destinations that get its instances unchanged.
    public var forwardTo: [String] = []

    static let defaultQuietPeriod: Duration = .seconds(30)
}

/// A called AE, or a folder on this machine.
public struct DestinationConfiguration: Equatable, Sendable {
    /// The name used in `forward-to`, in tables and in the audit log.
    public var name = ""
    /// The kinds of result objects that it gets; none for a destination of forwarded instances only.
    public var results = ResultOptions.standard.kinds
    /// The storage class in which it gets the findings report.
    public var findingsClass = FindingsReportClass.comprehensive
    /// Objects are written here instead of sent; relative paths are below the storage directory.
    public var folder: String?
    public var host = "127.0.0.1"
    public var port: UInt16 = 104
    public var aeTitle = ""
    /// Our AE title there.
    public var callingAETitle = "CXRGATE"
    public var tls: TLSSettings?
    public var acseTimeout: Duration = .seconds(30)
    public var dimseTimeout: Duration = .seconds(60)
    public var commitment: CommitmentConfiguration?

    /// The default installation's only destination: results lie as files beside the studies.
    static let resultsFolder: DestinationConfiguration = {
        var destination = DestinationConfiguration()
        destination.name = "folder"
        destination.folder = "delivered"
        return destination
    }()

    /// How to reach it.
    ///
    /// - Throws: `NetworkError.badTLS`.
    func remote() throws -> RemoteAE {
        var remote = RemoteAE(
            host: host, port: port, calledAETitle: aeTitle, callingAETitle: callingAETitle,
            tls: try tls.map { try TLSContext($0, side: .client) })
        remote.acseTimeout = Int32(acseTimeout.seconds)
        remote.dimseTimeout = Int32(dimseTimeout.seconds)
        return remote
    }
}

/// Storage commitment at a destination.
public struct CommitmentConfiguration: Equatable, Sendable {
    /// Until the report must have come.
    public var deadline: Duration = .seconds(3600)
    /// How long the requesting association stays open for a report on it.
    public var waitSeconds: Int32 = 2
}

/// How failed deliveries are repeated.
public struct RetryConfiguration: Equatable, Sendable {
    public var initialDelay: Duration = .seconds(2)
    public var maximumDelay: Duration = .seconds(600)
    /// Attempts of one object, before it is a dead letter.
    public var maximumAttempts = 20
    /// Failures to reach a destination in a row, before its circuit opens.
    public var circuitThreshold = 3

    /// Exponential with jitter and a cap.
    var backoff: Backoff {
        Backoff(initial: initialDelay, multiplier: 2, maximum: maximumDelay, jitter: 0.5)
    }
}

/// The audit log's key, exported head and repositories.
public struct AuditConfiguration: Equatable, Sendable {
    /// PEM file of the site's Ed25519 key; made at the first start. Relative paths are below the storage directory.
    public var signingKey = "audit-key.pem"
    /// A file that always holds the last signed head, best on another machine's disk.
    public var headFile: String?
    /// Where records are forwarded to as DICOM audit messages.
    public var repositories: [AuditRepositoryConfiguration] = []
}

/// An audit record repository (PS3.15 A.6: syslog over UDP or TLS).
public struct AuditRepositoryConfiguration: Equatable, Sendable {
    /// The name under which the forward queue keeps its place.
    public var name = ""
    public var host = "127.0.0.1"
    public var port: UInt16 = 6514
    /// Keys and certificates; `nil` for UDP.
    public var tls: TLSSettings?
    /// A file of at least 32 secret bytes: patients' identifiers are replaced by keyed hashes.
    public var pseudonymKey: String?

    /// The forwarder for it.
    ///
    /// - Throws: `ConfigurationError` when the key file cannot be used.
    func forwarder(ledger: Ledger, logger: Logger) throws -> AuditForwarder {
        var pseudonymiser: Pseudonymiser?
        if let pseudonymKey {
            let key = FileManager.default.contents(atPath: pseudonymKey) ?? Data()
            pseudonymiser = try Pseudonymiser(key: [UInt8](key))
        }
        let url = { (path: String) in URL(fileURLWithPath: path) }
        let transport = tls.map { tls in
            AuditRepository.Transport.tls(
                TLSIdentity(
                    trustedCertificates: url(tls.trustedCertificates ?? ""),
                    certificateChain: tls.certificate.map(url), privateKey: tls.privateKey.map(url)))
        }
        return AuditForwarder(
            pool: ledger.pool,
            repository: AuditRepository(name: name, host: host, port: port, transport: transport ?? .udp),
            source: .local(sourceID: "CXRGateway"), pseudonymiser: pseudonymiser, logger: logger)
    }
}
