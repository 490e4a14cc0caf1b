import Foundation
import GRDB
import Testing

@testable import Worklist

/// A day at the gateway, played at random: instances arrive, workers and senders work, fail, die and answer late,
/// destinations commit or not, operators retry, and the service crashes. What must hold is checked after every step.
@Suite struct StateMachineTests {
    @Test(arguments: 0..<6)
    func aRandomDayEndsWithOneOutcomeForEachStudy(round: Int) throws {
        let seed =
            ProcessInfo.processInfo.environment["CXRGATE_TEST_SEED"].flatMap(UInt64.init)
            ?? UInt64.random(in: 0...UInt64.max)
        print("random day \(round): CXRGATE_TEST_SEED=\(seed)")
        var day = try Day(generator: SplitMix64(state: seed))
        for _ in 0..<400 {
            try day.step()
            try day.check("seed \(seed)")
        }
        try day.finish()
        try day.check("seed \(seed)")
        try day.checkEnd("seed \(seed)")
    }
}

/// The random day: what the outside world holds (leases, requests), and the store.
private struct Day {
    static let destinations = ["PACS", "ARCHIVE"]

    let store = try? Store()
    var generator: SplitMix64
    var now = Date.start
    var work: [WorkLease] = []
    var sending: [Delivery] = []
    var requests: [(uid: String, objects: [String])] = []
    var associations = 0
    var transactions = 0
    var results = 0

    init(generator: SplitMix64) throws {
        self.generator = generator
        try write { db in
            for name in Self.destinations { try Destinations.register(name, at: .start, in: db) }
        }
    }

    private func write<Value>(_ change: (Database) throws -> Value) throws -> Value {
        try #require(store).write(change)
    }

    private mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < share }

    private mutating func takeWork() -> WorkLease? {
        work.isEmpty ? nil : work.remove(at: Int.random(in: 0..<work.count, using: &generator))
    }

    mutating func step() throws {
        now = now.addingTimeInterval(Double.random(in: 0...4, using: &generator))
        switch Int.random(in: 0..<14, using: &generator) {
        case 0, 1, 2: try receive()
        case 3:
            try write { db in try Assembly.release(association: "a\(Int.random(in: 0...4, using: &generator))", in: db)
            }
        case 4: _ = try write { db in try Assembly.studiesBecomingQuiet(at: now, in: db) }
        case 5, 6: try lease()
        case 7, 8: try work(isLast: false)
        case 9, 10: try send()
        case 11: try commit()
        case 12: try sweep()
        default: try trouble()
        }
    }

    private mutating func receive() throws {
        let instance = ReceivedInstance.example(
            study: Int.random(in: 1...8, using: &generator), number: Int.random(in: 1...3, using: &generator),
            bytes: chance(0.1) ? 1 : 0, disposition: chance(0.2) ? .storedOnly : .toRead,
            priority: chance(0.1) ? .stat : .routine, quiet: .seconds(8),
            association: chance(0.5) ? "a\(Int.random(in: 0...4, using: &generator))" : nil)
        try write { db in _ = try StudyStore.record(instance, at: now, in: db) }
    }

    private mutating func lease() throws {
        if let lease = try write({ db in try WorkQueue.leaseNext(owner: "w", for: .seconds(30), at: now, in: db) }) {
            work.append(lease)
        }
        let name = Self.destinations[Int.random(in: 0...1, using: &generator)]
        sending += try write { db in
            try DeliveryQueue.leaseBatch(for: name, limit: 2, owner: "s", for: .seconds(30), at: now, in: db)
        }
    }

    /// Ends a lease in one of the possible ways; one that was lost in between must be refused by name.
    private mutating func work(isLast: Bool) throws {
        guard let lease = takeWork() else { return }
        let isAbstention = chance(0.2)
        let fails = !isLast && chance(0.3)
        results += 1
        do {
            try write { db in
                if fails {
                    try WorkQueue.fail(
                        lease, reason: "no luck", retryAt: now.addingTimeInterval(5), maximumAttempts: 3, at: now,
                        in: db)
                    return
                }
                let result = try ResultStore.record(.example(results), for: lease.item, at: now, in: db)
                for name in Self.destinations {
                    try DeliveryQueue.enqueue(
                        DeliverableObject(result), to: name, studyID: lease.item.studyID, workItemID: lease.item.id,
                        demandsCommitment: name == "PACS", at: now, in: db)
                }
                try WorkQueue.finish(
                    lease, as: isAbstention ? .abstained(reason: "lateral only") : .delivered, at: now, in: db)
            }
        } catch WorklistError.leaseLost {
        } catch WorklistError.illegalTransition {
        }
    }

    private mutating func send() throws {
        guard !sending.isEmpty else { return }
        let delivery = sending.removeFirst()
        let luck = Int.random(in: 0..<10, using: &generator)
        do {
            try write { db in
                switch luck {
                case 0: try DeliveryQueue.bury(delivery, status: 0xA900, reason: "refused", at: now, in: db)
                case 1: try DeliveryQueue.putBack(delivery, reason: "aborted", until: now, at: now, in: db)
                case 2:
                    try DeliveryQueue.fail(
                        delivery, status: 0xA700, reason: "full", retryAt: now, maximumAttempts: 3, at: now, in: db)
                    try Destinations.recordFailure(
                        delivery.destination, reason: "full", threshold: 2, probeAt: now.addingTimeInterval(3), at: now,
                        in: db)
                default:
                    try DeliveryQueue.markSent(delivery, status: 0, at: now, in: db)
                    try Destinations.recordSuccess(delivery.destination, at: now, in: db)
                }
            }
        } catch WorklistError.leaseLost {
        } catch WorklistError.illegalTransition {
        }
    }

    private mutating func commit() throws {
        if chance(0.5) || requests.isEmpty {
            let waiting = try write { db in try Commitments.awaitingRequest(to: "PACS", at: now, in: db) }
            guard !waiting.isEmpty else { return }
            transactions += 1
            let uid = "2.25.\(transactions)"
            try write { db in
                try Commitments.request(
                    waiting, transactionUID: uid, deadline: now.addingTimeInterval(10), at: now, in: db)
            }
            requests.append((uid, waiting.map(\.object.sopInstanceUID)))
        } else {
            let index = Int.random(in: 0..<requests.count, using: &generator)
            let request = chance(0.1) ? requests[index] : requests.remove(at: index)
            let failed = request.objects.filter { _ in chance(0.2) }
            _ = try write { db in
                try Commitments.report(
                    transactionUID: request.uid, committed: request.objects.filter { !failed.contains($0) },
                    failed: failed.map { CommitmentFailure(sopInstanceUID: $0, failureReason: 0x0112) }, retryAt: now,
                    maximumAttempts: 3, at: now, in: db)
            }
        }
    }

    private func sweep() throws {
        try write { db in
            _ = try WorkQueue.releaseExpiredLeases(at: now, maximumAttempts: 3, in: db)
            _ = try DeliveryQueue.releaseExpiredLeases(at: now, maximumAttempts: 3, in: db)
            _ = try Commitments.expire(retryAt: now, maximumAttempts: 3, at: now, in: db)
        }
    }

    /// A crash (the outside world forgets its leases, or answers late), or an operator.
    private mutating func trouble() throws {
        if chance(0.5) {
            _ = try write { db in
                try Recovery.releaseEverything(at: now, maximumWorkAttempts: 3, maximumDeliveryAttempts: 3, in: db)
            }
            if chance(0.5) {
                work = []
                sending = []
            }
        } else {
            _ = try write { db in try OperatorRetry.retry(.everything, at: now, in: db) }
        }
    }

    /// Lets everything come to its end, without further bad luck in the work.
    mutating func finish() throws {
        for association in 0...4 { try write { db in try Assembly.release(association: "a\(association)", in: db) } }
        for _ in 0..<400 {
            now = now.addingTimeInterval(40)
            _ = try write { db in try Assembly.studiesBecomingQuiet(at: now, in: db) }
            try sweep()
            try lease()
            while !work.isEmpty { try work(isLast: true) }
            while !sending.isEmpty { try send() }
            try commit()
        }
    }

    /// What holds at every instant.
    func check(_ comment: Comment) throws {
        let problems = try #require(store).pool.read { db in
            try [
                "a study has two leased items":
                    "SELECT 1 FROM workItem WHERE state = 'leased' GROUP BY studyID HAVING count(*) > 1",
                "a UID has two current instances":
                    "SELECT 1 FROM instance WHERE disposition <> 'quarantined' GROUP BY sopInstanceUID HAVING count(*) > 1",
                "an item is settled with an open delivery":
                    """
                SELECT 1 FROM workItem JOIN delivery ON workItemID = workItem.id
                WHERE workItem.state IN ('delivered', 'abstained')
                    AND (delivery.settledAt IS NULL OR delivery.state = 'deadLetter')
                """,
                "an item waits for deliveries that are all settled":
                    """
                SELECT 1 FROM workItem WHERE state = 'delivering' AND NOT EXISTS (
                    SELECT 1 FROM delivery WHERE workItemID = workItem.id AND settledAt IS NULL)
                """,
                "a study is at rest with open work":
                    """
                SELECT 1 FROM study WHERE state IN ('stored', 'delivered', 'abstained', 'deadLetter') AND (
                    quietAt IS NOT NULL OR EXISTS (SELECT 1 FROM workItem WHERE studyID = study.id
                        AND state IN ('ready', 'leased', 'delivering')))
                """,
                "a study's state is not the last of its history":
                    """
                SELECT 1 FROM study WHERE state <> (
                    SELECT state FROM studyTransition WHERE studyID = study.id ORDER BY id DESC LIMIT 1)
                """,
                "an image to read is neither assembled nor awaited":
                    """
                SELECT 1 FROM instance JOIN study ON study.id = studyID
                WHERE disposition = 'toRead' AND instance.revision IS NULL AND quietAt IS NULL
                """,
            ].filter { try Row.fetchOne(db, sql: $0.value) != nil }.keys.sorted()
        }
        #expect(problems.isEmpty, comment)
    }

    /// What holds when nothing happens any more: each study has its one outcome, and says why when it is a dead letter.
    func checkEnd(_ comment: Comment) throws {
        let studies = try #require(store).pool.read { db in try Listings.studies(page: Page(limit: 1000), in: db) }
        #expect(!studies.isEmpty, comment)
        for study in studies {
            #expect([.stored, .delivered, .abstained, .deadLetter].contains(study.state), comment)
            #expect(study.state != .deadLetter || study.reason != nil, comment)
            #expect(study.state != .delivered || study.results > 0, comment)
        }
        let unread = try #require(store).pool.read { db in
            try db.int("SELECT count(*) FROM instance WHERE disposition = 'toRead' AND revision IS NULL")
        }
        #expect(unread == 0, comment)
    }
}
