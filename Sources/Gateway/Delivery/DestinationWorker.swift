import Audit
import DICOM
import DICOMNetwork
import Foundation
import Metrics
import Worklist

/// Delivers to one destination by C-STORE.
///
/// The state of a delivery comes from the response status and from nothing else.
final class DestinationWorker: DeliveryWorker {
    private let book: DeliveryBook
    private let destination: DestinationConfiguration
    private let remote: RemoteAE
    private let storage: StorageRoot
    private let commitments: any StorageSCPHandler

    init(
        _ book: DeliveryBook, _ destination: DestinationConfiguration, remote: RemoteAE, storage: StorageRoot,
        commitments: any StorageSCPHandler
    ) {
        self.book = book
        self.destination = destination
        self.remote = remote
        self.storage = storage
        self.commitments = commitments
    }

    func wake() { book.signal.wake() }

    func stop() { book.signal.stop() }

    func run() {
        book.serve(idle: requestCommitments, deliver: deliver)
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
            if book.signal.isStopped {
                return try book.putBack(rest, reason: nil, until: Date())
            }
            if extendedAt.duration(to: .now) > DeliveryBook.lease / 2 {
                try book.ledger.write { db in
                    try DeliveryQueue.extend(rest, for: DeliveryBook.lease, at: Date(), in: db)
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
            case .success, .warning: try book.sent(delivery, status)
            case .transientFailure: try book.tryAgain(delivery, status: status, reason: "answered \(status)")
            case .permanentFailure: try book.abandon(delivery, status: status, reason: "refused with \(status)")
            }
            return true
        case .noContext(let reason), .badFile(let reason):
            try book.abandon(delivery, status: nil, reason: reason)
            return true
        case .failed(let reason):
            try book.tryAgain(delivery, status: nil, reason: reason)
            return false
        }
    }

    /// The destination itself is the trouble: nothing counts against the objects, the circuit breaker does its work.
    private func notReached(_ batch: [Delivery], reason: String) throws {
        let (before, after) = try book.ledger.write { db in
            let now = Date()
            let known = try Destinations.fetch(destination.name, in: db)
            let pause = book.retry.backoff.delay(afterFailures: known.consecutiveFailures + 1)
            let circuit = try Destinations.recordFailure(
                destination.name, reason: reason, threshold: book.retry.circuitThreshold,
                probeAt: now.advanced(by: pause),
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
            book.logger.warning(
                "destination out of reach", metadata: ["destination": "\(destination.name)", "reason": "\(reason)"])
        }
    }

    // MARK: - Storage commitment

    private func requestCommitments() throws {
        guard let commitment = destination.commitment else { return }
        let transaction = UID.random().description
        let waiting = try book.ledger.write { db in
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
        try book.ledger.write { db in
            let now = Date()
            let known = try Destinations.fetch(destination.name, in: db)
            let retryAt = now.advanced(by: book.retry.backoff.delay(afterFailures: known.consecutiveFailures + 1))
            try Commitments.requestNotSent(
                transactionUID: transaction, reason: reason, retryAt: retryAt, at: now, in: db)
            try Destinations.recordFailure(
                destination.name, reason: reason, threshold: book.retry.circuitThreshold, probeAt: retryAt, at: now,
                in: db)
        }
        reportCommitment(reason)
    }

    private func commitmentRefused(_ transaction: String, reason: String) throws {
        try book.ledger.write { db in
            let now = Date()
            try Commitments.requestFailed(
                transactionUID: transaction, reason: reason,
                retryAt: now.advanced(by: book.retry.backoff.delay(afterFailures: 3)),
                maximumAttempts: book.retry.maximumAttempts, at: now, in: db)
        }
        reportCommitment(reason)
    }

    private func reportCommitment(_ reason: String) {
        book.logger.warning(
            "storage commitment could not be requested",
            metadata: ["destination": "\(destination.name)", "reason": "\(reason)"])
    }
}
