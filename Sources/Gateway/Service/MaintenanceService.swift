import Audit
import Foundation
import Logging
import Metrics
import ServiceLifecycle
import Synchronization
import Worklist

/// What has to happen now and then: quiet studies end their assembly, leases and commitment deadlines run out, the
/// disk is looked at.
final class MaintenanceService: Service {
    private let ledger: Ledger
    private let retry: RetryConfiguration
    private let freeSpace: FreeSpace
    private let reading: ReadingService
    private let purge: StudyPurge
    private let retention: Mutex<Duration>
    private let logger: Logger

    init(
        ledger: Ledger, retry: RetryConfiguration, freeSpace: FreeSpace, reading: ReadingService,
        purge: StudyPurge, retention: Duration, logger: Logger
    ) {
        self.ledger = ledger
        self.retry = retry
        self.freeSpace = freeSpace
        self.reading = reading
        self.purge = purge
        self.retention = Mutex(retention)
        self.logger = logger
    }

    /// Takes another retention time.
    func update(retention: Duration) {
        self.retention.withLock { $0 = retention }
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                self.turn()
                let retention = self.retention.withLock { $0 }
                if retention > .zero { self.purge.run(restingSince: Date(timeIntervalSinceNow: -retention.seconds)) }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func turn() {
        _ = freeSpace.isLow
        do {
            try ledger.write { db in
                let now = Date()
                _ = try Assembly.studiesBecomingQuiet(at: now, kinds: reading.workKinds, in: db)
                let abandoned = try WorkQueue.releaseExpiredLeases(
                    at: now, maximumAttempts: retry.maximumAttempts, in: db)
                if !abandoned.isEmpty {
                    logger.warning("leases of studies ran out", metadata: ["count": "\(abandoned.count)"])
                }
                let released = try DeliveryQueue.releaseExpiredLeases(
                    at: now, maximumAttempts: retry.maximumAttempts, in: db)
                if released > 0 {
                    logger.warning("leases of deliveries ran out", metadata: ["count": "\(released)"])
                }
                let overdue = try Commitments.expire(
                    retryAt: now.advanced(by: retry.backoff.delay(afterFailures: 1)),
                    maximumAttempts: retry.maximumAttempts, at: now, in: db)
                for delivery in overdue {
                    try AuditLog.append(DeliveryEvents.commitmentFailed(delivery), in: db)
                }
            }
            reading.wake()
        } catch {
            logger.error("maintenance failed and is tried again", metadata: ["error": "\(error)"])
        }
    }
}

/// Keeps the audit log signed while the service runs.
struct KeeperService: Service {
    let keeper: AuditKeeper
    let ledger: Ledger

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keeper.run() }
            try? await gracefulShutdown()
            ledger.record(AuditEvent(.serviceStopped))
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}

/// Forwards the audit log to one repository.
struct ForwarderService: Service {
    let forwarder: AuditForwarder

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.forwarder.run() }
    }
}
