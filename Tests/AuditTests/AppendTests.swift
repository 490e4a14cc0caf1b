import Foundation
import GRDB
import Testing

@testable import Audit

struct AppendTests {
    @Test func everyEventComesBackAsItWasAppended() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var maker = EventMaker(seed: seed)
        let fixture = try AuditFixture()
        let events = EventKind.allCases.map { maker.event($0) } + maker.events(300)
        try fixture.append(events)
        let records = try fixture.pool.read { db in
            try Row.fetchAll(db, sql: "SELECT \(AuditRecord.columns) FROM audit_record ORDER BY sequence")
                .map(AuditRecord.init)
        }
        #expect(records.map(\.sequence) == Array(1...Int64(events.count)))
        for (record, event) in zip(records, events) {
            var event = event
            // A study's accession and a patient's name have nowhere to be without the study and the patient.
            event.provenance = event.kind == .studyRead ? event.provenance : nil
            #expect(record.event == event, "seed \(seed)")
        }
        #expect(try fixture.verify().isSound)
    }

    @Test func anEventOutsideATransactionIsRefused() throws {
        let fixture = try AuditFixture()
        #expect(throws: AuditError.notInTransaction) {
            try fixture.pool.writeWithoutTransaction { try AuditLog.append(AuditEvent(.serviceStarted), in: $0) }
        }
    }

    @Test func anEventFallsWithTheChangeItDescribes() throws {
        struct Failure: Error {}
        let fixture = try AuditFixture()
        try fixture.pool.write { try $0.execute(sql: "CREATE TABLE work (id INTEGER)") }
        try fixture.append([AuditEvent(.serviceStarted)])
        #expect(throws: Failure.self) {
            try fixture.pool.write { db in
                try db.execute(sql: "INSERT INTO work VALUES (1)")
                try AuditLog.append(AuditEvent(.instanceReceived), in: db)
                throw Failure()
            }
        }
        let (work, head) = try fixture.pool.read { db in
            (try Int.fetchOne(db, sql: "SELECT count(*) FROM work"), try AuditLog.head(in: db).sequence)
        }
        #expect(work == 0)
        #expect(head == 1)
        try fixture.append([AuditEvent(.serviceStopped)])
        #expect(try fixture.verify().isSound)
    }

    @Test func aChangeFallsWhenItsEventCannotBeWritten() throws {
        let fixture = try AuditFixture()
        try fixture.pool.write { try $0.execute(sql: "CREATE TABLE work (id INTEGER)") }
        try fixture.pool.write { try $0.execute(sql: "ALTER TABLE audit_record RENAME TO audit_record_gone") }
        #expect(throws: DatabaseError.self) {
            try fixture.pool.write { db in
                try db.execute(sql: "INSERT INTO work VALUES (1)")
                try AuditLog.append(AuditEvent(.instanceReceived), in: db)
            }
        }
        #expect(try fixture.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM work") } == 0)
    }

    @Test(arguments: [
        "UPDATE audit_record SET outcome = 0", "DELETE FROM audit_record",
        "DELETE FROM audit_record WHERE sequence = 3",
        "INSERT OR REPLACE INTO audit_record (sequence, time, event, outcome, hash) VALUES (2, 0, 1, 0, x'00')",
        "INSERT INTO audit_record (sequence, time, event, outcome, hash) VALUES (99, 0, 1, 0, x'00')",
        "UPDATE audit_head SET sequence = 1", "DELETE FROM audit_head", "UPDATE audit_log SET identifier = 'x'",
        "DELETE FROM audit_checkpoint", "UPDATE audit_checkpoint SET hash = x'00'", "DELETE FROM audit_key",
        "UPDATE audit_key SET public_key = x'00'", "UPDATE audit_events SET outcome = 'success'",
    ])
    func alterationsAreForbiddenInNormalUse(sql: String) throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 1)
        try fixture.append(maker.events(5))
        try fixture.sign()
        #expect(throws: DatabaseError.self) { try fixture.pool.write { try $0.execute(sql: sql) } }
        #expect(try fixture.verify().isSound)
    }

    @Test func commitsReachTheDiskBeforeTheyReturn() throws {
        let fixture = try AuditFixture()
        let mode = try fixture.pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        #expect(mode == 2, "FULL")
        let reopened = try AuditDatabase.open(at: fixture.path)
        #expect(try reopened.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
    }

    @Test func theTableOfEventTypesNamesEveryKindOnce() throws {
        #expect(EventDefinition.table.map(\.kind) == EventKind.allCases)
        #expect(Set(EventDefinition.table.map(\.name)).count == EventKind.allCases.count)
        #expect(Set(EventDefinition.table.map(\.identifier)) == Set(EventIdentifier.allCases))
        let fixture = try AuditFixture()
        let stored = try fixture.pool.read {
            try Int.fetchAll($0, sql: "SELECT code FROM audit_event_type ORDER BY code")
        }
        #expect(stored == EventKind.allCases.map(\.rawValue))
    }

    @Test func aReaderSeesItsSnapshotWhileTheWriterGoesOn() throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 2)
        try fixture.append(maker.events(10))
        try fixture.pool.read { db in
            #expect(try AuditLog.head(in: db).sequence == 10)
            // The writer is not held up by this open snapshot: a deadlock would end in a busy error.
            try fixture.append(maker.events(10))
            #expect(try AuditLog.head(in: db).sequence == 10)
            #expect(try AuditVerifier().verify(db).recordCount == 10)
        }
        #expect(try fixture.pool.read { try AuditLog.head(in: $0).sequence } == 20)
    }

    @Test func aDatabaseWithoutALogIsNamedAsSuch() throws {
        let fixture = try AuditFixture()
        let path = fixture.directory.url.appendingPathComponent("other.sqlite").path
        #expect(throws: AuditError.notAnAuditDatabase(path: path)) { try AuditDatabase.open(at: path) }
        let pool = try DatabasePool(path: path)
        #expect(throws: AuditError.notAnAuditDatabase(path: path)) { try AuditDatabase.open(at: path) }
        #expect(throws: AuditError.notAnAuditDatabase(path: path)) {
            try pool.write { try AuditLog.append(AuditEvent(.serviceStarted), in: $0) }
        }
    }
}
