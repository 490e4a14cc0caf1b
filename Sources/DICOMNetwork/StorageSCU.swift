import CDCMTK
import DICOM

/// A called application entity and how to reach it.
public struct RemoteAE: Sendable {
    /// Host name or IP address.
    public var host: String
    /// TCP port.
    public var port: UInt16
    /// Its AE title.
    public var calledAETitle: String
    /// Our AE title there.
    public var callingAETitle: String
    /// Keys and certificates, for a secure connection.
    public var tls: TLSContext?
    /// Seconds to wait for the answer to the A-ASSOCIATE-RQ.
    public var acseTimeout: Int32 = 30
    /// Seconds to wait for a response.
    public var dimseTimeout: Int32 = 60
    /// Largest P-DATA-TF PDU we accept.
    public var maximumPDULength: UInt32 = 131_072

    /// A remote AE without TLS and with the default time-outs.
    public init(host: String, port: UInt16, calledAETitle: String, callingAETitle: String, tls: TLSContext? = nil) {
        self.host = host
        self.port = port
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.tls = tls
    }

    /// `TITLE at host:port`.
    public var name: String { "\(calledAETitle) at \(host):\(port)" }
}

/// A presentation context to propose.
public struct ProposedContext: Hashable, Sendable {
    /// Abstract syntax.
    public let sopClassUID: String
    /// The transfer syntax of the file.
    public let transferSyntaxUID: String

    /// A context for instances of one SOP class in one transfer syntax.
    public init(sopClassUID: String, transferSyntaxUID: String) {
        self.sopClassUID = sopClassUID
        self.transferSyntaxUID = transferSyntaxUID
    }

    /// What goes into the A-ASSOCIATE-RQ: the file's own syntax first, so that its bytes go out unchanged where the
    /// peer takes them. An uncompressed file can also be sent re-encoded; a compressed one only as it is.
    var proposals: [[String]] {
        let isCompressed = TransferSyntax(uid: transferSyntaxUID)?.isEncapsulated ?? true
        let others = StorageSCU.plainSyntaxes.filter { $0 != transferSyntaxUID }
        return isCompressed ? [[transferSyntaxUID]] : [[transferSyntaxUID], others]
    }
}

/// The outcome of one C-STORE.
public enum SendOutcome: Equatable, Sendable {
    /// The peer answered.
    case answered(StoreStatus)
    /// No accepted presentation context fits: sending again is of no use.
    case noContext(String)
    /// The file cannot be read: sending again is of no use.
    case badFile(String)
    /// The association failed: the peer may or may not have the instance.
    case failed(String)
}

/// An open association with a storage SCP. Blocking; one owner at a time.
public final class StorageSCU {
    private let handle: OpaquePointer
    private let peer: String
    private let tls: TLSContext?

    /// The most kinds of instances for one association. A-ASSOCIATE-RQ has room for 128 presentation contexts
    /// (PS3.8 9.3.2.2: odd numbers up to 255), of which a kind takes up to two.
    public static let maximumContexts = 62

    static let plainSyntaxes = [TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid]

    /// Opens an association.
    ///
    /// - Parameters:
    ///   - peer: Whom to call.
    ///   - contexts: What to propose for storage, at most `maximumContexts` with the services.
    ///   - services: Further abstract syntaxes: verification, storage commitment.
    /// - Throws: `NetworkError.rejected` or `NetworkError.unreachable`.
    public init(_ peer: RemoteAE, contexts: [ProposedContext], services: [DIMSEService] = []) throws {
        self.peer = peer.name
        tls = peer.tls
        let all =
            contexts.flatMap { context in context.proposals.map { (context.sopClassUID, $0) } }
            + services.map { ($0.abstractSyntaxUID, Self.plainSyntaxes) }
        let classes = CStringArray(all.map(\.0))
        let syntaxes = CStringArray(all.map { $0.1.joined(separator: "\\") })
        let proposals = (0..<all.count).map {
            cxr_proposed_context(sop_class_uid: classes.pointers[$0], transfer_syntax_uids: syntaxes.pointers[$0])
        }
        let texts = CStringArray([
            peer.host, peer.calledAETitle, peer.callingAETitle, Implementation.classUID, Implementation.versionName,
        ])
        var failure = cxr_association_failure()
        var settings = cxr_scu_settings(
            host: texts.pointers[0], port: peer.port, called_ae_title: texts.pointers[1],
            calling_ae_title: texts.pointers[2], tls: peer.tls?.handle, maximum_pdu_length: peer.maximumPDULength,
            acse_timeout: peer.acseTimeout, dimse_timeout: peer.dimseTimeout,
            implementation_class_uid: texts.pointers[3], implementation_version_name: texts.pointers[4])
        guard let handle = cxr_scu_open(&settings, proposals, proposals.count, &failure) else {
            let codes = failure.rejection
            if codes.result != 0 {
                throw NetworkError.rejected(
                    peer: peer.name,
                    rejection: AssociationRejection(result: codes.result, source: codes.source, reason: codes.reason))
            }
            let reason = withUnsafeBytes(of: failure.text) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw NetworkError.unreachable(peer: peer.name, reason: reason)
        }
        self.handle = handle
    }

    /// Releases the association, or aborts it when it has failed.
    deinit {
        cxr_scu_close(handle)
    }

    /// Verifies the connection (C-ECHO).
    ///
    /// - Throws: `NetworkError.associationFailed`.
    public func echo() throws -> StoreStatus {
        var status: UInt16 = 0
        var message = cxr_message()
        guard cxr_scu_echo(handle, &status, &message) else {
            throw NetworkError.associationFailed(peer: peer, reason: message.string)
        }
        return StoreStatus(code: status)
    }

    /// Sends one DICOM file.
    public func send(
        path: String, sopClassUID: String, sopInstanceUID: String, transferSyntaxUID: String
    )
        -> SendOutcome
    {
        var status: UInt16 = 0
        var message = cxr_message()
        let outcome = cxr_scu_store(
            handle, path, sopClassUID, sopInstanceUID, transferSyntaxUID, &status, &message)
        switch outcome {
        case CXR_SEND_ANSWERED: return .answered(StoreStatus(code: status))
        case CXR_SEND_NO_CONTEXT: return .noContext(message.string)
        case CXR_SEND_BAD_FILE: return .badFile(message.string)
        default: return .failed(message.string)
        }
    }

    /// Asks the peer to commit to the safekeeping of instances (PS3.4 J.3.2).
    ///
    /// - Returns: The status of the N-ACTION-RSP; the result itself comes in a report.
    /// - Throws: `NetworkError.associationFailed`.
    public func requestCommitment(transactionUID: String, items: [CommitmentItem]) throws -> StoreStatus {
        let texts = CStringArray(items.flatMap { [$0.sopClassUID, $0.sopInstanceUID] })
        let native = items.indices.map {
            cxr_commitment_item(
                sop_class_uid: texts.pointers[2 * $0], sop_instance_uid: texts.pointers[2 * $0 + 1], failure_reason: 0)
        }
        var status: UInt16 = 0
        var message = cxr_message()
        guard cxr_scu_request_commitment(handle, transactionUID, native, native.count, &status, &message) else {
            throw NetworkError.associationFailed(peer: peer, reason: message.string)
        }
        return StoreStatus(code: status)
    }

    /// Waits for a commitment report on this association and hands it to the handler.
    ///
    /// - Returns: `false` when none came in time; then it may come on a new association to our SCP.
    public func awaitCommitment(seconds: Int32, handler: any StorageSCPHandler) -> Bool {
        let callbacks = SCPCallbacks(handler: handler)
        var native = callbacks.native
        var message = cxr_message()
        return withExtendedLifetime(callbacks) { cxr_scu_await_commitment(handle, seconds, &native, &message) }
    }
}

/// Services besides storage that an SCU can propose.
public enum DIMSEService: Sendable {
    /// C-ECHO (PS3.4 A).
    case verification
    /// Storage Commitment Push Model (PS3.4 J).
    case storageCommitment

    /// The SOP Class UID.
    public var abstractSyntaxUID: String {
        switch self {
        case .verification: "1.2.840.10008.1.1"
        case .storageCommitment: "1.2.840.10008.1.20.1"
        }
    }
}
