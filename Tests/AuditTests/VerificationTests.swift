import Cryptography
import Foundation
import GRDB
import Testing

@testable import Audit

struct VerificationTests {
    private let columns = AuditRecord.columns.split(separator: ", ").map(String.init)

    /// A log with checkpoints every 50 records, and the head exported at its end.
    private func makeLog(seed: UInt64, records: Int = 200) throws -> (AuditFixture, HeadStatement) {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: seed)
        for _ in 0..<records / 50 {
            try fixture.append(maker.events(50))
            try fixture.sign()
        }
        let head = try #require(try fixture.pool.read { try AuditCheckpoints.latest(in: $0) })
        #expect(try fixture.verify(AuditVerifier(trustedKeys: [fixture.key.publicKey], exportedHeads: [head])).isSound)
        return (fixture, head)
    }

    /// A value that differs from the one given, of the same type.
    private func altered(_ value: DatabaseValue, _ random: inout SeededGenerator) -> DatabaseValue {
        switch value.storage {
        case .int64(let number):
            // One flipped bit anywhere in the 63 that keep it a number that SQLite stores alike.
            return (number ^ (1 << Int64.random(in: 0..<62, using: &random))).databaseValue
        case .string(var text):
            let position = text.unicodeScalars.indices.randomElement(using: &random)
            guard let position else { return "x".databaseValue }
            let scalar = text.unicodeScalars[position]
            text.unicodeScalars.replaceSubrange(position...position, with: [scalar == "x" ? "y" : "x"])
            return text.databaseValue
        case .blob(var data):
            data[Int.random(in: 0..<data.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            return data.databaseValue
        default:
            return "".databaseValue
        }
    }

    @Test func everyAlteredColumnOfRandomRecordsIsFoundAndNamed() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let (fixture, _) = try makeLog(seed: seed)
        // The number itself is moved in the tests of order below.
        for column in columns where column != "sequence" {
            for _ in 0..<12 {
                let sequence = Int64.random(in: 1...200, using: &random)
                let original = try #require(
                    try fixture.pool.read {
                        try DatabaseValue.fetchOne(
                            $0, sql: "SELECT \(column) FROM audit_record WHERE sequence = ?", arguments: [sequence])
                    })
                func write(_ value: DatabaseValue) throws {
                    try fixture.tamper {
                        try $0.execute(
                            sql: "UPDATE audit_record SET \(column) = ? WHERE sequence = ?",
                            arguments: [value, sequence])
                    }
                }
                try write(altered(original, &random))
                let report = try fixture.verify()
                #expect(report.faults.first?.sort == .alteredRecord, "\(column) of \(sequence), seed \(seed)")
                #expect(report.faults.first?.sequence == sequence, "\(column) of \(sequence), seed \(seed)")
                if case .string = original.storage {
                    try write(.null)
                    #expect(try fixture.verify().faults.first?.sequence == sequence, "\(column) to NULL, seed \(seed)")
                }
                try write(original)
            }
        }
        #expect(try fixture.verify().isSound)
    }

    @Test func textMovedFromOneColumnToTheNextIsFound() throws {
        let fixture = try AuditFixture()
        try fixture.append([AuditEvent(.instanceReceived, source: Participant(aeTitle: "CR", host: "1"))])
        try fixture.tamper { try $0.execute(sql: "UPDATE audit_record SET source_ae = 'CR1', source_host = ''") }
        #expect(try fixture.verify().faults.first?.sort == .alteredRecord)
    }

    @Test func aDeletedRecordIsFound() throws {
        let (fixture, _) = try makeLog(seed: 3)
        try fixture.tamper { try $0.execute(sql: "DELETE FROM audit_record WHERE sequence = 77") }
        let fault = try #require(try fixture.verify().faults.first)
        #expect(fault.sort == .brokenSequence)
        #expect(fault.message == "records 77 to 77 are missing")
    }

    @Test func aDeletedRecordWhoseSuccessorsMoveUpIsFound() throws {
        let (fixture, _) = try makeLog(seed: 4)
        try fixture.tamper { db in
            try db.execute(sql: "DELETE FROM audit_record WHERE sequence = 77")
            for sequence in 78...202 {
                try db.execute(
                    sql: "UPDATE audit_record SET sequence = sequence - 1 WHERE sequence = ?", arguments: [sequence])
            }
            try db.execute(sql: "UPDATE audit_head SET sequence = sequence - 1")
        }
        let fault = try #require(try fixture.verify().faults.first)
        #expect(fault.sort == .alteredRecord)
        #expect(fault.sequence == 77)
    }

    @Test func anInsertedRecordIsFound() throws {
        let (fixture, _) = try makeLog(seed: 5)
        try fixture.tamper { db in
            let last = try AuditLog.head(in: db).sequence
            for sequence in (100...last).reversed() {
                try db.execute(
                    sql: "UPDATE audit_record SET sequence = sequence + 1 WHERE sequence = ?", arguments: [sequence])
            }
            try db.execute(
                sql:
                    "INSERT INTO audit_record (sequence, time, event, outcome, hash) VALUES (100, 1, 1, 0, randomblob(32))"
            )
            try db.execute(sql: "UPDATE audit_head SET sequence = sequence + 1")
        }
        #expect(try fixture.verify().faults.first?.sequence == 100)
    }

    @Test func swappedRecordsAreFound() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let (fixture, _) = try makeLog(seed: seed)
        for _ in 0..<10 {
            let first = Int64.random(in: 1..<150, using: &random)
            let second = Int64.random(in: first + 1...200, using: &random)
            func swap() throws {
                try fixture.tamper { db in
                    for (old, new) in [(first, -1), (second, first), (-1, second)] as [(Int64, Int64)] {
                        try db.execute(
                            sql: "UPDATE audit_record SET sequence = ? WHERE sequence = ?", arguments: [new, old])
                    }
                }
            }
            try swap()
            #expect(try fixture.verify().faults.first?.sequence == first, "\(first) and \(second), seed \(seed)")
            try swap()
        }
    }

    @Test func aTruncatedTailIsFound() throws {
        let (fixture, head) = try makeLog(seed: 6)
        let last = try fixture.pool.read { try AuditLog.head(in: $0) }
        try fixture.tamper { try $0.execute(sql: "DELETE FROM audit_record WHERE sequence > 190") }
        var report = try fixture.verify()
        #expect(report.faults.first?.sort == .truncatedTail)
        #expect(report.faults.first?.sequence == 191)

        // Whoever also mends the head and removes the checkpoints is found by the exported head.
        try fixture.tamper { db in
            try db.execute(sql: "DELETE FROM audit_checkpoint WHERE sequence > 190")
            try db.execute(
                sql: "UPDATE audit_head SET sequence = 190, hash = (SELECT hash FROM audit_record WHERE sequence = 190)"
            )
        }
        #expect(try fixture.verify().isSound, "nothing inside the database tells any more")
        report = try fixture.verify(AuditVerifier(exportedHeads: [head]))
        #expect(report.faults.map(\.sort) == [.truncatedTail])
        #expect(head.position.sequence > 190 && head.position.sequence <= last.sequence)
    }

    /// Computes the chain anew from `sequence` on, as someone with the program but without the key can.
    private func rechain(_ db: Database, from sequence: Int64) throws {
        var hash =
            try Data.fetchOne(
                db, sql: "SELECT hash FROM audit_record WHERE sequence = ?", arguments: [sequence - 1]
            ).map { Digest(bytes: [UInt8]($0)) } ?? AuditRetention.genesis(in: db)
        let hasher = RecordHasher()
        var hashes: [(Int64, Digest)] = []
        do {
            let rows = try RecordCursor(db, after: sequence - 1)
            while let sequence = try rows.next() {
                hash = rows.hash(with: hasher, previous: hash)
                hashes.append((sequence, hash))
            }
        }
        for (sequence, hash) in hashes {
            try db.execute(
                sql: "UPDATE audit_record SET hash = ? WHERE sequence = ?", arguments: [Data(hash.bytes), sequence])
        }
        try db.execute(sql: "UPDATE audit_head SET hash = ?", arguments: [Data(hash.bytes)])
    }

    @Test func aChainComputedAnewIsFoundByItsCheckpoints() throws {
        let (fixture, _) = try makeLog(seed: 7)
        try fixture.tamper { db in
            try db.execute(sql: "UPDATE audit_record SET person = 'nobody' WHERE sequence = 120")
            try rechain(db, from: 120)
        }
        let report = try fixture.verify()
        #expect(report.faults.map(\.sort) == [.headMismatch])
        #expect(report.faults.first?.sequence == 151, "the next signed record")
    }

    @Test func checkpointsSignedAnewWithAnotherKeyAreFound() throws {
        let (fixture, head) = try makeLog(seed: 8)
        let forger = try Ed25519.SigningKey.generate()
        try fixture.tamper { db in
            try db.execute(sql: "UPDATE audit_record SET person = 'nobody' WHERE sequence = 120")
            try rechain(db, from: 120)
            try db.execute(sql: "DELETE FROM audit_checkpoint")
            try db.execute(sql: "DELETE FROM audit_key")
            _ = try AuditCheckpoints.sign(with: forger, in: db)
        }
        #expect(try fixture.verify().isSound, "nothing inside the database tells any more")
        let pinned = try fixture.verify(AuditVerifier(trustedKeys: [fixture.key.publicKey]))
        #expect(pinned.faults.contains { $0.sort == .untrustedKey })
        let withHead = try fixture.verify(
            AuditVerifier(trustedKeys: [fixture.key.publicKey], exportedHeads: [head]))
        #expect(withHead.faults.contains { $0.sort == .headMismatch })
    }

    @Test func aSplicedChainIsFound() throws {
        let (fixture, _) = try makeLog(seed: 9)
        let (other, _) = try makeLog(seed: 9)
        try other.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        try fixture.pool.writeWithoutTransaction { db in
            try db.execute(sql: "ATTACH ? AS other", arguments: [other.path])
        }
        try fixture.tamper { db in
            try db.execute(sql: "DELETE FROM main.audit_record WHERE sequence BETWEEN 60 AND 70")
            try db.execute(
                sql: "INSERT INTO main.audit_record SELECT * FROM other.audit_record WHERE sequence BETWEEN 60 AND 70")
        }
        #expect(try fixture.verify().faults.first?.sequence == 60)
    }

    @Test func aSwappedDatabaseIsFound() throws {
        let (fixture, head) = try makeLog(seed: 10)
        let (other, _) = try makeLog(seed: 11)
        #expect(try other.verify().isSound)
        let report = try other.verify(AuditVerifier(trustedKeys: [fixture.key.publicKey], exportedHeads: [head]))
        #expect(report.faults.contains { $0.sort == .otherLog })
        #expect(report.faults.contains { $0.sort == .untrustedKey })
    }

    @Test func anAlteredExportedHeadIsNotBelieved() throws {
        let (fixture, head) = try makeLog(seed: 12)
        let text = head.text
        #expect(HeadStatement(text: text) == head)
        let forged = try #require(HeadStatement(text: text.replacing("sequence: 201", with: "sequence: 200")))
        let report = try fixture.verify(AuditVerifier(exportedHeads: [forged]))
        #expect(report.faults.contains { $0.sort == .badSignature })
        #expect(HeadStatement(text: text.replacing("audit head", with: "audit tail")) == nil)
        #expect(HeadStatement(text: "") == nil)
    }

    @Test(arguments: AuditSchema.guards.map(\.name) + AuditSchema.views.map(\.name))
    func aMissingGuardOrViewIsFound(name: String) throws {
        let (fixture, _) = try makeLog(seed: 13, records: 50)
        let kind = AuditSchema.guards.contains { $0.name == name } ? "TRIGGER" : "VIEW"
        try fixture.pool.write { try $0.execute(sql: "DROP \(kind) \(name)") }
        let report = try fixture.verify()
        #expect(report.faults.map(\.sort) == [.alteredSchema])
        #expect(report.faults.first?.message == "\(name) is missing")
    }

    @Test func anAlteredTableOfEventTypesIsFound() throws {
        let (fixture, _) = try makeLog(seed: 14, records: 50)
        try fixture.pool.write {
            try $0.execute(sql: "UPDATE audit_event_type SET meaning = 'Study read' WHERE name = 'study-purged'")
        }
        #expect(try fixture.verify().faults.map(\.sort) == [.alteredSchema])
    }

    @Test func anIndexThatHidesARecordIsFound() throws {
        let (fixture, _) = try makeLog(seed: 15, records: 50)
        // The index is told to leave out one patient, by way of the schema that SQLite reads at the next opening.
        try fixture.tamper { db in
            try db.execute(sql: "PRAGMA writable_schema = ON")
            try db.execute(
                sql: """
                    UPDATE sqlite_master SET sql = 'CREATE INDEX audit_by_time ON audit_record (event)'
                    WHERE name = 'audit_by_time'
                    """)
            try db.execute(sql: "PRAGMA writable_schema = OFF")
        }
        let reopened = try AuditDatabase.open(at: fixture.path)
        let report = try reopened.read { try AuditVerifier(checksIndexes: true).verify($0) }
        #expect(report.faults.contains { $0.sort == .alteredIndex })
    }
}
