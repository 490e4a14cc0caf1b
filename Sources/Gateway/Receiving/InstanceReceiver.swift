import Audit
import DICOM
import DICOMNetwork
import Foundation
import Logging
import Metrics
import Synchronization
import Worklist

/// Between the socket and the disk: receives instances and answers success only for what is durable.
///
/// The order for one instance: written and hashed to `incoming`, parsed, synced, renamed into its study, directories
/// synced, row and audit record committed in one transaction with `synchronous=FULL`, answered.
final class InstanceReceiver: StorageSCPHandler {
    /// What changes on reload.
    struct Rules: Sendable {
        var policy: AccessPolicy
        var sources: [SourceConfiguration]
        var destinations: [DestinationConfiguration]
        var maximumObjectBytes: UInt64
    }

    private struct OpenAssociation {
        let peer: Peer
        var incoming: String?
        /// A transfer is audited as begun with its first instance.
        var hasBegunTransfer = false
        /// Studies of which a frontal view came.
        var frontalStudies: Set<Int64> = []
    }

    private let storage: StorageRoot
    private let ledger: Ledger
    private let freeSpace: FreeSpace
    private let access: AccessControl
    private let rules: Mutex<Rules>
    private let open = Mutex<[AssociationID: OpenAssociation]>([:])
    private let commitments: CommitmentReceiver
    private let reading: ReadingService
    private let deliveriesWaiting: @Sendable () -> Void
    private let logger: Logger

    /// - Parameter deliveriesWaiting: called after a commit that queued deliveries.
    init(
        storage: StorageRoot, ledger: Ledger, freeSpace: FreeSpace, rules: Rules, commitments: CommitmentReceiver,
        reading: ReadingService, logger: Logger, deliveriesWaiting: @escaping @Sendable () -> Void
    ) {
        self.storage = storage
        self.ledger = ledger
        self.freeSpace = freeSpace
        self.rules = Mutex(rules)
        self.commitments = commitments
        self.reading = reading
        self.logger = logger
        self.deliveriesWaiting = deliveriesWaiting
        access = AccessControl(rules.policy)
    }

    /// Replaces the rules for associations and instances to come.
    func update(_ rules: Rules) {
        access.update(rules.policy)
        self.rules.withLock { $0 = rules }
    }

    /// Rejects new associations: the service is going down.
    func close() {
        access.close(true)
    }

    /// Whether new associations are taken.
    var isAccepting: Bool { !access.isClosed }

    /// Associations at this moment.
    var openAssociations: Int { access.openCount }

    // MARK: - Associations

    func associationRequested(_ association: AssociationID, by peer: Peer) -> AssociationRejection? {
        if let rejection = access.admit(association, peer) {
            refused(peer, rejection)
            return rejection
        }
        open.withLock { $0[association] = OpenAssociation(peer: peer) }
        Counter(label: "cxrgate_associations_accepted_total").increment()
        return nil
    }

    func associationEnded(_ association: AssociationID, _ ending: AssociationEnding, detail: String) {
        access.leave(association)
        let ended = open.withLock { $0.removeValue(forKey: association) }
        let frontals = reading.readsFrontalFirst ? ended?.frontalStudies ?? [] : []
        do {
            try ledger.write { db in
                try Assembly.release(association: ledger.name(association), in: db)
                // A frontal view need not wait for the quiet period; what comes later makes a revision.
                for study in frontals where try Assembly.hasUnprocessedInstances(studyID: study, in: db) {
                    try Assembly.start(studyID: study, endingAssembly: false, at: Date(), in: db)
                }
            }
            if !frontals.isEmpty { reading.wake() }
        } catch {
            logger.error("holds of an association could not be released", metadata: ["error": "\(error)"])
        }
        if ending != .released && ending != .stopped {
            logger.warning(
                "association ended early",
                metadata: [
                    "source": "\(ended?.peer.callingAETitle ?? "?")", "ending": "\(ending.rawValue)",
                    "detail": "\(detail)",
                ])
        }
    }

    func connectionFailed(address: String, port: UInt16, detail: String) {
        logger.warning("connection without an association", metadata: ["address": "\(address)", "detail": "\(detail)"])
        Counter(label: "cxrgate_connections_failed_total").increment()
        ledger.record(
            AuditEvent(
                .securityAlert, outcome: .minorFailure, description: "A connection \(detail).",
                source: Participant(host: address)))
    }

    func echoed(_ association: AssociationID) {
        guard let peer = open.withLock({ $0[association]?.peer }) else { return }
        logger.debug("echo", metadata: ["source": "\(peer.callingAETitle)"])
    }

    func commitmentReported(_ association: AssociationID, transactionUID: String, items: [CommitmentItem]) -> Bool {
        commitments.take(transactionUID: transactionUID, items: items)
    }

    private func refused(_ peer: Peer, _ rejection: AssociationRejection) {
        logger.warning(
            "association refused",
            metadata: [
                "source": "\(peer.callingAETitle)", "address": "\(peer.address)", "called": "\(peer.calledAETitle)",
                "reason": "\(rejection)",
            ])
        Counter(label: "cxrgate_associations_refused_total", dimensions: [("reason", "\(rejection)")]).increment()
        ledger.record(
            AuditEvent(
                .associationRefused, outcome: rejection.isTransient ? .minorFailure : .seriousFailure,
                description: "\(rejection)", source: Participant(aeTitle: peer.callingAETitle, host: peer.address),
                destination: Participant(aeTitle: peer.calledAETitle)))
    }

    // MARK: - Instances

    func storeBegan(_ association: AssociationID, _ request: StoreRequest) -> StoreDecision {
        guard let peer = open.withLock({ $0[association]?.peer }) else { return .refuse(.processingFailure) }
        do {
            _ = try UID(request.sopClassUID)
            _ = try UID(request.sopInstanceUID)
        } catch {
            return refuse(request, peer, .invalidUID, "\(error)")
        }
        if freeSpace.isLow {
            return refuse(request, peer, .outOfResources, "The free room on the disk is below the watermark.")
        }
        let path = storage.absolute("incoming/" + UUID().uuidString)
        do {
            let descriptor = try DurableFiles.create(path)
            open.withLock { $0[association]?.incoming = path }
            return .receive(descriptor: descriptor, maximumBytes: rules.withLock(\.maximumObjectBytes))
        } catch {
            return refuse(request, peer, error.isOutOfSpace ? .outOfResources : .processingFailure, "\(error)")
        }
    }

    func storeEnded(_ association: AssociationID, _ request: StoreRequest, _ file: ReceivedFile) -> StoreStatus {
        let (state, incoming) = open.withLock { open in
            let incoming = open[association]?.incoming
            open[association]?.incoming = nil
            return (open[association], incoming)
        }
        guard let state, let incoming else {
            Foundation.close(file.descriptor)
            return .processingFailure
        }
        defer {
            Foundation.close(file.descriptor)
            // Gone already when the instance was kept.
            unlink(incoming)
        }
        switch file.outcome {
        case .complete:
            return keep(association, request, file, incoming: incoming, state)
        case .aborted:
            return refuse(request, state.peer, .processingFailure, "The association ended inside the instance.")
                .status
        case .writeFailed(let number):
            let reason = "Writing failed: \(String(cString: strerror(number)))."
            let isFull = number == ENOSPC || number == EDQUOT
            return refuse(request, state.peer, isFull ? .outOfResources : .processingFailure, reason).status
        case .tooLarge:
            return refuse(request, state.peer, .objectTooLarge, "The instance is larger than the configured maximum.")
                .status
        }
    }

    private func keep(
        _ association: AssociationID, _ request: StoreRequest, _ file: ReceivedFile, incoming: String,
        _ state: OpenAssociation
    ) -> StoreStatus {
        let peer = state.peer
        do {
            let header: InstanceHeader
            do {
                header = try InstanceHeader(contentsOf: URL(fileURLWithPath: incoming))
            } catch {
                return try quarantine(request, file, incoming: incoming, peer: peer, reason: "\(error)")
            }
            guard header.sopClassUID.description == request.sopClassUID,
                header.sopInstanceUID.description == request.sopInstanceUID
            else {
                let reason = "The dataset's SOP class or instance is not the command's."
                return refuse(request, peer, .doesNotMatchSOPClass, reason).status
            }
            let path = "\(header.directory)/\(file.sha256).dcm"
            try DurableFiles.makeDirectory(header.directory, under: storage.path)
            try DurableFiles.sync(descriptor: file.descriptor, path: incoming)
            try DurableFiles.move(from: incoming, to: storage.absolute(path))
            let instance = received(header, request, file, path: path, peer: peer, association: association)
            let recorded = try commit(instance, peer: peer, announcesTransfer: !state.hasBegunTransfer)
            let isToRead = recorded.disposition == .toRead && header.isFrontal
            open.withLock { open in
                open[association]?.hasBegunTransfer = true
                if isToRead { open[association]?.frontalStudies.insert(recorded.studyID) }
            }
            count(recorded, bytes: file.bytes)
            return recorded.outcome == .conflict ? .coercedOrConflicting : .success
        } catch let error where Ledger.isOutOfSpace(error) {
            return refuse(request, peer, .outOfResources, "\(error)").status
        } catch {
            // Not acknowledged: the sender sends again. A file without a row is found at the next start.
            return refuse(request, peer, .processingFailure, "\(error)").status
        }
    }

    private func received(
        _ header: InstanceHeader, _ request: StoreRequest, _ file: ReceivedFile, path: String, peer: Peer,
        association: AssociationID
    ) -> ReceivedInstance {
        let source = rules.withLock { rules in
            rules.sources.first { $0.aeTitle == peer.callingAETitle } ?? rules.sources.first { $0.aeTitle == "*" }
        }
        let leastUrgent = source?.priority ?? .routine
        let isReadable =
            StorageSOPClass.readable.contains(request.sopClassUID) && source?.reads ?? true
            && !reading.workKinds.isEmpty
        return ReceivedInstance(
            studyInstanceUID: header.studyInstanceUID.description,
            seriesInstanceUID: header.seriesInstanceUID.description, sopInstanceUID: request.sopInstanceUID,
            sopClassUID: request.sopClassUID, transferSyntaxUID: request.transferSyntaxUID,
            instanceNumber: header.instanceNumber, study: header.study, series: header.series, path: path,
            byteCount: Int64(file.bytes), sha256: file.sha256,
            source: Source(aeTitle: peer.callingAETitle, address: peer.address),
            disposition: header.isOwnResult ? .ownResult : isReadable ? .toRead : .storedOnly,
            priority: header.priority.map { min($0, leastUrgent) } ?? leastUrgent,
            quietPeriod: source?.quietPeriod ?? SourceConfiguration.defaultQuietPeriod,
            association: ledger.name(association))
    }

    /// Row, deliveries and audit records in one transaction.
    private func commit(_ instance: ReceivedInstance, peer: Peer, announcesTransfer: Bool) throws -> RecordedInstance {
        let (sources, destinations) = rules.withLock { ($0.sources, $0.destinations) }
        let forwards = ForwardRule.destinations(
            for: peer.callingAETitle, sources: sources, destinations: destinations)
        let (recorded, hasDeliveries) = try ledger.write { db in
            let now = Date()
            let recorded = try StudyStore.record(instance, at: now, in: db)
            if announcesTransfer {
                try AuditLog.append(ReceptionEvents.begun(instance, peer: peer), in: db)
            }
            try AuditLog.append(ReceptionEvents.recorded(recorded, instance, peer: peer), in: db)
            let isForwarded = recorded.outcome == .new && ForwardRule.applies(to: recorded.disposition)
            for destination in isForwarded ? forwards : [] {
                try DeliveryQueue.enqueue(
                    DeliverableObject(instance), to: destination.name, studyID: recorded.studyID,
                    priority: instance.priority, demandsCommitment: destination.commitment != nil, at: now, in: db)
            }
            return (recorded, isForwarded && !forwards.isEmpty)
        }
        if hasDeliveries {
            deliveriesWaiting()
        }
        return recorded
    }

    /// Keeps a file that cannot be parsed for the administrator, and answers C000H.
    private func quarantine(
        _ request: StoreRequest, _ file: ReceivedFile, incoming: String, peer: Peer, reason: String
    ) throws -> StoreStatus {
        let path = "quarantine/\(file.sha256).dcm"
        try DurableFiles.sync(descriptor: file.descriptor, path: incoming)
        try DurableFiles.move(from: incoming, to: storage.absolute(path))
        try ledger.write { db in
            try StudyStore.recordQuarantinedFile(
                path: path, byteCount: Int64(file.bytes), sha256: file.sha256, reason: reason,
                source: Source(aeTitle: peer.callingAETitle, address: peer.address), at: Date(), in: db)
            try AuditLog.append(
                ReceptionEvents.refused(
                    request, peer: peer, status: .cannotUnderstand, reason: "\(reason) Kept as \(path)."), in: db)
        }
        countRefusal(.cannotUnderstand)
        logger.warning(
            "instance quarantined",
            metadata: ["source": "\(peer.callingAETitle)", "file": "\(path)", "reason": "\(reason)"])
        return .cannotUnderstand
    }

    @discardableResult
    private func refuse(
        _ request: StoreRequest, _ peer: Peer, _ status: StoreStatus, _ reason: String
    )
        -> StoreDecision
    {
        logger.warning(
            "instance refused",
            metadata: ["source": "\(peer.callingAETitle)", "status": "\(status)", "reason": "\(reason)"])
        countRefusal(status)
        ledger.record(ReceptionEvents.refused(request, peer: peer, status: status, reason: reason))
        return .refuse(status)
    }

    private func countRefusal(_ status: StoreStatus) {
        Counter(label: "cxrgate_instances_refused_total", dimensions: [("status", "\(status)")]).increment()
    }

    private func count(_ recorded: RecordedInstance, bytes: UInt64) {
        Counter(label: "cxrgate_instances_received_total", dimensions: [("outcome", recorded.outcome.rawValue)])
            .increment()
        Counter(label: "cxrgate_received_bytes_total").increment(by: bytes)
    }
}

extension StoreDecision {
    /// The status of a refusal.
    fileprivate var status: StoreStatus {
        if case .refuse(let status) = self { status } else { .success }
    }
}
