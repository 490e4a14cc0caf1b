import CDCMTK
import DICOM
import Foundation

/// One port on which the SCP listens.
public struct StorageSCPConfiguration: Sendable {
    /// IP address to bind; the default serves this machine only.
    public var address = "127.0.0.1"
    /// TCP port; 0 chooses a free one.
    public var port: UInt16 = 11112
    /// Keys and certificates of a secure port.
    public var tls: TLSContext?
    /// Largest P-DATA-TF PDU accepted, 4096 to 131072 bytes.
    public var maximumPDULength: UInt32 = 131_072
    /// Seconds from the TCP connection to the end of the A-ASSOCIATE-RQ.
    public var acseTimeout: Int32 = 30
    /// Seconds without a message before an association is aborted.
    public var idleTimeout: Int32 = 60
    /// Seconds without a byte within a message before the association is aborted.
    public var dimseTimeout: Int32 = 60
    /// Connections without a request yet; above it the oldest is closed.
    public var maximumPending: UInt32 = 256
    /// Storage SOP Class UIDs that are accepted.
    public var sopClassUIDs: [String] = StorageSOPClass.defaultAccepted
    /// Transfer syntaxes that are accepted, in order of preference.
    public var transferSyntaxes = TransferSyntax.all

    /// The defaults.
    public init() {}
}

/// A C-STORE-RQ whose dataset is about to come.
public struct StoreRequest: Equatable, Sendable {
    /// Affected SOP Class UID.
    public let sopClassUID: String
    /// Affected SOP Instance UID.
    public let sopInstanceUID: String
    /// The transfer syntax of the presentation context.
    public let transferSyntaxUID: String

    /// A request from its parts.
    public init(sopClassUID: String, sopInstanceUID: String, transferSyntaxUID: String) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        self.transferSyntaxUID = transferSyntaxUID
    }
}

/// What a handler says to a C-STORE-RQ before its dataset.
public enum StoreDecision: Sendable {
    /// Write the file to this descriptor, at most so many bytes. The handler gets the descriptor back.
    case receive(descriptor: Int32, maximumBytes: UInt64)
    /// Read the dataset, drop it and answer this.
    case refuse(StoreStatus)
}

/// A file that arrived, or did not.
public struct ReceivedFile: Sendable {
    /// How the reception ended.
    public enum Outcome: Equatable, Sendable {
        /// All bytes are written, not yet synced.
        case complete
        /// The association ended inside the dataset.
        case aborted
        /// Writing failed with this `errno`.
        case writeFailed(Int32)
        /// More than the maximum.
        case tooLarge
    }

    /// How the reception ended.
    public let outcome: Outcome
    /// The descriptor given with `StoreDecision.receive`, still open.
    public let descriptor: Int32
    /// Bytes written: preamble, meta information and dataset.
    public let bytes: UInt64
    /// SHA-256 over those bytes, in hexadecimal.
    public let sha256: String
}

/// One item of a storage commitment report (PS3.4 J.3.3).
public struct CommitmentItem: Hashable, Sendable {
    /// Referenced SOP Class UID.
    public let sopClassUID: String
    /// Referenced SOP Instance UID.
    public let sopInstanceUID: String
    /// Failure Reason (0008,1197); `nil` when the instance is committed.
    public let failureReason: UInt16?

    /// An item from its parts.
    public init(sopClassUID: String, sopInstanceUID: String, failureReason: UInt16? = nil) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        self.failureReason = failureReason
    }
}

/// Decides and acts for a `StorageSCP`. Called on the threads of the connections, many at once.
public protocol StorageSCPHandler: AnyObject, Sendable {
    /// Accepts (`nil`) or rejects an association. One that is accepted ends with exactly one `associationEnded`.
    func associationRequested(_ association: AssociationID, by peer: Peer) -> AssociationRejection?
    /// An accepted association is over.
    func associationEnded(_ association: AssociationID, _ ending: AssociationEnding, detail: String)
    /// A connection that never became an association.
    func connectionFailed(address: String, port: UInt16, detail: String)
    /// A C-ECHO was answered.
    func echoed(_ association: AssociationID)
    /// Says where an instance goes, before its first byte.
    func storeBegan(_ association: AssociationID, _ request: StoreRequest) -> StoreDecision
    /// Makes a received instance durable and gives the status of the response. Called exactly once for each
    /// `StoreDecision.receive`.
    func storeEnded(_ association: AssociationID, _ request: StoreRequest, _ file: ReceivedFile) -> StoreStatus
    /// Takes a storage commitment report and says whether it was understood.
    func commitmentReported(_ association: AssociationID, transactionUID: String, items: [CommitmentItem]) -> Bool
}

/// A storage SCP with verification, and the receiving side of storage commitment, on one port.
///
/// `@unchecked Sendable`: the handle's functions are thread-safe and it is freed with the last reference.
public final class StorageSCP: @unchecked Sendable {
    private let handle: OpaquePointer
    private let callbacks: SCPCallbacks
    private let tls: TLSContext?

    /// Binds the port and starts to accept.
    ///
    /// - Throws: `NetworkError.cannotListen`.
    public init(_ configuration: StorageSCPConfiguration, handler: any StorageSCPHandler) throws {
        callbacks = SCPCallbacks(handler: handler)
        tls = configuration.tls
        var native = callbacks.native
        var message = cxr_message()
        let classes = CStringArray(configuration.sopClassUIDs)
        let syntaxes = CStringArray(configuration.transferSyntaxes.map(\.uid))
        let handle = configuration.address.withCString { address in
            Implementation.classUID.withCString { classUID in
                Implementation.versionName.withCString { versionName in
                    var settings = cxr_scp_settings(
                        address: address, port: configuration.port, tls: configuration.tls?.handle,
                        maximum_pdu_length: configuration.maximumPDULength, acse_timeout: configuration.acseTimeout,
                        idle_timeout: configuration.idleTimeout, dimse_timeout: configuration.dimseTimeout,
                        maximum_pending: configuration.maximumPending, sop_class_uids: classes.pointers,
                        sop_class_count: classes.count, transfer_syntax_uids: syntaxes.pointers,
                        transfer_syntax_count: syntaxes.count, implementation_class_uid: classUID,
                        implementation_version_name: versionName)
                    return cxr_scp_start(&settings, &native, &message)
                }
            }
        }
        guard let handle else { throw NetworkError.cannotListen(reason: message.string) }
        self.handle = handle
    }

    deinit {
        cxr_scp_free(handle)
    }

    /// The port that is bound.
    public var port: UInt16 { cxr_scp_port(handle) }

    /// Connections at this moment, those without a request included.
    public var connectionCount: Int { cxr_scp_connections(handle) }

    /// Stops accepting, gives open associations some time to end, then closes them; returns when all are over.
    public func stop(grace: Duration) {
        let seconds = Double(grace.components.seconds) + Double(grace.components.attoseconds) * 1e-18
        cxr_scp_stop(handle, seconds)
    }
}
