import Foundation
import Logging
import Metrics
import TestSupport
import Testing
import Worklist

@testable import Gateway

/// What the turnaround histogram is filled with, on a real database.
@Suite struct TurnaroundTests {
    private let scratch: ScratchDirectory
    private let ledger: Ledger
    private let metrics = PrometheusMetrics()
    private let received = Date(timeIntervalSince1970: 1_800_000_000)

    init() throws {
        scratch = try ScratchDirectory()
        ledger = try Ledger(
            path: scratch.url.appendingPathComponent("cxrgate.sqlite").path, logger: Logger(label: "test"))
    }

    private func digest(_ number: Int) -> String {
        String(repeating: "0", count: 63) + "\(number)"
    }

    @Test func aReadingCountsOnceWithItsLastObject() throws {
        let deliveries = try ledger.write { db -> [Delivery] in
            try Destinations.register("PACS", at: received, in: db)
            let instance = ReceivedInstance(
                studyInstanceUID: "1.2.1", seriesInstanceUID: "1.2.2", sopInstanceUID: "1.2.3",
                sopClassUID: "1.2.840.10008.5.1.4.1.1.1.1", transferSyntaxUID: "1.2.840.10008.1.2.1",
                path: "studies/a.dcm", byteCount: 1, sha256: digest(1),
                source: Source(aeTitle: "XR", address: "127.0.0.1"), disposition: .toRead, quietPeriod: .zero)
            let study = try StudyStore.record(instance, at: received, in: db).studyID
            _ = try Assembly.studiesBecomingQuiet(at: received.advanced(by: .seconds(1)), in: db)
            let lease = try #require(
                try WorkQueue.leaseNext(
                    owner: "test", for: .seconds(60), at: received.advanced(by: .seconds(1)), in: db))
            for number in 2...3 {
                let result = NewResult(
                    kind: "sr\(number)", sopInstanceUID: "1.9.\(number)", sopClassUID: "1.2.840.10008.5.1.4.1.1.88.33",
                    transferSyntaxUID: "1.2.840.10008.1.2.1", path: "results/\(number).dcm", byteCount: 1,
                    sha256: digest(number))
                let stored = try ResultStore.record(result, for: lease.item, at: received, in: db)
                try DeliveryQueue.enqueue(
                    DeliverableObject(stored), to: "PACS", studyID: study, workItemID: lease.item.id,
                    demandsCommitment: false, at: received.advanced(by: .seconds(2)), in: db)
            }
            _ = try WorkQueue.finish(lease, as: .delivered, at: received.advanced(by: .seconds(2)), in: db)
            return try DeliveryQueue.leaseBatch(
                for: "PACS", limit: 10, owner: "test", for: .seconds(60), at: received.advanced(by: .seconds(3)),
                in: db)
        }
        #expect(deliveries.count == 2)
        let name = "cxrgate_turnaround_seconds"
        for (delivery, seconds, count) in zip3(deliveries, [10, 42], [nil, 1.0]) {
            try ledger.write { db in
                let now = received.advanced(by: .seconds(seconds))
                try DeliveryQueue.markSent(delivery, status: 0, at: now, in: db)
                let study = try Study.fetch(id: delivery.studyID, in: db)
                try TurnaroundRecorder.record(delivery, of: study, sentAt: now, factory: metrics, in: db)
            }
            let parsed = try ParsedMetrics(MetricsPage.write(metrics.snapshot()))
            #expect(parsed.value("\(name)_count", ["kind": "read"]) == count)
        }
        let parsed = try ParsedMetrics(MetricsPage.write(metrics.snapshot()))
        #expect(parsed.value("\(name)_sum", ["kind": "read"]) == 42)
    }

    @Test func aClockThatWasSetBackLowersNothing() throws {
        TurnaroundRecorder.record(
            .read, receivedAt: received, deliveredAt: received.advanced(by: .seconds(-100)), factory: metrics)
        let parsed = try ParsedMetrics(MetricsPage.write(metrics.snapshot()))
        #expect(parsed.value("cxrgate_turnaround_seconds_sum", ["kind": "read"]) == 0)
    }

    private func zip3<A, B, C>(_ first: [A], _ second: [B], _ third: [C]) -> [(A, B, C)] {
        zip(first, zip(second, third)).map { ($0, $1.0, $1.1) }
    }
}
