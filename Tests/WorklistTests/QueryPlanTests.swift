import Foundation
import GRDB
import Testing

@testable import Worklist

/// What runs for every instance, every lease and every sweep must stay fast when the store has grown for years.
@Suite struct QueryPlanTests {
    /// Runs the store's hot functions and collects every statement that SQLite executes.
    private func hotStatements(_ store: Store) throws -> Set<String> {
        let queued = try store.queuedDelivery(commitment: true)
        _ = try store.queuedItem(study: 2)
        return try store.write { db in
            let log = StatementLog()
            db.trace { event in
                if case .statement(let statement) = event { log.add(statement.sql) }
            }
            defer { db.trace(options: .statement, nil) }
            try StudyStore.record(.example(study: 3, association: "a"), at: .start, in: db)
            try StudyStore.record(.example(study: 3, number: 2, association: "a"), at: .start, in: db)
            try StudyStore.record(.example(study: 3, number: 2), at: .start, in: db)
            try Assembly.release(association: "a", in: db)
            _ = try Assembly.studiesBecomingQuiet(at: .seconds(20), in: db)
            let lease = try #require(
                try WorkQueue.leaseNext(owner: "w", for: .seconds(60), at: .seconds(20), in: db))
            try WorkQueue.extend(lease, for: .seconds(60), at: .seconds(21), in: db)
            let result = try ResultStore.record(.example(1), for: lease.item, at: .seconds(21), in: db)
            try DeliveryQueue.enqueue(
                DeliverableObject(result), to: "PACS", studyID: lease.item.studyID, workItemID: lease.item.id,
                demandsCommitment: true, at: .seconds(21), in: db)
            try WorkQueue.finish(lease, as: .delivered, at: .seconds(22), in: db)
            _ = try WorkQueue.releaseExpiredLeases(at: .seconds(22), maximumAttempts: 3, in: db)
            for delivery in try DeliveryQueue.leaseBatch(
                for: "PACS", limit: 9, owner: "s", for: .seconds(60), at: .seconds(22), in: db)
            {
                try DeliveryQueue.markSent(delivery, status: 0, at: .seconds(23), in: db)
            }
            _ = try DeliveryQueue.releaseExpiredLeases(at: .seconds(23), maximumAttempts: 3, in: db)
            let waiting = try Commitments.awaitingRequest(to: "PACS", at: .seconds(23), in: db)
            try Commitments.request(waiting, transactionUID: "2.25.1", deadline: .seconds(99), at: .seconds(24), in: db)
            _ = try Commitments.report(
                transactionUID: "2.25.1", committed: [queued.object.sopInstanceUID], failed: [], retryAt: .start,
                maximumAttempts: 2, at: .seconds(25), in: db)
            _ = try Commitments.expire(retryAt: .start, maximumAttempts: 3, at: .seconds(100), in: db)
            _ = try WorkQueue.nextDueTime(in: db)
            _ = try DeliveryQueue.nextDueTime(for: "PACS", in: db)
            _ = try Assembly.nextQuietTime(in: db)
            return log.statements
        }
    }

    @Test func nothingHotReadsAWholeTable() throws {
        let store = try Store()
        let statements = try hotStatements(store)
        #expect(statements.count > 30)
        for sql in statements.sorted() where !sql.hasPrefix("--") {
            let plan = try store.pool.writeWithoutTransaction { db in
                try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)", arguments: StatementArguments.null(for: sql))
            }.map { row in row["detail"] as String }
            // A partial index holds only what is open at the moment: reading all of one is no walk through the years.
            let walks = plan.filter { line in
                line.hasPrefix("SCAN") && !line.contains("workItemReady") && !line.contains("workItemLeased")
                    && !line.contains("deliveryLeased") && !line.contains("studyQuiet")
                    && !line.contains("CONSTANT ROW")
            }
            #expect(walks.isEmpty, "\(sql): \(walks)")
        }
    }
}

private final class StatementLog {
    private(set) var statements: Set<String> = []

    func add(_ sql: String) { statements.insert(sql) }
}

extension StatementArguments {
    /// As many NULLs as the statement has parameters: a plan does not depend on the values.
    fileprivate static func null(for sql: String) -> StatementArguments {
        var numbered = 0
        var anonymous = 0
        var scanner = sql[...]
        while let mark = scanner.firstIndex(of: "?") {
            scanner = scanner[scanner.index(after: mark)...]
            let digits = scanner.prefix { $0.isNumber }
            if let number = Int(digits) { numbered = max(numbered, number) } else { anonymous += 1 }
        }
        return StatementArguments([String?](repeating: nil, count: numbered + anonymous))
    }
}
