import Audit
import DICOMNetwork
import Foundation
import Logging
import Worklist

/// Takes storage commitment reports in, whichever association they come on.
final class CommitmentReceiver: Sendable {
    private let ledger: Ledger
    private let retry: RetryConfiguration
    private let logger: Logger
    private let deliveriesWaiting: @Sendable () -> Void

    /// - Parameter deliveriesWaiting: called when a failed instance is to be sent again.
    init(
        ledger: Ledger, retry: RetryConfiguration, logger: Logger, deliveriesWaiting: @escaping @Sendable () -> Void
    ) {
        self.ledger = ledger
        self.retry = retry
        self.logger = logger
        self.deliveriesWaiting = deliveriesWaiting
    }

    /// Matches a report with its request.
    ///
    /// - Returns: whether it was understood and kept; an unknown transaction is not.
    func take(transactionUID: String, items: [CommitmentItem]) -> Bool {
        let failed = items.compactMap { item in
            item.failureReason.map {
                CommitmentFailure(sopInstanceUID: item.sopInstanceUID, failureReason: $0)
            }
        }
        let committed = items.filter { $0.failureReason == nil }.map(\.sopInstanceUID)
        do {
            let report = try ledger.write { db in
                let now = Date()
                let report = try Commitments.report(
                    transactionUID: transactionUID, committed: committed, failed: failed,
                    retryAt: now.advanced(by: retry.backoff.delay(afterFailures: 1)),
                    maximumAttempts: retry.maximumAttempts, at: now, in: db)
                for id in report.committed {
                    try AuditLog.append(
                        DeliveryEvents.commitmentReported(try Delivery.fetch(id: id, in: db)), in: db)
                }
                for id in report.redelivered + report.deadLettered {
                    try AuditLog.append(
                        DeliveryEvents.commitmentFailed(try Delivery.fetch(id: id, in: db)), in: db)
                }
                if report.isUnsolicited {
                    try AuditLog.append(
                        AuditEvent(
                            .securityAlert, outcome: .minorFailure,
                            description: "A storage commitment report for an unknown transaction.",
                            details: ["transaction": String(transactionUID.prefix(64))]), in: db)
                }
                return report
            }
            if !report.redelivered.isEmpty {
                deliveriesWaiting()
            }
            return !report.isUnsolicited
        } catch {
            logger.error("a storage commitment report could not be kept", metadata: ["error": "\(error)"])
            return false
        }
    }
}
