import Foundation
import GRDB
import TestSupport
import Testing

@testable import Worklist

@Suite struct OperationsTests {
    // MARK: Recovery

    @Test func startUpTakesBackEverythingThatTheLastRunHeld() throws {
        let store = try Store()
        let item = try store.queuedItem(study: 1)
        _ = try store.lease()
        _ = try store.queuedDelivery(2)
        _ = try store.leaseDelivery()
        try store.write { db in _ = try StudyStore.record(.example(study: 3, association: "gone"), at: .start, in: db) }
        func recover() throws -> RecoveryReport {
            try store.write { db in
                try Recovery.releaseEverything(
                    at: .seconds(1), maximumWorkAttempts: 3, maximumDeliveryAttempts: 3, in: db)
            }
        }
        let report = try recover()
        #expect(report.holdsCleared == 1 && report.workItemsReleased == 1 && report.deliveriesReleased == 1)
        #expect(try recover() == RecoveryReport())
        #expect(try store.lease(at: .seconds(2))?.item.id == item.id)
        let quiet = try store.write { db in try Assembly.studiesBecomingQuiet(at: .seconds(10), in: db) }
        #expect(quiet.count == 1)
    }

    @Test func rowsAndFilesAreComparedBothWays() throws {
        let store = try Store()
        let kept = ReceivedInstance.example(number: 1)
        let lost = ReceivedInstance.example(number: 2)
        let item = try store.queuedItem()
        try store.write { db in
            try StudyStore.record(lost, at: .start, in: db)
            _ = try ResultStore.record(.example(1), for: item, at: .start, in: db)
            try StudyStore.recordQuarantinedFile(
                path: "quarantine/x", byteCount: 1, sha256: digest(1), reason: "no DICOM", source: kept.source,
                at: .start, in: db)
        }
        func reconcile(_ paths: [String]) throws -> ReconciliationReport {
            try store.write { db in try Recovery.reconcile(paths: paths, at: .seconds(5), in: db) }
        }
        let onDisk = [kept.path, "results/1.dcm", "quarantine/x", "studies/1/stray.dcm"]
        var expected = ReconciliationReport()
        expected.filesSeen = 4
        expected.rowsWithoutFile = [lost.path]
        expected.filesWithoutRow = ["studies/1/stray.dcm"]
        #expect(try reconcile(onDisk) == expected)
        expected.rowsWithoutFile = []
        #expect(try reconcile(onDisk) == expected, "what is known to be missing is not reported anew")
        expected.filesSeen = 5
        expected.rowsWithFileAgain = [lost.path]
        #expect(try reconcile(onDisk + [lost.path]) == expected)
        #expect(try reconcile([kept.path, lost.path, "results/1.dcm", "quarantine/x"]).isClean)
    }

    @Test func theSameBytesReplaceAMissingFileAndThenBecomeWork() throws {
        let store = try Store()
        let received = ReceivedInstance.example()
        try store.write { db in
            try StudyStore.record(received, at: .start, in: db)
            _ = try Recovery.reconcile(paths: [], at: .seconds(5), in: db)
            #expect(try Assembly.studiesBecomingQuiet(at: .seconds(20), in: db).isEmpty, "nothing can be read")
            let again = try StudyStore.record(received, at: .seconds(30), in: db)
            #expect(again.outcome == .restored)
            #expect(try StudyStore.record(received, at: .seconds(31), in: db).outcome == .duplicate)
            #expect(try Assembly.studiesBecomingQuiet(at: .seconds(40), in: db).count == 1)
        }
    }

    @Test func aStrayFileIsAdoptedByRecordingIt() throws {
        let store = try Store()
        let stray = ReceivedInstance.example()
        let report = try store.write { db in try Recovery.reconcile(paths: [stray.path], at: .start, in: db) }
        #expect(report.filesWithoutRow == [stray.path])
        try store.write { (db) throws in
            #expect(try StudyStore.record(stray, at: .start, in: db).outcome == .new)
            #expect(try Recovery.reconcile(paths: [stray.path], at: .start, in: db).isClean)
        }
    }

    @Test func aStreamThatFailsLeavesNothingBehind() throws {
        let store = try Store()
        try store.write { db in
            try db.execute(sql: "CREATE TEMP TABLE fileOnDisk (path TEXT)")
            #expect(throws: DatabaseError.self) { try Recovery.reconcile(paths: ["a"], at: .start, in: db) }
            try db.execute(sql: "DROP TABLE temp.fileOnDisk")
            _ = try Recovery.reconcile(paths: ["a"], at: .start, in: db)
            _ = try Recovery.reconcile(paths: ["a"], at: .start, in: db)
        }
    }

    // MARK: Retry

    @Test func anOperatorRevivesWhatWasSelectedAndNothingElse() throws {
        let store = try Store()
        var dead: [String: Delivery] = [:]
        for (number, destination) in [(1, "PACS"), (2, "PACS"), (3, "ARCHIVE")] {
            let queued = try store.queuedDelivery(number, to: destination)
            let leased = try #require(try store.leaseDelivery(from: destination))
            try store.write { db in try DeliveryQueue.bury(leased, reason: "refused", at: .start, in: db) }
            dead["\(number)"] = queued
        }
        _ = try store.queuedItem(study: 4)
        let lease = try #require(try store.lease())
        try store.write { db in try WorkQueue.bury(lease, reason: "broken", at: .start, in: db) }
        func retry(_ selection: RetrySelection) throws -> RetryReport {
            try store.write { db in try OperatorRetry.retry(selection, at: .seconds(9), in: db) }
        }
        #expect(try retry(.destination("ARCHIVE")).deliveries == [try #require(dead["3"]).id])
        #expect(try retry(.study(studyInstanceUID: "1.2.1")).deliveries == [try #require(dead["1"]).id])
        #expect(try retry(.study(studyInstanceUID: "1.2.4")).workItems == [lease.item.id])
        #expect(try retry(.everything) == RetryReport(workItems: [], deliveries: [try #require(dead["2"]).id]))
        #expect(try retry(.everything).isEmpty)
        let before = try store.contents()
        for selection: RetrySelection in [
            .delivery(99), .workItem(99), .study(studyInstanceUID: "9"), .destination("NOWHERE"),
            .delivery(try #require(dead["1"]).id), .workItem(lease.item.id),
        ] {
            #expect(throws: WorklistError.self, "\(selection)") { try retry(selection) }
        }
        #expect(try store.contents() == before)
    }

    // MARK: Retention

    @Test func nothingIsPurgedBeforeItIsDeliveredAndCommitted() throws {
        let store = try Store()
        let queued = try store.queuedDelivery(commitment: true)
        _ = try store.write { db in try Assembly.studiesBecomingQuiet(at: .seconds(10), in: db) }
        func candidates(at now: Date = .seconds(1000)) throws -> [String] {
            try store.pool.read { db in try Retention.candidates(restingSince: now, in: db) }.map(\.studyInstanceUID)
        }
        func purge() throws -> [String] {
            try store.write { db in try Retention.purge(studyID: queued.studyID, at: .seconds(2000), in: db) }
        }
        #expect(try candidates().isEmpty)
        let leased = try #require(try store.leaseDelivery(at: .seconds(20)))
        try store.write { db in try DeliveryQueue.markSent(leased, status: 0, at: .seconds(20), in: db) }
        #expect(try candidates().isEmpty, "sent, not yet committed")
        #expect(throws: WorklistError.self) { try purge() }
        _ = try store.write { db in
            try Commitments.request(
                [queued], transactionUID: "2.25.1", deadline: .seconds(90), at: .seconds(21), in: db)
            return try Commitments.report(
                transactionUID: "2.25.1", committed: [queued.object.sopInstanceUID], failed: [], retryAt: .start,
                maximumAttempts: 1, at: .seconds(30), in: db)
        }
        #expect(try candidates(at: .seconds(29)).isEmpty, "not yet old enough")
        #expect(try candidates() == ["1.2.1"])
        #expect(try purge() == [queued.object.path])
        #expect(try candidates().isEmpty)
        #expect(throws: WorklistError.self) { try purge() }
        let report = try store.write { db in
            try Recovery.reconcile(paths: [queued.object.path], at: .seconds(2001), in: db)
        }
        #expect(report.purgedFiles == [queued.object.path] && report.filesWithoutRow.isEmpty)
    }

    @Test func aDeadLetterIsNeverPurged() throws {
        let store = try Store()
        let item = try store.queuedItem()
        let lease = try #require(try store.lease())
        try store.write { db in try WorkQueue.bury(lease, reason: "broken", at: .start, in: db) }
        #expect(try store.pool.read { db in try Retention.candidates(restingSince: .seconds(1e6), in: db) }.isEmpty)
        #expect(throws: WorklistError.self) {
            try store.write { db in try Retention.purge(studyID: item.studyID, at: .seconds(1e6), in: db) }
        }
    }

    @Test func purgedImagesThatComeAgainAreKeptAndNotReadAgain() throws {
        let store = try Store()
        let item = try store.queuedItem()
        let lease = try #require(try store.lease())
        let received = ReceivedInstance.example()
        try store.write { db in
            try WorkQueue.finish(lease, as: .delivered, at: .start, in: db)
            #expect(try Retention.purge(studyID: item.studyID, at: .seconds(100), in: db) == [received.path])
            #expect(try Study.fetch(id: item.studyID, in: db).state == .purged)
            #expect(try StudyStore.record(received, at: .seconds(200), in: db).outcome == .restored)
            #expect(try Assembly.studiesBecomingQuiet(at: .seconds(1000), in: db).isEmpty)
            #expect(try Study.fetch(id: item.studyID, in: db).state == .delivered)
        }
    }

    // MARK: Listings

    @Test func listingsShowAStudyFromReceptionToCommitment() throws {
        let store = try Store()
        let attributes = StudyAttributes(patientID: "P7", patientName: "Grün^Åsa", accessionNumber: "A7")
        try store.write { db in
            let recorded = try StudyStore.record(.example(attributes: attributes), at: .seconds(0), in: db)
            try StudyStore.record(.example(bytes: 1), at: .seconds(1), in: db)
            try StudyStore.record(.example(study: 2), at: .seconds(2), in: db)
            let item = try Assembly.start(studyID: recorded.studyID, at: .seconds(10), in: db)[0]
            let lease = try #require(
                try WorkQueue.leaseNext(owner: "w", for: .seconds(60), at: .seconds(11), in: db))
            try Destinations.register("PACS", at: .start, in: db)
            let result = try ResultStore.record(.example(1), for: item, at: .seconds(12), in: db)
            try DeliveryQueue.enqueue(
                DeliverableObject(result), to: "PACS", studyID: item.studyID, workItemID: item.id,
                demandsCommitment: true, at: .seconds(12), in: db)
            try WorkQueue.finish(lease, as: .delivered, at: .seconds(12), in: db)
        }
        func listed(_ search: String) throws -> [StudySummary] {
            try store.pool.read { db in try Listings.studies(search: search, in: db) }
        }
        let delivering = try #require(try listed("P7").first)
        #expect(delivering.state == .delivering && delivering.instances == 1 && delivering.quarantined == 1)
        #expect(delivering.analysedAt == .seconds(12) && delivering.sentAt == nil && delivering.committedAt == nil)
        let leased = try #require(try store.leaseDelivery(at: .seconds(13)))
        try store.write { db in
            try DeliveryQueue.markSent(leased, status: 0, at: .seconds(14), in: db)
            try Commitments.request(
                [leased], transactionUID: "2.25.1", deadline: .seconds(99), at: .seconds(15), in: db)
            _ = try Commitments.report(
                transactionUID: "2.25.1", committed: [leased.object.sopInstanceUID], failed: [], retryAt: .start,
                maximumAttempts: 1, at: .seconds(16), in: db)
        }
        for search in ["P7", "A7", "1.2.1", "grün", "Grün^Åsa"] {
            let found = try listed(search)
            #expect(found.map(\.studyInstanceUID) == ["1.2.1"], "\(search)")
            #expect(found.first?.sentAt == .seconds(14) && found.first?.committedAt == .seconds(16))
            #expect(found.first?.state == .delivered)
        }
        #expect(try listed("%").isEmpty && listed("").count == 2)
        let pages = try store.pool.read { db in
            try (0...2).map { try Listings.studies(page: Page(limit: 1, offset: $0), in: db).map(\.studyInstanceUID) }
        }
        #expect(pages == [["1.2.2"], ["1.2.1"], []])
        let queue = try store.pool.read { db in try Listings.queue(states: [.delivered], in: db) }
        #expect(queue.map(\.settledAt) == [.seconds(16)])
        let deliveries = try store.pool.read { db in
            try Listings.deliveries(states: [.committed], destination: "PACS", studyInstanceUID: "1.2.1", in: db)
        }
        #expect(deliveries.map(\.sopInstanceUID) == ["1.9.1"] && deliveries[0].lastStatus == 0)
    }

    @Test func statusCountsEverythingAndSaysWhetherAPersonMustLook() throws {
        let store = try Store()
        #expect(try !store.pool.read { db in try WorklistStatus.fetch(in: db) }.needsAttention)
        _ = try store.queuedItem()
        _ = try store.queuedDelivery(2)
        let leased = try #require(try store.leaseDelivery())
        try store.write { db in try DeliveryQueue.bury(leased, reason: "refused", at: .start, in: db) }
        let status = try store.pool.read { db in try WorklistStatus.fetch(in: db) }
        #expect(status.studies == ["queued": 1, "assembling": 1])
        #expect(status.workItems == ["ready": 1])
        #expect(status.destinations.map(\.destination.name) == ["PACS"])
        #expect(status.destinations[0].count(.deadLetter) == 1 && status.destinations[0].count(.pending) == 0)
        #expect(status.sources.map(\.instanceCount) == [2] && status.byteCount == 2000)
        #expect(status.needsAttention)
    }
}
