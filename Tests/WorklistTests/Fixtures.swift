import Foundation
import GRDB
import TestSupport

@testable import Worklist

/// A database file of its own for one test, and the values that tests put into it.
final class Store {
    let scratch: ScratchDirectory
    let pool: DatabasePool

    init() throws {
        scratch = try ScratchDirectory()
        pool = try WorklistDatabase.open(at: scratch.url.appendingPathComponent("gateway.sqlite").path)
    }

    var path: String { scratch.url.appendingPathComponent("gateway.sqlite").path }

    /// A second pool on the same file: another process, as far as SQLite can tell.
    func secondPool() throws -> DatabasePool { try WorklistDatabase.open(at: path) }

    func write<Value>(_ change: (Database) throws -> Value) throws -> Value { try pool.write(change) }

    /// Records an instance and makes its study work; returns the item.
    func queuedItem(study: Int = 1, priority: Priority = .routine, at now: Date = .start) throws -> WorkItem {
        try write { db in
            let recorded = try StudyStore.record(.example(study: study, priority: priority), at: now, in: db)
            return try Assembly.start(studyID: recorded.studyID, at: now, in: db)[0]
        }
    }

    func lease(owner: String = "worker", at now: Date = .start) throws -> WorkLease? {
        try write { db in try WorkQueue.leaseNext(owner: owner, for: .seconds(60), at: now, in: db) }
    }

    /// Records an instance and queues it for the destination `PACS`.
    func queuedDelivery(_ number: Int = 1, commitment: Bool = false, to destination: String = "PACS") throws -> Delivery
    {
        try write { db in
            let received = ReceivedInstance.example(study: number, disposition: .storedOnly)
            let recorded = try StudyStore.record(received, at: .start, in: db)
            try Destinations.register(destination, at: .start, in: db)
            return try DeliveryQueue.enqueue(
                DeliverableObject(received), to: destination, studyID: recorded.studyID,
                demandsCommitment: commitment, at: .start, in: db)
        }
    }

    func leaseDelivery(from destination: String = "PACS", at now: Date = .start) throws -> Delivery? {
        try write { db in
            try DeliveryQueue.leaseBatch(
                for: destination, limit: 1, owner: "sender", for: .seconds(60), at: now, in: db
            ).first
        }
    }

    /// Everything the state machines can change, for "nothing was changed".
    func contents() throws -> [String: [Row]] {
        try pool.read { db in
            var contents: [String: [Row]] = [:]
            for table in [
                "source", "study", "studyTransition", "series", "instance", "hold", "workItem", "result",
                "destination", "delivery",
            ] {
                contents[table] = try Row.fetchAll(db, sql: "SELECT * FROM \(table)")
            }
            return contents
        }
    }
}

extension Date {
    static let start = Date(timeIntervalSince1970: 1_780_000_000)

    static func seconds(_ seconds: Double) -> Date { start.addingTimeInterval(seconds) }
}

/// 64 digits that stand for some bytes.
func digest(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 64 - digits.count) + digits
}

extension ReceivedInstance {
    /// Instance `number` of study `study`; equal numbers make equal UIDs and, unless `bytes` differs, equal digests.
    static func example(
        study: Int = 1, number: Int = 1, bytes: Int = 0, attributes: StudyAttributes = StudyAttributes(),
        disposition: Disposition = .toRead, priority: Priority = .routine, quiet: Duration = .seconds(10),
        association: String? = nil, source: Source = Source(aeTitle: "DX1", address: "10.0.0.7")
    ) -> ReceivedInstance {
        let sha256 = digest(study * 1_000_000 + number * 1000 + bytes)
        return ReceivedInstance(
            studyInstanceUID: "1.2.\(study)", seriesInstanceUID: "1.2.\(study).1",
            sopInstanceUID: "1.2.\(study).1.\(number)", sopClassUID: "1.2.840.10008.5.1.4.1.1.1.1",
            transferSyntaxUID: "1.2.840.10008.1.2.1", instanceNumber: number, study: attributes,
            series: SeriesAttributes(modality: "DX"), path: "studies/\(study)/\(number)/\(sha256).dcm",
            byteCount: 1000, sha256: sha256, source: source, disposition: disposition, priority: priority,
            quietPeriod: quiet, association: association)
    }
}

extension NewResult {
    static func example(_ number: Int, kind: String = "sr", bytes: Int = 0) -> NewResult {
        NewResult(
            kind: kind, sopInstanceUID: "1.9.\(number)", sopClassUID: "1.2.840.10008.5.1.4.1.1.88.33",
            transferSyntaxUID: "1.2.840.10008.1.2.1", path: "results/\(number).dcm", byteCount: 10,
            sha256: digest(900_000_000_000 + number * 1000 + bytes))
    }
}
