import Audit
import Foundation
import Logging
import Metrics
import Worklist

/// Delivers to a folder on this machine: `<folder>/<Study Instance UID>/<SOP Instance UID>.dcm`.
///
/// A file is delivered when it is durable; the same object again replaces itself.
final class FolderWorker: DeliveryWorker {
    private let name: String
    private let folder: String
    private let storage: StorageRoot
    private let ledger: Ledger
    private let retry: RetryConfiguration
    private let logger: Logger
    private let signal = Signal()

    private static let batchSize = 60
    private static let lease: Duration = .seconds(300)
    private static let longestSleep: TimeInterval = 2

    /// - Throws: `FileError` when the folder cannot be made.
    init(
        _ name: String, folder: String, storage: StorageRoot, ledger: Ledger, retry: RetryConfiguration, logger: Logger
    ) throws {
        self.name = name
        self.storage = storage
        self.ledger = ledger
        self.retry = retry
        self.logger = logger
        if folder.hasPrefix("/") {
            self.folder = folder
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } else {
            self.folder = storage.absolute(folder)
            try DurableFiles.makeDirectory(folder, under: storage.path)
        }
    }

    func wake() { signal.wake() }

    func stop() { signal.stop() }

    func run() {
        while !signal.isStopped {
            do {
                let batch = try ledger.write { db in
                    try DeliveryQueue.leaseBatch(
                        for: name, limit: Self.batchSize, owner: "folder", for: Self.lease, at: Date(), in: db)
                }
                for (index, delivery) in batch.enumerated() {
                    guard !signal.isStopped else {
                        try putBack(Array(batch[index...]))
                        break
                    }
                    try deliver(delivery)
                }
                if batch.isEmpty { signal.wait(until: try nextTime()) }
            } catch {
                logger.error(
                    "delivery stopped for a moment", metadata: ["destination": "\(name)", "error": "\(error)"])
                signal.wait(until: Date(timeIntervalSinceNow: Self.longestSleep))
            }
        }
    }

    private func nextTime() throws -> Date {
        let due = try ledger.pool.read { db in try DeliveryQueue.nextDueTime(for: name, in: db) }
        return min(due ?? .distantFuture, Date(timeIntervalSinceNow: Self.longestSleep))
    }

    private func putBack(_ batch: [Delivery]) throws {
        try ledger.write { db in
            let now = Date()
            for delivery in batch {
                try DeliveryQueue.putBack(delivery, reason: nil, until: now, at: now, in: db)
            }
        }
    }

    private func deliver(_ delivery: Delivery) throws {
        let study = try ledger.pool.read { db in try Study.fetch(id: delivery.studyID, in: db) }
        do {
            try DurableFiles.makeDirectory(study.studyInstanceUID, under: folder)
            try DurableFiles.copy(
                from: storage.absolute(delivery.object.path),
                to: "\(folder)/\(study.studyInstanceUID)/\(delivery.object.sopInstanceUID).dcm")
        } catch let error where Ledger.isOutOfSpace(error) {
            return try waitForRoom(delivery, reason: "\(error)")
        } catch {
            return try tryAgain(delivery, study, reason: "\(error)")
        }
        try ledger.write { db in
            let now = Date()
            try DeliveryQueue.markSent(delivery, status: 0, at: now, in: db)
            try Destinations.recordSuccess(name, at: now, in: db)
            try AuditLog.append(DeliveryEvents.delivered(delivery, study, status: .success), in: db)
            try TurnaroundRecorder.record(delivery, of: study, sentAt: now, in: db)
        }
        count("sent")
    }

    /// A full disk is no fault of the object: it costs no attempt.
    private func waitForRoom(_ delivery: Delivery, reason: String) throws {
        try ledger.write { db in
            let now = Date()
            let next = now.advanced(by: retry.backoff.delay(afterFailures: 1))
            try DeliveryQueue.putBack(delivery, reason: reason, until: next, at: now, in: db)
        }
        logger.error(
            "no room in the folder: deliveries wait", metadata: ["destination": "\(name)", "reason": "\(reason)"])
    }

    private func tryAgain(_ delivery: Delivery, _ study: Worklist.Study, reason: String) throws {
        let state = try ledger.write { db in
            let now = Date()
            let state = try DeliveryQueue.fail(
                delivery, status: nil, reason: reason,
                retryAt: now.advanced(by: retry.backoff.delay(afterFailures: delivery.attempts)),
                maximumAttempts: retry.maximumAttempts, at: now, in: db)
            try AuditLog.append(
                state == .deadLetter
                    ? DeliveryEvents.abandoned(delivery, study, reason: reason)
                    : DeliveryEvents.retried(delivery, study, reason: reason), in: db)
            return state
        }
        count(state == .deadLetter ? "deadLetter" : "retried")
        logger.warning("delivery failed", metadata: ["destination": "\(name)", "reason": "\(reason)"])
    }

    private func count(_ outcome: String) {
        Counter(label: "cxrgate_deliveries_total", dimensions: [("destination", name), ("outcome", outcome)])
            .increment()
    }
}
