import Audit
import Cryptography
import Foundation
import GRDB

/// What appending costs a reception: the same receptions, each a file written and synced, hashed, and a row committed,
/// once without and once with the audit event in the row's transaction. The two alternate, so that both meet the same
/// disk.
struct ReceptionBenchmark {
    let directory: URL
    let receptions: Int
    let megabytes: Int

    func run() throws {
        let pool = try AuditDatabase.create(at: directory.appendingPathComponent("reception.sqlite").path)
        try pool.write { try $0.execute(sql: "CREATE TABLE instance (uid TEXT PRIMARY KEY, sha256 TEXT)") }
        let image = [UInt8](repeating: 0x5a, count: megabytes << 20)
        var plain = 0.0
        var audited = 0.0
        var events = EventSource()
        for number in 0..<receptions {
            plain += try seconds { try receive(image, "plain-\(number)", pool, event: nil) }
            let event = events.next()
            audited += try seconds { try receive(image, "audited-\(number)", pool, event: event) }
        }
        report(
            "reception without audit, \(megabytes) MB, one by one",
            String(format: "%.1f /s", Double(receptions) / plain))
        report("reception with audit", String(format: "%.1f /s", Double(receptions) / audited))
        report("audit's share", String(format: "%.1f %%", (audited / plain - 1) * 100))
    }

    private func receive(_ image: [UInt8], _ name: String, _ pool: DatabasePool, event: AuditEvent?) throws {
        let file = directory.appendingPathComponent(name)
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        defer { unlink(file.path) }
        defer { close(descriptor) }
        let digest = SHA256.hash(image)
        guard write(descriptor, image, image.count) == image.count, fsync(descriptor) == 0 else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: file.path])
        }
        try pool.write { db in
            try db.execute(sql: "INSERT INTO instance VALUES (?, ?)", arguments: [name, digest.hex])
            if let event { try AuditLog.append(event, in: db) }
        }
    }
}
