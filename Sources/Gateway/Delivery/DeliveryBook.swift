import Audit
import DICOMNetwork
import Foundation
import Logging
import Metrics
import Worklist

/// The queue of one destination as its worker sees it: batches out, outcomes in, each with its audit record in the same
/// transaction.
struct DeliveryBook: Sendable {
    let destination: String
    let ledger: Ledger
    let retry: RetryConfiguration
    let logger: Logger
    let signal = Signal()

    /// As many objects as one association takes.
    private static let batchSize = 60
    static let lease: Duration = .seconds(300)
    /// The longest sleep without a wake-up: work that another process queued (an operator's retry) is seen then.
    private static let longestSleep: TimeInterval = 2

    /// Hands out batches until stopped. Blocking.
    ///
    /// - Parameter idle: what else to do when there is nothing to deliver.
    func serve(idle: () throws -> Void = {}, deliver: ([Delivery]) throws -> Void) {
        while !signal.isStopped {
            do {
                let batch = try ledger.write { db in
                    try DeliveryQueue.leaseBatch(
                        for: destination, limit: Self.batchSize, owner: "sender", for: Self.lease, at: Date(), in: db)
                }
                if batch.isEmpty {
                    try idle()
                    signal.wait(until: try nextTime())
                } else {
                    try deliver(batch)
                }
            } catch {
                logger.error(
                    "delivery stopped for a moment", metadata: ["destination": "\(destination)", "error": "\(error)"])
                signal.wait(until: Date(timeIntervalSinceNow: Self.longestSleep))
            }
        }
    }

    private func nextTime() throws -> Date {
        let due = try ledger.pool.read { db in try DeliveryQueue.nextDueTime(for: destination, in: db) }
        return min(due ?? .distantFuture, Date(timeIntervalSinceNow: Self.longestSleep))
    }

    func sent(_ delivery: Delivery, _ status: StoreStatus) throws {
        try ledger.write { db in
            let now = Date()
            try DeliveryQueue.markSent(delivery, status: status.code, at: now, in: db)
            try Destinations.recordSuccess(destination, at: now, in: db)
            let study = try Study.fetch(id: delivery.studyID, in: db)
            try AuditLog.append(DeliveryEvents.delivered(delivery, study, status: status), in: db)
            try TurnaroundRecorder.record(delivery, of: study, sentAt: now, in: db)
        }
        count("sent")
    }

    /// The attempt counts: after the last one the delivery is a dead letter.
    func tryAgain(_ delivery: Delivery, status: StoreStatus?, reason: String) throws {
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

    /// No later attempt would end otherwise.
    func abandon(_ delivery: Delivery, status: StoreStatus?, reason: String) throws {
        try ledger.write { db in
            try DeliveryQueue.bury(delivery, status: status?.code, reason: reason, at: Date(), in: db)
            let study = try Study.fetch(id: delivery.studyID, in: db)
            try AuditLog.append(DeliveryEvents.abandoned(delivery, study, reason: reason), in: db)
        }
        count("deadLetter")
        report(delivery, "delivery abandoned", reason: reason)
    }

    /// The objects are not at fault: it costs them no attempt.
    func putBack(_ batch: [Delivery], reason: String?, until time: Date) throws {
        try ledger.write { db in
            for delivery in batch {
                try DeliveryQueue.putBack(delivery, reason: reason, until: time, at: Date(), in: db)
            }
        }
    }

    private func count(_ outcome: String) {
        Counter(label: "cxrgate_deliveries_total", dimensions: [("destination", destination), ("outcome", outcome)])
            .increment()
    }

    private func report(_ delivery: Delivery, _ message: Logger.Message, reason: String) {
        logger.warning(
            message,
            metadata: ["destination": "\(destination)", "delivery": "\(delivery.id)", "reason": "\(reason)"])
    }
}
