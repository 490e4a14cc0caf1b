import Audit
import DICOM
import DICOMNetwork
import Foundation
import Logging
import Metrics
import Worklist

/// Delivers to one destination by C-STORE.
///
/// The state of a delivery comes from the response status and from nothing else.
final class DestinationWorker: DeliveryWorker {
    private let destination: DestinationConfiguration
    private let remote: RemoteAE
    private let storage: StorageRoot
    private let ledger: Ledger
    private let retry: RetryConfiguration
    private let commitments: any StorageSCPHandler
    private let logger: Logger
    private let signal = Signal()

    /// As many objects as one association takes.
    private static let batchSize = 60
    private static let lease: Duration = .seconds(300)
    /// The longest sleep without a wake-up: work that another process queued (an operator's retry) is seen then.
    private static let longestSleep: TimeInterval = 2

    init(
        _ destination: DestinationConfiguration, remote: RemoteAE, storage: StorageRoot, ledger: Ledger,
        retry: RetryConfiguration, commitments: any StorageSCPHandler, logger: Logger
    ) {
        self.destination = destination
        self.remote = remote
        self.storage = storage
        self.ledger = ledger
        self.retry = retry
        self.commitments = commitments
        self.logger = logger
    }

    func wake() { signal.wake() }

    func stop() { signal.stop() }

    func run() {
        while !signal.isStopped {
            do {
                let batch = try ledger.write { db in
                    try DeliveryQueue.leaseBatch(
                        for: destination.name, limit: Self.batchSize, owner: "sender", for: Self.lease, at: Date(),
                        in: db)
                }
                if batch.isEmpty {
                    try requestCommitments()
                    signal.wait(until: try nextTime())
                } else {
                    try deliver(batch)
                }
            } catch {
                logger.error(
                    "delivery stopped for a moment",
                    metadata: ["destination": "\(destination.name)", "error": "\(error)"])
                signal.wait(until: Date(timeIntervalSinceNow: Self.longestSleep))
            }
        }
    }

    private func nextTime() throws -> Date {
        let due = try ledger.pool.read { db in try DeliveryQueue.nextDueTime(for: destination.name, in: db) }
        return min(due ?? .distantFuture, Date(timeIntervalSinceNow: Self.longestSleep))
    }

    // MARK: - Sending

    private func deliver(_ batch: [Delivery]) throws {
        let contexts = Set(
            batch.map {
                ProposedContext(
                    sopClassUID: $0.object.sopClassUID, transferSyntaxUID: $0.object.transferSyntaxUID)
            })
        let association: StorageSCU
        do {
            association = try StorageSCU(remote, contexts: contexts.sorted { $0.sopClassUID < $1.sopClassUID })
        } catch {
            return try notReached(batch, reason: "\(error)")
        }
        var extendedAt = ContinuousClock.now
        for (index, delivery) in batch.enumerated() {
            let rest = Array(batch[index...])
            if signal.isStopped {
                return try putBack(rest, reason: nil, until: Date())
            }
            if extendedAt.duration(to: .now) > Self.lease / 2 {
                try ledger.write { db in
                    try DeliveryQueue.extend(rest, for: Self.lease, at: Date(), in: db)
                }
                extendedAt = .now
            }
            guard try send(delivery, over: association) else {
                return try notReached(Array(rest.dropFirst()), reason: "the association failed")
            }
        }
    }

    /// - Returns: whether the association can go on.
    private func send(_ delivery: Delivery, over association: StorageSCU) throws -> Bool {
        let started = ContinuousClock.now
        let object = delivery.object
        let outcome = association.send(
            path: storage.absolute(object.path), sopClassUID: object.sopClassUID,
            sopInstanceUID: object.sopInstanceUID, transferSyntaxUID: object.transferSyntaxUID)
        Metrics.Timer(label: "cxrgate_delivery_seconds", dimensions: [("destination", destination.name)])
            .recordNanoseconds(started.duration(to: .now).nanoseconds)
        switch outcome {
        case .answered(let status):
            switch status.kind {
            case .success, .warning: try sent(delivery, status)
            case .transientFailure: try tryAgain(delivery, status: status, reason: "answered \(status)")
            case .permanentFailure: try abandon(delivery, status: status, reason: "refused with \(status)")
            }
            return true
        case .noContext(let reason), .badFile(let reason):
            try abandon(delivery, status: nil, reason: reason)
            return true
        case .failed(let reason):
            try tryAgain(delivery, status: nil, reason: reason)
            return false
        }
    }

    private func sent(_ delivery: Delivery, _ status: StoreStatus) throws {
        try ledger.write { db in
            let now = Date()
            try DeliveryQueue.markSent(delivery, status: status.code, at: now, in: db)
            try Destinations.recordSuccess(destination.name, at: now, in: db)
            let study = try Study.fetch(id: delivery.studyID, in: db)
            try AuditLog.append(DeliveryEvents.delivered(delivery, study, status: status), in: db)
            try TurnaroundRecorder.record(delivery, of: study, sentAt: now, in: db)
        }
        count("sent")
    }

    private func tryAgain(_ delivery: Delivery, status: StoreStatus?, reason: String) throws {
        let state = try ledger.write { db in
            let now = Date()
            let state = try DeliveryQueue.fail(
                delivery, status: status?.code, reason: reason,
                retryAt: now.advanced(by: retry.backoff.delay(afterFailures: delivery.attempts)),
                maximumAttempts: retry.maximumAttempts, at: now, in: db)
            let study = try Study.fetch(id: delivery.studyID, in: db)
            try AuditLog.append(
                state == .deadLetter
                    ? DeliveryEvents.abandoned(delivery, study, reason: reason)
                    : DeliveryEvents.retried(delivery, study, reason: reason), in: db)
            return state
        }
        count(state == .deadLetter ? "deadLetter" : "retried")
        report(delivery, "delivery failed", reason: reason)
    }

    private func abandon(_ delivery: Delivery, status: StoreStatus?, reason: String) throws {
        try ledger.write { db in
            try DeliveryQueue.bury(delivery, status: status?.code, reason: reason, at: Date(), in: db)
            let study = try Study.fetch(id: delivery.studyID, in: db)
            try AuditLog.append(DeliveryEvents.abandoned(delivery, study, reason: reason), in: db)
        }
        count("deadLetter")
        report(delivery, "delivery abandoned", reason: reason)
    }

    /// The destination itself is the trouble: nothing counts against the objects, the circuit breaker does its work.
    private func notReached(_ batch: [Delivery], reason: String) throws {
        let (before, after) = try ledger.write { db in
            let now = Date()
            let known = try Destinations.fetch(destination.name, in: db)
            let pause = retry.backoff.delay(afterFailures: known.consecutiveFailures + 1)
            let circuit = try Destinations.recordFailure(
                destination.name, reason: reason, threshold: retry.circuitThreshold, probeAt: now.advanced(by: pause),
                at: now, in: db)
            for delivery in batch {
                try DeliveryQueue.putBack(delivery, reason: reason, until: now.advanced(by: pause), at: now, in: db)
            }
            if known.circuit == .closed && circuit == .open {
                try AuditLog.append(
                    AuditEvent(
                        .deliveryRetried, outcome: .minorFailure,
                        description: "The destination is out of reach; deliveries wait. \(reason)",
                        destination: Participant(aeTitle: destination.name)), in: db)
            }
            return (known.circuit, circuit)
        }
        if before != after || after == .closed {
            logger.warning(
                "destination out of reach", metadata: ["destination": "\(destination.name)", "reason": "\(reason)"])
        }
    }

    private func putBack(_ batch: [Delivery], reason: String?, until time: Date) throws {
        try ledger.write { db in
            for delivery in batch {
                try DeliveryQueue.putBack(delivery, reason: reason, until: time, at: Date(), in: db)
            }
        }
    }

    // MARK: - Storage commitment

    private func requestCommitments() throws {
        guard let commitment = destination.commitment else { return }
        let transaction = UID.random().description
        let waiting = try ledger.write { db in
            let now = Date()
            let waiting = try Commitments.awaitingRequest(to: destination.name, at: now, in: db)
            if !waiting.isEmpty {
                try Commitments.request(
                    waiting, transactionUID: transaction, deadline: now.advanced(by: commitment.deadline), at: now,
                    in: db)
            }
            for delivery in waiting {
                try AuditLog.append(
                    DeliveryEvents.commitmentRequested(delivery, transactionUID: transaction), in: db)
            }
            return waiting
        }
        guard !waiting.isEmpty else { return }
        let association: StorageSCU
        do {
            association = try StorageSCU(remote, contexts: [], services: [.storageCommitment])
        } catch {
            return try commitmentNotSent(transaction, reason: "\(error)")
        }
        do {
            let items = waiting.map {
                CommitmentItem(sopClassUID: $0.object.sopClassUID, sopInstanceUID: $0.object.sopInstanceUID)
            }
            let status = try association.requestCommitment(transactionUID: transaction, items: items)
            guard status.code == 0 else {
                return try commitmentRefused(transaction, reason: "N-ACTION answered \(status)")
            }
            // Many archives report on the same association when they are asked to wait a moment.
            _ = association.awaitCommitment(seconds: commitment.waitSeconds, handler: commitments)
        } catch {
            try commitmentRefused(transaction, reason: "\(error)")
        }
    }

    /// The destination was not reached: the request does not count, the circuit breaker sets the pace.
    private func commitmentNotSent(_ transaction: String, reason: String) throws {
        try ledger.write { db in
            let now = Date()
            let known = try Destinations.fetch(destination.name, in: db)
            let retryAt = now.advanced(by: retry.backoff.delay(afterFailures: known.consecutiveFailures + 1))
            try Commitments.requestNotSent(
                transactionUID: transaction, reason: reason, retryAt: retryAt, at: now, in: db)
            try Destinations.recordFailure(
                destination.name, reason: reason, threshold: retry.circuitThreshold, probeAt: retryAt, at: now, in: db)
        }
        reportCommitment(reason)
    }

    private func commitmentRefused(_ transaction: String, reason: String) throws {
        try ledger.write { db in
            let now = Date()
            try Commitments.requestFailed(
                transactionUID: transaction, reason: reason,
                retryAt: now.advanced(by: retry.backoff.delay(afterFailures: 3)),
                maximumAttempts: retry.maximumAttempts, at: now, in: db)
        }
        reportCommitment(reason)
    }

    // MARK: - Telling

    private func count(_ outcome: String) {
        Counter(
            label: "cxrgate_deliveries_total", dimensions: [("destination", destination.name), ("outcome", outcome)]
        ).increment()
    }

    private func reportCommitment(_ reason: String) {
        logger.warning(
            "storage commitment could not be requested",
            metadata: ["destination": "\(destination.name)", "reason": "\(reason)"])
    }

    private func report(_ delivery: Delivery, _ message: Logger.Message, reason: String) {
        logger.warning(
            message,
            metadata: [
                "destination": "\(destination.name)", "delivery": "\(delivery.id)", "reason": "\(reason)",
            ])
    }
}
