import Foundation
import GRDB
import Metrics
import Worklist

/// Records how long senders and readers wait: from the last image received to the last object delivered.
enum TurnaroundRecorder {
    static let label = "cxrgate_turnaround_seconds"

    /// Records the turnaround of finished work.
    static func record(
        _ kind: WorkKind, receivedAt: Date, deliveredAt: Date, factory: any MetricsFactory = MetricsSystem.factory
    ) {
        // A clock that was set back while the work went on must not lower the sum.
        let seconds = max(0, deliveredAt.timeIntervalSince(receivedAt))
        Metrics.Timer(label: label, dimensions: [("kind", kind.rawValue)], factory: factory)
            .recordNanoseconds(Int64((seconds * 1e9).rounded()))
    }

    /// Records the turnaround of the work that a delivery ends: a forwarded instance is its own work, a result ends
    /// the work when it is the last of its kind to arrive.
    static func record(
        _ delivery: Delivery, of study: Study, sentAt: Date, factory: any MetricsFactory = MetricsSystem.factory,
        in db: Database
    ) throws {
        guard let workItemID = delivery.workItemID else {
            return record(.forward, receivedAt: delivery.createdAt, deliveredAt: sentAt, factory: factory)
        }
        let unsent = try Int.fetchOne(
            db, sql: "SELECT count(*) FROM delivery WHERE workItemID = ? AND sentAt IS NULL", arguments: [workItemID])
        guard unsent == 0 else { return }
        let item = try WorkItem.fetch(id: workItemID, in: db)
        record(item.kind, receivedAt: study.lastReceivedAt, deliveredAt: sentAt, factory: factory)
    }
}
