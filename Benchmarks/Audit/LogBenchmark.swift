import Audit
import Cryptography
import Foundation
import GRDB

/// A log of many records: how fast it grows, answers and verifies, and how large it is.
struct LogBenchmark {
    let directory: URL
    let records: Int

    func run() throws {
        let path = directory.appendingPathComponent("log.sqlite").path
        let pool = try AuditDatabase.create(at: path)
        try append(to: pool)
        try size(pool, path: path)
        try index(pool)
        try query(pool)
        try verify(pool)
    }

    private func append(to pool: DatabasePool) throws {
        var events = EventSource()
        let key = try Ed25519.SigningKey.generate()
        let batch = 1000
        let single = 200
        let one = try seconds {
            for _ in 0..<single { try pool.write { _ = try AuditLog.append(events.next(), in: $0) } }
        }
        report("append, a transaction each", String(format: "%.0f records/s", Double(single) / one))
        var appended = single
        var processor = 0.0
        let many = try seconds {
            processor = try processorSeconds {
                while appended < records {
                    try pool.write { db in
                        for _ in 0..<batch { try AuditLog.append(events.next(), in: db) }
                        _ = try AuditCheckpoints.sign(with: key, in: db)
                    }
                    appended += batch
                }
            }
        }
        report(
            "append, 1000 a transaction, with checkpoint",
            String(
                format: "%.0f records/s elapsed, %.1f µs of processor time each", Double(appended - single) / many,
                processor / Double(appended - single) * 1e6))
    }

    private func size(_ pool: DatabasePool, path: String) throws {
        try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        let count = try pool.read { try AuditLog.head(in: $0).sequence }
        report("records", "\(count)")
        report("database, before the text index", String(format: "%.0f bytes a record", Double(bytes) / Double(count)))
    }

    private func index(_ pool: DatabasePool) throws {
        let time = try seconds { try AuditTextIndex.update(pool) }
        try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        let bytes = try FileManager.default.attributesOfItem(atPath: pool.path)[.size] as? Int ?? 0
        report("text index, caught up at", String(format: "%.0f records/s", Double(records) / time))
        report("database, with the text index", String(format: "%.0f bytes a record", Double(bytes) / Double(records)))
    }

    /// First pages through the reader that people use: the record of the reading and its commit are in the time.
    private func query(_ pool: DatabasePool) throws {
        let reader = AuditReader(pool: pool, person: Person(user: "benchmark"))
        let studies = Int64(records / 7)
        let middle = EventSource.study(studies / 2)
        let start = AuditTime(microseconds: 1_700_000_000_000_000 + Int64(records) * 200_000)
        let end = AuditTime(microseconds: start.microseconds + 3_600_000_000)
        for (name, query) in [
            ("newest", AuditQuery()), ("oldest", AuditQuery(newestFirst: false)),
            ("an hour in the middle", AuditQuery(from: start, until: end)),
            ("patient", AuditQuery(patient: EventSource.patient(studies / 2).identifier)),
            ("study", AuditQuery(study: middle.uid)), ("accession", AuditQuery(accession: middle.accession)),
            ("source AE", AuditQuery(aeTitle: "MODALITY3")), ("own AE, in nearly all", AuditQuery(aeTitle: "CXRGATE")),
            ("AE and an hour", AuditQuery(aeTitle: "MODALITY3", from: start, until: end)),
            ("person", AuditQuery(person: "user3")), ("event type", AuditQuery(kinds: [.studyRead])),
            ("three event types", AuditQuery(kinds: [.studyRead, .resultCreated, .resultDelivered])),
            ("event type and an hour", AuditQuery(kinds: [.studyRead], from: start, until: end)),
            ("failures", AuditQuery(outcomes: [.minorFailure, .seriousFailure, .majorFailure])),
            ("text, rare word", AuditQuery(text: "resources")), ("text, common word", AuditQuery(text: "gateway")),
            ("text, two words", AuditQuery(text: "pleural effusion")),
        ] {
            var times: [Double] = []
            var found = 0
            for _ in 0..<5 {
                times.append(try seconds { found = try reader.records(matching: query).records.count })
            }
            report(
                "first page: \(name)",
                String(
                    format: "%.1f ms at first, %.1f ms at best (%d records)", times[0] * 1000,
                    (times.min() ?? 0) * 1000,
                    found))
        }
    }

    private func verify(_ pool: DatabasePool) throws {
        var result: VerificationReport?
        var processor = 0.0
        let time = try seconds {
            processor = try processorSeconds { result = try pool.read { try AuditVerifier().verify($0) } }
        }
        let count = Double(result?.recordCount ?? 0)
        report(
            "verify, one core",
            String(
                format: "%.0f records/s elapsed, %.0f records a processor second, %@", count / time, count / processor,
                result?.isSound == true ? "sound" : "NOT SOUND"))
    }
}
