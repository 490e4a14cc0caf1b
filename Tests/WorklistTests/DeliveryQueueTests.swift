import Foundation
import GRDB
import Testing

@testable import Worklist

@Suite struct DeliveryQueueTests {
    @Test func theSameBytesAreQueuedOnceForADestinationAndOnceForAnother() throws {
        let store = try Store()
        let first = try store.queuedDelivery()
        #expect(try store.queuedDelivery().id == first.id)
        #expect(try store.queuedDelivery(to: "ARCHIVE").id != first.id)
        #expect(throws: WorklistError.noSuchDestination("NOWHERE")) {
            try store.write { db in
                try DeliveryQueue.enqueue(
                    first.object, to: "NOWHERE", studyID: first.studyID, demandsCommitment: false, at: .start, in: db)
            }
        }
    }

    @Test func aBatchIsTheMostUrgentFirstAndOnlyOfItsDestination() throws {
        let store = try Store()
        let routine = try (1...3).map { try store.queuedDelivery($0) }
        let other = try store.queuedDelivery(4, to: "ARCHIVE")
        try store.write { db in try StudyStore.raisePriority(studyID: routine[2].studyID, to: .stat, in: db) }
        let batch = try store.write { db in
            try DeliveryQueue.leaseBatch(for: "PACS", limit: 2, owner: "s", for: .seconds(60), at: .start, in: db)
        }
        #expect(batch.map(\.id) == [routine[2].id, routine[0].id])
        #expect(batch.allSatisfy { $0.state == .leased && $0.attempts == 1 })
        #expect(try store.leaseDelivery(from: "ARCHIVE")?.id == other.id)
    }

    @Test func sendersOfTwoProcessesNeverSendTheSameObject() async throws {
        let store = try Store()
        for number in 1...30 { _ = try store.queuedDelivery(number) }
        let pools = [store.pool, try store.secondPool()]
        let leased = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for pool in pools {
                group.addTask {
                    var ids: [Int64] = []
                    while true {
                        let batch = try pool.write { db in
                            try DeliveryQueue.leaseBatch(
                                for: "PACS", limit: 4, owner: "s", for: .seconds(60), at: .start, in: db)
                        }
                        if batch.isEmpty { return ids }
                        ids += batch.map(\.id)
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(leased.count == 30 && Set(leased).count == 30)
    }

    @Test func aDestinationThatIsDownForAWeekendTurnsNothingIntoADeadLetter() throws {
        let store = try Store()
        _ = try store.queuedDelivery()
        for hour in 0..<48 {
            let now = Date.seconds(Double(hour) * 3600)
            let delivery = try #require(try store.leaseDelivery(at: now))
            #expect(delivery.attempts == 1)
            try store.write { db in
                try DeliveryQueue.putBack(
                    delivery, reason: "connection refused", until: now.advanced(by: .seconds(60)), at: now, in: db)
            }
            #expect(try store.leaseDelivery(at: now.advanced(by: .seconds(59))) == nil)
        }
    }

    @Test func aTemporaryRefusalIsRetriedAndEndsAsADeadLetterWithItsStatus() throws {
        let store = try Store()
        let queued = try store.queuedDelivery()
        let states = try (1...3).map { attempt in
            let now = Date.seconds(Double(attempt) * 10)
            let delivery = try #require(try store.leaseDelivery(at: now))
            return try store.write { db in
                try DeliveryQueue.fail(
                    delivery, status: 0xA700, reason: "out of resources", retryAt: now, maximumAttempts: 3, at: now,
                    in: db)
            }
        }
        #expect(states == [.pending, .pending, .deadLetter])
        let dead = try store.pool.read { db in try Delivery.fetch(id: queued.id, in: db) }
        #expect(dead.lastStatus == 0xA700 && dead.deadLetterReason == "out of resources")
        let study = try store.pool.read { db in try Study.fetch(id: queued.studyID, in: db) }
        #expect(study.state == .assembling, "the study's own assembly still runs")
        _ = try store.write { db in try Assembly.studiesBecomingQuiet(at: .seconds(100), in: db) }
        #expect(try store.pool.read { db in try Study.fetch(id: queued.studyID, in: db).state } == .deadLetter)
    }

    @Test func aDeadSendersDeliveriesComeBackAndItsLateAnswerIsRefused() throws {
        let store = try Store()
        _ = try store.queuedDelivery()
        let lost = try #require(try store.leaseDelivery())
        func release(at now: Date) throws -> Int {
            try store.write { db in try DeliveryQueue.releaseExpiredLeases(at: now, maximumAttempts: 3, in: db) }
        }
        try store.write { db in try DeliveryQueue.extend([lost], for: .seconds(60), at: .seconds(30), in: db) }
        #expect(try release(at: .seconds(89)) == 0)
        #expect(try release(at: .seconds(90)) == 1)
        _ = try #require(try store.leaseDelivery(at: .seconds(91)))
        #expect(throws: WorklistError.self) {
            try store.write { db in try DeliveryQueue.markSent(lost, status: 0, at: .seconds(92), in: db) }
        }
    }

    @Test func anOpenCircuitLetsOneProbeThroughAndClosesWhenItSucceeds() throws {
        let store = try Store()
        for number in 1...5 { _ = try store.queuedDelivery(number) }
        let other = try store.queuedDelivery(6, to: "ARCHIVE")
        func failure(at now: Date) throws -> CircuitState {
            try store.write { db in
                try Destinations.recordFailure(
                    "PACS", reason: "connection refused", threshold: 3, probeAt: now.advanced(by: .seconds(30)),
                    at: now, in: db)
            }
        }
        func batch(at now: Date) throws -> [Delivery] {
            try store.write { db in
                try DeliveryQueue.leaseBatch(for: "PACS", limit: 4, owner: "s", for: .seconds(60), at: now, in: db)
            }
        }
        func putBack(_ delivery: Delivery, at now: Date) throws {
            try store.write { db in try DeliveryQueue.putBack(delivery, reason: nil, until: now, at: now, in: db) }
        }
        #expect(try failure(at: .seconds(1)) == .closed)
        #expect(try failure(at: .seconds(2)) == .closed)
        #expect(try failure(at: .seconds(3)) == .open)
        #expect(try batch(at: .seconds(32)).isEmpty)
        #expect(try store.pool.read { db in try DeliveryQueue.nextDueTime(for: "PACS", in: db) } == .seconds(33))
        #expect(try store.leaseDelivery(from: "ARCHIVE", at: .seconds(32))?.id == other.id)
        let probe = try batch(at: .seconds(33))
        #expect(probe.count == 1)
        #expect(try batch(at: .seconds(34)).isEmpty, "one probe at a time")
        #expect(try failure(at: .seconds(40)) == .open, "one failed probe opens the circuit again")
        try putBack(probe[0], at: .seconds(40))
        let second = try batch(at: .seconds(70))
        #expect(second.count == 1)
        #expect(try batch(at: .seconds(129)).isEmpty)
        #expect(try batch(at: .seconds(130)).count == 1, "a probe that was never answered is given up with its lease")
        try store.write { db in try Destinations.recordSuccess("PACS", at: .seconds(131), in: db) }
        #expect(try batch(at: .seconds(132)).count == 3)
        let closed = try store.pool.read { db in try Destinations.fetch("PACS", in: db) }
        #expect(closed.circuit == .closed && closed.circuitSince == .seconds(131) && closed.consecutiveFailures == 0)
    }

    // MARK: Commitment

    private func sent(_ store: Store, _ number: Int = 1) throws -> Delivery {
        _ = try store.queuedDelivery(number, commitment: true)
        let leased = try #require(try store.leaseDelivery())
        return try store.write { db in
            try DeliveryQueue.markSent(leased, status: 0, at: .seconds(1), in: db)
            return try Delivery.fetch(id: leased.id, in: db)
        }
    }

    private func request(_ store: Store, _ deliveries: [Delivery], uid: String, at now: Date = .seconds(2)) throws {
        try store.write { db in
            try Commitments.request(
                deliveries, transactionUID: uid, deadline: now.advanced(by: .seconds(100)), at: now, in: db)
        }
    }

    private func report(
        _ store: Store, uid: String, committed: [String] = [], failed: [String] = [], at now: Date = .seconds(3)
    ) throws -> CommitmentReport {
        try store.write { db in
            try Commitments.report(
                transactionUID: uid, committed: committed,
                failed: failed.map { CommitmentFailure(sopInstanceUID: $0, failureReason: 0x0112) }, retryAt: now,
                maximumAttempts: 2, at: now, in: db)
        }
    }

    @Test func aDemandedCommitmentIsAskedForAndSettlesTheDelivery() throws {
        let store = try Store()
        let deliveries = [try sent(store, 1), try sent(store, 2)]
        #expect(deliveries.allSatisfy { $0.settledAt == nil })
        let waiting = try store.pool.read { db in try Commitments.awaitingRequest(to: "PACS", at: .seconds(2), in: db) }
        #expect(waiting.map(\.id) == deliveries.map(\.id))
        try request(store, waiting, uid: "2.25.1")
        let uids = deliveries.map(\.object.sopInstanceUID)
        let answer = try report(store, uid: "2.25.1", committed: [uids[0], "1.2.3.unknown"], failed: [uids[1]])
        #expect(answer.committed == [deliveries[0].id] && answer.redelivered == [deliveries[1].id])
        #expect(answer.unknown == ["1.2.3.unknown"])
        #expect(
            try report(store, uid: "2.25.1", committed: [uids[0]]).isUnsolicited,
            "a repeated report commits nothing anew")
        #expect(try report(store, uid: "2.25.666", committed: [uids[0]]).isUnsolicited)
        let again = try #require(try store.leaseDelivery(at: .seconds(4)))
        #expect(again.id == deliveries[1].id && again.attempts == 1 && again.lastStatus == 0x0112)
        try store.write { db in try DeliveryQueue.markSent(again, status: 0, at: .seconds(5), in: db) }
        #expect(try report(store, uid: "2.25.1", failed: [uids[1]]).isUnsolicited, "nor does it send anything twice")
        try request(store, [again], uid: "2.25.2", at: .seconds(6))
        #expect(try report(store, uid: "2.25.2", failed: [uids[1]]).deadLettered == [again.id])
    }

    @Test func aCommitmentWithoutAnswerIsAskedForAgainAndThenGivenUp() throws {
        let store = try Store()
        let delivery = try sent(store)
        func expire(at now: Date) throws -> [DeliveryState] {
            try store.write { db in
                try Commitments.expire(retryAt: now, maximumAttempts: 2, at: now, in: db)
            }.map(\.state)
        }
        try request(store, [delivery], uid: "2.25.1")
        #expect(try expire(at: .seconds(101)).isEmpty)
        #expect(try expire(at: .seconds(102)) == [.sent])
        try request(store, [delivery], uid: "2.25.2", at: .seconds(103))
        #expect(try report(store, uid: "2.25.1", committed: [delivery.object.sopInstanceUID]).isUnsolicited)
        #expect(try expire(at: .seconds(203)) == [.deadLetter])
    }

    @Test func anAnswerAfterTheDeadlineStillCounts() throws {
        let store = try Store()
        let delivery = try sent(store)
        try request(store, [delivery], uid: "2.25.1")
        _ = try store.write { db in
            try Commitments.expire(retryAt: .seconds(500), maximumAttempts: 2, at: .seconds(102), in: db)
        }
        let answer = try report(
            store, uid: "2.25.1", committed: [delivery.object.sopInstanceUID], at: .seconds(110))
        #expect(answer.committed == [delivery.id])
    }

    @Test func aRequestThatDidNotArriveIsMadeAgain() throws {
        let store = try Store()
        let delivery = try sent(store)
        try request(store, [delivery], uid: "2.25.1")
        try store.write { db in
            try Commitments.requestFailed(
                transactionUID: "2.25.1", reason: "association refused", retryAt: .seconds(50), maximumAttempts: 2,
                at: .seconds(3), in: db)
        }
        func waiting(at now: Date) throws -> Int {
            try store.pool.read { db in try Commitments.awaitingRequest(to: "PACS", at: now, in: db) }.count
        }
        #expect(try waiting(at: .seconds(49)) == 0)
        #expect(try waiting(at: .seconds(50)) == 1)
    }

    @Test func aDestinationThatIsDownTurnsNoCommitmentIntoADeadLetter() throws {
        let store = try Store()
        let delivery = try sent(store)
        for hour in 1...48 {
            let now = Date.seconds(Double(hour) * 3600)
            try request(store, [delivery], uid: "2.25.\(hour)", at: now)
            try store.write { db in
                try Commitments.requestNotSent(
                    transactionUID: "2.25.\(hour)", reason: "connection refused", retryAt: now, at: now, in: db)
            }
        }
        func waiting(at now: Date) throws -> Int {
            try store.pool.read { db in try Commitments.awaitingRequest(to: "PACS", at: now, in: db) }.count
        }
        #expect(try waiting(at: .seconds(48 * 3600)) == 1)
        _ = try store.write { db in
            try Destinations.recordFailure(
                "PACS", reason: "connection refused", threshold: 1, probeAt: .seconds(49 * 3600),
                at: .seconds(48 * 3600), in: db)
        }
        #expect(try waiting(at: .seconds(48.5 * 3600)) == 0, "an open circuit asks for nothing")
        #expect(try waiting(at: .seconds(49 * 3600)) == 1)
    }

    // MARK: Every step, legal and illegal

    private func bring(_ store: Store, to state: DeliveryState) throws -> Delivery {
        let queued = try store.queuedDelivery(commitment: true)
        let leased = try #require(try store.leaseDelivery())
        try store.write { db in
            switch state {
            case .pending: try DeliveryQueue.putBack(leased, reason: nil, until: .start, at: .start, in: db)
            case .leased: break
            case .deadLetter: try DeliveryQueue.bury(leased, reason: "refused", at: .start, in: db)
            case .sent, .commitRequested, .committed:
                try DeliveryQueue.markSent(leased, status: 0, at: .start, in: db)
                if state != .sent {
                    try Commitments.request(
                        [queued], transactionUID: "2.25.1", deadline: .seconds(9), at: .start, in: db)
                }
                if state == .committed {
                    _ = try Commitments.report(
                        transactionUID: "2.25.1", committed: [queued.object.sopInstanceUID], failed: [],
                        retryAt: .start, maximumAttempts: 1, at: .start, in: db)
                }
            }
        }
        return leased
    }

    private static let steps:
        [(name: String, legalFrom: Set<DeliveryState>, step: @Sendable (Delivery, Database) throws -> Void)] = [
            ("extend", [.leased], { try DeliveryQueue.extend([$0], for: .seconds(1), at: .start, in: $1) }),
            ("mark sent", [.leased], { try DeliveryQueue.markSent($0, status: 0, at: .start, in: $1) }),
            (
                "fail", [.leased],
                { try DeliveryQueue.fail($0, reason: "r", retryAt: .start, maximumAttempts: 9, at: .start, in: $1) }
            ),
            ("put back", [.leased], { try DeliveryQueue.putBack($0, reason: nil, until: .start, at: .start, in: $1) }),
            ("bury", [.leased], { try DeliveryQueue.bury($0, reason: "r", at: .start, in: $1) }),
            (
                "request", [.sent],
                { try Commitments.request([$0], transactionUID: "2.25.2", deadline: .start, at: .start, in: $1) }
            ),
            ("retry", [.deadLetter], { _ = try OperatorRetry.retry(.delivery($0.id), at: .start, in: $1) }),
        ]

    @Test(arguments: DeliveryState.allCases)
    func anIllegalStepThrowsANamedErrorAndChangesNothing(from state: DeliveryState) throws {
        for (name, legalFrom, step) in Self.steps {
            let store = try Store()
            let delivery = try bring(store, to: state)
            let before = try store.contents()
            if legalFrom.contains(state) {
                try store.write { db in try step(delivery, db) }
                #expect(try store.contents() != before, "\(name) from \(state)")
            } else {
                #expect(throws: WorklistError.self, "\(name) from \(state)") {
                    try store.write { db in try step(delivery, db) }
                }
                #expect(try store.contents() == before, "\(name) from \(state)")
            }
        }
    }

    @Test(arguments: DeliveryState.allCases)
    func theDatabaseRefusesAStateWithoutItsFacts(from state: DeliveryState) throws {
        let store = try Store()
        _ = try bring(store, to: state)
        for next in DeliveryState.allCases where next != state {
            #expect(throws: DatabaseError.self, "\(state) to \(next)") {
                try store.write { db in
                    try db.execute(sql: "UPDATE delivery SET state = ?", arguments: [next.rawValue])
                }
            }
        }
    }

    @Test func commitmentCannotBeAskedForWhereItIsNotDemanded() throws {
        let store = try Store()
        _ = try store.queuedDelivery()
        let leased = try #require(try store.leaseDelivery())
        try store.write { db in try DeliveryQueue.markSent(leased, status: 0, at: .start, in: db) }
        #expect(throws: WorklistError.self) { try request(store, [leased], uid: "2.25.1") }
        #expect(throws: DatabaseError.self) {
            try store.write { db in
                try db.execute(
                    sql:
                        "UPDATE delivery SET state = 'commitRequested', commitTransactionUID = '1', commitDeadline = 1, settledAt = NULL"
                )
            }
        }
    }
}
