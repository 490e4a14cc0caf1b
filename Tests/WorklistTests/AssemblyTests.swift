import Foundation
import GRDB
import Testing

@testable import Worklist

@Suite struct AssemblyTests {
    private func record(_ instance: ReceivedInstance, at now: Date, in store: Store) throws -> Int64 {
        try store.write { db in try StudyStore.record(instance, at: now, in: db) }.studyID
    }

    private func quiet(_ store: Store, at now: Date) throws -> [WorkItem] {
        try store.write { db in try Assembly.studiesBecomingQuiet(at: now, in: db) }
    }

    private func states(_ store: Store, _ studyID: Int64) throws -> [StudyState] {
        try store.pool.read { db in try StudyStates.history(ofStudy: studyID, in: db) }.map(\.state)
    }

    @Test func aStudyBecomesWorkOnlyAfterItsQuietPeriod() throws {
        let store = try Store()
        let studyID = try record(.example(), at: .start, in: store)
        #expect(try quiet(store, at: .seconds(9.9)).isEmpty)
        _ = try record(.example(number: 2), at: .seconds(9), in: store)
        #expect(try quiet(store, at: .seconds(18)).isEmpty, "the second image prolongs the quiet period")
        #expect(try store.pool.read { db in try Assembly.nextQuietTime(in: db) } == .seconds(19))
        let items = try quiet(store, at: .seconds(19))
        #expect(items.map(\.revision) == [1] && items.map(\.kind) == [.read])
        #expect(try quiet(store, at: .seconds(500)).isEmpty)
        #expect(try states(store, studyID) == [.assembling, .queued])
        let instances = try store.pool.read { db in try WorkQueue.instances(of: items[0], in: db) }
        #expect(instances.map(\.instanceNumber) == [1, 2])
    }

    @Test func anOpenAssociationHoldsItsStudiesAndNoOthers() throws {
        let store = try Store()
        let held = try record(.example(study: 1, association: "a"), at: .start, in: store)
        _ = try record(.example(study: 1, number: 2, association: "b"), at: .start, in: store)
        let free = try record(.example(study: 2), at: .start, in: store)
        #expect(try quiet(store, at: .seconds(1000)).map(\.studyID) == [free])
        try store.write { db in try Assembly.release(association: "a", in: db) }
        #expect(try quiet(store, at: .seconds(1001)).isEmpty, "the other association still holds it")
        #expect(try store.pool.read { db in try Assembly.nextQuietTime(in: db) } == nil)
        try store.write { db in try Assembly.release(association: "b", in: db) }
        #expect(try quiet(store, at: .seconds(1002)).map(\.studyID) == [held])
    }

    @Test func aLateImageMakesTheNextRevisionWithAllImages() throws {
        let store = try Store()
        let studyID = try record(.example(), at: .start, in: store)
        let first = try #require(try quiet(store, at: .seconds(10)).first)
        let lease = try #require(try store.lease(at: .seconds(11)))
        _ = try record(.example(number: 2), at: .seconds(12), in: store)
        let second = try #require(try quiet(store, at: .seconds(30)).first)
        #expect(second.revision == 2 && second.id != first.id)
        #expect(try store.lease(at: .seconds(31)) == nil, "revisions of one study are worked on one after the other")
        _ = try store.write { db in try WorkQueue.finish(lease, as: .delivered, at: .seconds(32), in: db) }
        #expect(try store.lease(at: .seconds(33))?.item.id == second.id)
        let numbers = try store.pool.read { db in
            try [first, second].map { try WorkQueue.instances(of: $0, in: db).map(\.instanceNumber) }
        }
        #expect(numbers == [[1], [1, 2]])
        #expect(try states(store, studyID) == [.assembling, .queued, .working, .queued, .working])
    }

    @Test func anItemThatNobodyBeganTakesALateImageIn() throws {
        let store = try Store()
        _ = try record(.example(), at: .start, in: store)
        let first = try #require(try quiet(store, at: .seconds(10)).first)
        _ = try record(.example(number: 2), at: .seconds(12), in: store)
        #expect(try quiet(store, at: .seconds(30)).map(\.id) == [first.id])
        let instances = try store.pool.read { db in try WorkQueue.instances(of: first, in: db) }
        #expect(instances.count == 2)
    }

    @Test func anItemThatWasBegunAndFailedTakesNothingInThatItsKeptResultsDoNotShow() throws {
        let store = try Store()
        _ = try record(.example(), at: .start, in: store)
        let first = try #require(try quiet(store, at: .seconds(10)).first)
        let lease = try #require(try store.lease(at: .seconds(11)))
        _ = try store.write { db in
            try WorkQueue.fail(
                lease, reason: "no memory", retryAt: .seconds(60), maximumAttempts: 3, at: .seconds(12), in: db)
        }
        _ = try record(.example(number: 2), at: .seconds(13), in: store)
        #expect(try quiet(store, at: .seconds(30)).map(\.revision) == [2])
        let instances = try store.pool.read { db in try WorkQueue.instances(of: first, in: db) }
        #expect(instances.map(\.instanceNumber) == [1])
    }

    @Test func anEarlyStartLeavesTheQuietPeriodRunningForTheRest() throws {
        let store = try Store()
        let studyID = try record(.example(association: "a"), at: .start, in: store)
        let early = try store.write { db in
            try Assembly.start(studyID: studyID, endingAssembly: false, at: .seconds(1), in: db)
        }
        _ = try store.lease(at: .seconds(1))
        _ = try record(.example(number: 2, association: "a"), at: .seconds(2), in: store)
        try store.write { db in try Assembly.release(association: "a", in: db) }
        let late = try quiet(store, at: .seconds(12))
        #expect(early.map(\.revision) == [1] && late.map(\.revision) == [2])
    }

    @Test func whatIsOnlyStoredMakesNoWorkAndReopensNothing() throws {
        let store = try Store()
        let studyID = try record(.example(disposition: .storedOnly), at: .start, in: store)
        #expect(try quiet(store, at: .seconds(10)).isEmpty)
        _ = try record(.example(number: 2, disposition: .storedOnly), at: .seconds(20), in: store)
        _ = try record(.example(number: 3, disposition: .ownResult), at: .seconds(20), in: store)
        #expect(try states(store, studyID) == [.assembling, .stored])
        #expect(try store.pool.read { db in try Assembly.nextQuietTime(in: db) } == nil)
    }

    @Test func aStatImageMakesItsStudyAndItsWaitingWorkStat() throws {
        let store = try Store()
        let routine = try store.queuedItem(study: 1)
        let laterStat = try store.queuedItem(study: 2)
        _ = try record(.example(study: 2, number: 2, priority: .stat), at: .seconds(5), in: store)
        #expect(try store.lease(at: .seconds(6))?.item.id == laterStat.id)
        #expect(try store.lease(at: .seconds(6))?.item.id == routine.id)
        #expect(Priority(requestedProcedurePriority: "stat ") == .stat)
        #expect(Priority(requestedProcedurePriority: "") == nil)
    }

    @Test func everyKindGetsAnItemOfTheSameRevision() throws {
        let store = try Store()
        _ = try record(.example(), at: .start, in: store)
        let items = try store.write { db in
            try Assembly.studiesBecomingQuiet(at: .seconds(10), kinds: [.read, .forward], in: db)
        }
        #expect(Set(items.map(\.kind)) == [.read, .forward] && Set(items.map(\.revision)) == [1])
    }
}
