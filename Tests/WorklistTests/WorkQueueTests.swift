import Foundation
import GRDB
import Testing

@testable import Worklist

@Suite struct WorkQueueTests {
    @Test func statComesFirstThenPriorityThenAge() throws {
        let store = try Store()
        let order: [(study: Int, priority: Priority, at: Double)] = [
            (1, .routine, 5), (2, .routine, 1), (3, .low, 0), (4, .stat, 9), (5, .high, 8),
        ]
        for entry in order {
            _ = try store.queuedItem(study: entry.study, priority: entry.priority, at: .seconds(entry.at))
        }
        let leased = try (1...5).map { _ in try #require(try store.lease(at: .seconds(10))).item }
        let uids = try store.pool.read { db in
            try leased.map { try Study.fetch(id: $0.studyID, in: db).studyInstanceUID }
        }
        #expect(uids == ["1.2.4", "1.2.5", "1.2.2", "1.2.1", "1.2.3"])
        #expect(try store.lease(at: .seconds(10)) == nil)
    }

    @Test func workersOfTwoProcessesNeverHoldTheSameItem() async throws {
        let store = try Store()
        for study in 1...30 { _ = try store.queuedItem(study: study) }
        let pools = [store.pool, try store.secondPool()]
        let leased = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for (index, pool) in pools.enumerated() {
                group.addTask {
                    var ids: [Int64] = []
                    while let lease = try pool.write({ db in
                        try WorkQueue.leaseNext(owner: "w\(index)", for: .seconds(60), at: .start, in: db)
                    }) {
                        ids.append(lease.item.id)
                    }
                    return ids
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(leased.count == 30 && Set(leased).count == 30)
    }

    @Test func aDeadWorkersItemComesBackAndItsLateAnswerIsRefused() throws {
        let store = try Store()
        _ = try store.queuedItem()
        let lost = try #require(try store.lease(owner: "dead"))
        func release(at now: Date) throws -> [WorkItem] {
            try store.write { db in try WorkQueue.releaseExpiredLeases(at: now, maximumAttempts: 3, in: db) }
        }
        #expect(try release(at: .seconds(59)).isEmpty)
        try store.write { db in try WorkQueue.extend(lost, for: .seconds(60), at: .seconds(30), in: db) }
        #expect(try release(at: .seconds(89)).isEmpty, "a heartbeat prolongs the lease")
        #expect(try release(at: .seconds(90)).map(\.state) == [.ready])
        let fresh = try #require(try store.lease(owner: "alive", at: .seconds(90)))
        #expect(fresh.item.attempts == 2)
        let before = try store.contents()
        #expect(throws: WorklistError.leaseLost(item: "work item \(lost.item.id)", owner: "dead")) {
            try store.write { db in try WorkQueue.finish(lost, as: .delivered, at: .seconds(91), in: db) }
        }
        #expect(try store.contents() == before)
    }

    @Test func anItemThatKillsItsWorkersBecomesADeadLetter() throws {
        let store = try Store()
        let item = try store.queuedItem()
        for attempt in 1...3 {
            #expect(try store.lease(at: .seconds(Double(attempt) * 100))?.item.attempts == attempt)
            _ = try store.write { db in
                try WorkQueue.releaseExpiredLeases(
                    at: .seconds(Double(attempt) * 100 + 60), maximumAttempts: 3, in: db)
            }
        }
        let dead = try store.pool.read { db in try WorkItem.fetch(id: item.id, in: db) }
        #expect(dead.state == .deadLetter)
        #expect(dead.deadLetterReason?.contains("attempt 3") == true)
        let study = try store.pool.read { db in try Study.fetch(id: item.studyID, in: db) }
        #expect(study.state == .deadLetter && study.stateSince == .seconds(360))
    }

    @Test func aFailureWaitsForItsRetryTimeAndEndsAsADeadLetter() throws {
        let store = try Store()
        _ = try store.queuedItem()
        func fail(_ lease: WorkLease, at now: Date) throws -> WorkState {
            try store.write { db in
                try WorkQueue.fail(
                    lease, reason: "no memory", retryAt: now.advanced(by: .seconds(30)), maximumAttempts: 2, at: now,
                    in: db)
            }
        }
        #expect(try fail(#require(try store.lease()), at: .seconds(1)) == .ready)
        #expect(try store.lease(at: .seconds(30)) == nil)
        #expect(try store.pool.read { db in try WorkQueue.nextDueTime(in: db) } == .seconds(31))
        #expect(try fail(#require(try store.lease(at: .seconds(31))), at: .seconds(32)) == .deadLetter)
    }

    @Test func shuttingDownCostsNoAttempt() throws {
        let store = try Store()
        _ = try store.queuedItem()
        for _ in 1...5 {
            let lease = try #require(try store.lease())
            #expect(lease.item.attempts == 1)
            try store.write { db in try WorkQueue.putBack(lease, at: .start, in: db) }
        }
    }

    @Test func anItemIsDeliveredOnlyWithItsLastDelivery() throws {
        let store = try Store()
        let item = try store.queuedItem()
        let lease = try #require(try store.lease())
        try store.write { db in
            try Destinations.register("PACS", at: .start, in: db)
            for number in 1...2 {
                let result = try ResultStore.record(.example(number), for: item, at: .seconds(1), in: db)
                try DeliveryQueue.enqueue(
                    DeliverableObject(result), to: "PACS", studyID: item.studyID, workItemID: item.id,
                    demandsCommitment: false, at: .seconds(1), in: db)
            }
            #expect(
                try WorkQueue.finish(lease, as: .abstained(reason: "not a chest"), at: .seconds(1), in: db)
                    == .delivering)
        }
        for number in 1...2 {
            let delivery = try #require(try store.leaseDelivery(at: .seconds(2)))
            try store.write { db in
                try DeliveryQueue.markSent(delivery, status: 0, at: .seconds(Double(2 + number)), in: db)
            }
            let state = try store.pool.read { db in try WorkItem.fetch(id: item.id, in: db).state }
            #expect(state == (number == 1 ? .delivering : .abstained))
        }
        let settled = try store.pool.read { db in try WorkItem.fetch(id: item.id, in: db) }
        #expect(settled.outcome == .abstained(reason: "not a chest"))
        #expect(settled.finishedAt == .seconds(1) && settled.settledAt == .seconds(4))
        let history = try store.pool.read { db in try StudyStates.history(ofStudy: item.studyID, in: db) }
        #expect(history.map(\.state) == [.assembling, .queued, .working, .delivering, .abstained])
    }

    @Test func aDeadDeliveryMakesItsItemADeadLetterAndItsRetryRevivesIt() throws {
        let store = try Store()
        let item = try store.queuedItem()
        let lease = try #require(try store.lease())
        try store.write { db in
            try Destinations.register("PACS", at: .start, in: db)
            let result = try ResultStore.record(.example(1), for: item, at: .start, in: db)
            try DeliveryQueue.enqueue(
                DeliverableObject(result), to: "PACS", studyID: item.studyID, workItemID: item.id,
                demandsCommitment: false, at: .start, in: db)
            try WorkQueue.finish(lease, as: .delivered, at: .start, in: db)
        }
        let refused = try #require(try store.leaseDelivery())
        try store.write { db in
            try DeliveryQueue.bury(refused, status: 0xA900, reason: "refused", at: .seconds(1), in: db)
        }
        func state() throws -> WorkState { try store.pool.read { db in try WorkItem.fetch(id: item.id, in: db).state } }
        #expect(try state() == .deadLetter)
        #expect(throws: WorklistError.self, "the work itself was done: only its delivery can be retried") {
            try store.write { db in try WorkQueue.retry(itemID: item.id, at: .seconds(2), in: db) }
        }
        let report = try store.write { db in try OperatorRetry.retry(.workItem(item.id), at: .seconds(2), in: db) }
        #expect(report == RetryReport(workItems: [], deliveries: [refused.id]))
        #expect(try state() == .delivering)
        let again = try #require(try store.leaseDelivery(at: .seconds(3)))
        try store.write { db in try DeliveryQueue.markSent(again, status: 0, at: .seconds(3), in: db) }
        #expect(try state() == .delivered)
    }

    @Test func aResultIsKeptOnceAndNamesItsPredecessor() throws {
        let store = try Store()
        let first = try store.queuedItem()
        let lease = try #require(try store.lease())
        try store.write { db in
            let one = try ResultStore.record(.example(1), for: first, at: .start, in: db)
            #expect(try ResultStore.record(.example(1), for: first, at: .seconds(9), in: db) == one)
            #expect(throws: WorklistError.resultDiffers(sopInstanceUID: "1.9.1")) {
                try ResultStore.record(.example(1, bytes: 1), for: first, at: .start, in: db)
            }
            try WorkQueue.finish(lease, as: .delivered, at: .start, in: db)
            let second = try Assembly.start(studyID: first.studyID, at: .seconds(1), in: db)[0]
            let two = try ResultStore.record(.example(2), for: second, at: .seconds(1), in: db)
            #expect(two.predecessorID == one.id && two.revision == 2)
            #expect(
                try ResultStore.record(.example(3, kind: "gsps"), for: second, at: .start, in: db).predecessorID == nil)
            #expect(try ResultStore.results(ofWorkItem: second.id, in: db).count == 2)
        }
    }

    // MARK: Every step, legal and illegal

    /// Brings a fresh item into a state; returns the last lease.
    private func bring(_ store: Store, to state: WorkState) throws -> WorkLease {
        let item = try store.queuedItem()
        let lease = try #require(try store.lease())
        try store.write { db in
            switch state {
            case .ready: try WorkQueue.putBack(lease, at: .start, in: db)
            case .leased: break
            case .delivering:
                try Destinations.register("PACS", at: .start, in: db)
                let result = try ResultStore.record(.example(1), for: item, at: .start, in: db)
                try DeliveryQueue.enqueue(
                    DeliverableObject(result), to: "PACS", studyID: item.studyID, workItemID: item.id,
                    demandsCommitment: false, at: .start, in: db)
                try WorkQueue.finish(lease, as: .delivered, at: .start, in: db)
            case .delivered: try WorkQueue.finish(lease, as: .delivered, at: .start, in: db)
            case .abstained: try WorkQueue.finish(lease, as: .abstained(reason: "lateral only"), at: .start, in: db)
            case .deadLetter: try WorkQueue.bury(lease, reason: "broken", at: .start, in: db)
            }
        }
        return lease
    }

    private static let steps:
        [(name: String, legalFrom: Set<WorkState>, step: @Sendable (WorkLease, Database) throws -> Void)] = [
            ("extend", [.leased], { lease, db in try WorkQueue.extend(lease, for: .seconds(1), at: .start, in: db) }),
            ("deliver", [.leased], { lease, db in try WorkQueue.finish(lease, as: .delivered, at: .start, in: db) }),
            (
                "abstain", [.leased],
                { lease, db in try WorkQueue.finish(lease, as: .abstained(reason: "r"), at: .start, in: db) }
            ),
            (
                "fail", [.leased],
                { lease, db in
                    try WorkQueue.fail(lease, reason: "r", retryAt: .start, maximumAttempts: 5, at: .start, in: db)
                }
            ),
            ("bury", [.leased], { lease, db in try WorkQueue.bury(lease, reason: "r", at: .start, in: db) }),
            ("put back", [.leased], { lease, db in try WorkQueue.putBack(lease, at: .start, in: db) }),
            ("retry", [.deadLetter], { lease, db in try WorkQueue.retry(itemID: lease.item.id, at: .start, in: db) }),
        ]

    @Test(arguments: WorkState.allCases)
    func anIllegalStepThrowsANamedErrorAndChangesNothing(from state: WorkState) throws {
        for (name, legalFrom, step) in Self.steps {
            let store = try Store()
            let lease = try bring(store, to: state)
            let before = try store.contents()
            if legalFrom.contains(state) {
                try store.write { db in try step(lease, db) }
                #expect(try name == "extend" || store.contents() != before)
            } else {
                #expect(throws: WorklistError.self, "\(name) from \(state)") {
                    try store.write { db in try step(lease, db) }
                }
                #expect(try store.contents() == before, "\(name) from \(state)")
            }
        }
    }

    @Test(arguments: WorkState.allCases)
    func theDatabaseRefusesATerminalStateWithoutItsFactsAndAnyStepThatIsNotInTheDiagram(from state: WorkState) throws {
        let store = try Store()
        _ = try bring(store, to: state)
        for next in WorkState.allCases where next != state {
            #expect(throws: DatabaseError.self, "\(state) to \(next)") {
                try store.write { db in try db.execute(sql: "UPDATE workItem SET state = ?", arguments: [next.rawValue])
                }
            }
        }
        let illegal: [WorkState: Set<WorkState>] = [
            .ready: [.delivering, .delivered, .abstained, .deadLetter], .leased: [],
            .delivering: [.ready, .leased], .delivered: Set(WorkState.allCases).subtracting([.delivered]),
            .abstained: Set(WorkState.allCases).subtracting([.abstained]),
            .deadLetter: [.leased, .delivered, .abstained],
        ]
        for next in illegal[state] ?? [] {
            #expect(throws: DatabaseError.self, "\(state) to \(next)") {
                try store.write { db in
                    try db.execute(
                        sql: """
                            UPDATE workItem SET state = ?, outcome = 'delivered', finishedAt = 1, settledAt = 1,
                                leaseOwner = NULL, leaseUntil = NULL
                            """, arguments: [next.rawValue])
                }
            }
        }
    }
}
