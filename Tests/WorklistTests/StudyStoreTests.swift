import Foundation
import GRDB
import Testing

@testable import Worklist

@Suite struct StudyStoreTests {
    @Test func theFileIsOpenedSoThatACommitSurvivesAPowerCut() throws {
        let store = try Store()
        let pragmas = try store.pool.writeWithoutTransaction { db in
            try ["synchronous", "foreign_keys", "journal_mode"].map { name in
                try String.fetchOne(db, sql: "PRAGMA \(name)")
            }
        }
        #expect(pragmas == ["2", "1", "wal"])
        let attributes = try FileManager.default.attributesOfItem(atPath: store.path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test func aFileOfALaterVersionIsRefused() throws {
        let store = try Store()
        try store.write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('worklist.99.future')")
        }
        #expect(throws: WorklistError.databaseIsNewer(path: store.path)) { try store.secondPool() }
    }

    @Test func otherModulesShareTheFileWithMigrationsOfTheirOwn() throws {
        let store = try Store()
        func open() throws -> DatabasePool {
            try WorklistDatabase.open(at: store.path) { migrator in
                migrator.registerMigration("other.1") { db in try db.execute(sql: "CREATE TABLE other (id INTEGER)") }
            }
        }
        #expect(try open().read { db in try db.tableExists("other") })
        #expect(try open().read { db in try db.tableExists("other") })
        #expect(try store.secondPool().read { db in try db.tableExists("other") })
    }

    @Test func aFirstInstanceMakesStudySeriesSourceAndInstance() throws {
        let store = try Store()
        let attributes = StudyAttributes(patientID: "P1 ", patientName: "Doe^Jane", studyDescription: "")
        let recorded = try store.write { db in
            try StudyStore.record(.example(attributes: attributes, priority: .high), at: .start, in: db)
        }
        #expect(recorded.outcome == .new && recorded.isNewStudy)
        let study = try #require(try store.pool.read { db in try Study.fetch(studyInstanceUID: "1.2.1", in: db) })
        #expect(study.attributes.patientID == "P1")
        #expect(study.attributes.studyDescription == nil)
        #expect(study.priority == .high && study.state == .assembling && study.quietAt == .seconds(10))
        let instances = try store.pool.read { db in try StudyStore.instances(ofStudy: study.id, in: db) }
        #expect(instances.map(\.sopInstanceUID) == ["1.2.1.1.1"])
        #expect(instances[0].modality == "DX" && instances[0].disposition == .toRead)
    }

    @Test func theSameBytesOnceMoreChangeNothing() throws {
        let store = try Store()
        let first = try store.write { db in try StudyStore.record(.example(), at: .start, in: db) }
        let before = try store.contents()
        let again = try store.write { db in
            try StudyStore.record(.example(association: "a2"), at: .seconds(500), in: db)
        }
        #expect(again.outcome == .duplicate && again.instanceID == first.instanceID)
        #expect(try store.contents() == before)
    }

    @Test func otherBytesUnderTheSameUIDAreQuarantinedAndLeaveTheFirstCurrent() throws {
        let store = try Store()
        try store.write { db in
            try StudyStore.record(.example(), at: .start, in: db)
            let newcomer = try StudyStore.record(.example(bytes: 1, association: "a"), at: .seconds(99), in: db)
            #expect(newcomer.outcome == .conflict)
            #expect(newcomer.disposition.reason != nil)
            let repeated = try StudyStore.record(.example(bytes: 1), at: .seconds(100), in: db)
            #expect(repeated.outcome == .conflict && repeated.instanceID == newcomer.instanceID)
            let current = try #require(try StudyStore.instance(sopInstanceUID: "1.2.1.1.1", in: db))
            #expect(current.sha256 == digest(1_001_000))
            let study = try #require(try Study.fetch(studyInstanceUID: "1.2.1", in: db))
            #expect(study.quietAt == .seconds(10), "a quarantined newcomer must not hold the study up")
            #expect(try db.int("SELECT count(*) FROM hold") == 0)
        }
    }

    @Test func theDatabaseItselfAdmitsOneCurrentInstancePerUID() throws {
        let store = try Store()
        try store.write { db in
            try StudyStore.record(.example(), at: .start, in: db)
            try StudyStore.record(.example(bytes: 1), at: .start, in: db)
        }
        #expect(throws: DatabaseError.self) {
            try store.write { db in
                try db.execute(sql: "UPDATE instance SET disposition = 'toRead', quarantineReason = NULL")
            }
        }
    }

    @Test func aResultOfOursIsRecognisedWhateverTheCallerSays() throws {
        let store = try Store()
        let item = try store.queuedItem()
        let recorded = try store.write { db in
            let result = NewResult.example(5)
            _ = try ResultStore.record(result, for: item, at: .start, in: db)
            var returning = ReceivedInstance.example(number: 9, association: "a")
            returning.sopInstanceUID = result.sopInstanceUID
            return try StudyStore.record(returning, at: .seconds(50), in: db)
        }
        #expect(recorded.disposition == .ownResult)
        let study = try store.pool.read { db in try Study.fetch(id: recorded.studyID, in: db) }
        #expect(study.state == .queued && study.quietAt == nil)
    }

    @Test func contradictingDemographicsAreFlaggedForAPerson() throws {
        let store = try Store()
        try store.write { db in
            let first = StudyAttributes(patientID: "P1", patientName: "DOE^JANE")
            try StudyStore.record(.example(attributes: first), at: .start, in: db)
            let spelling = StudyAttributes(patientID: "P1", patientName: "Doe^Jane", patientBirthDate: "19500101")
            #expect(
                try !StudyStore.record(.example(number: 2, attributes: spelling), at: .start, in: db).demographicsDiffer
            )
            let other = StudyAttributes(patientID: "P2")
            #expect(
                try StudyStore.record(.example(number: 3, attributes: other), at: .start, in: db).demographicsDiffer)
            let study = try #require(try Study.fetch(studyInstanceUID: "1.2.1", in: db))
            #expect(study.demographicsDiffer)
            #expect(study.attributes.patientID == "P1" && study.attributes.patientBirthDate == "19500101")
        }
    }

    @Test func theSameUnparsableFileTwiceIsOneEntry() throws {
        let store = try Store()
        for second in [1.0, 2.0] {
            try store.write { db in
                try StudyStore.recordQuarantinedFile(
                    path: "quarantine/x", byteCount: 12, sha256: digest(1), reason: "not DICOM",
                    source: Source(aeTitle: "ODD", address: "10.0.0.9"), at: .seconds(second), in: db)
            }
        }
        let entries = try store.pool.read { db in try Listings.quarantine(in: db) }
        #expect(entries.map(\.receivedAt) == [.seconds(2)])
    }

    @Test(arguments: ["", "AB", String(repeating: "G", count: 64), String(repeating: "é", count: 64)])
    func aDigestThatIsNoneIsRefused(sha256: String) throws {
        let store = try Store()
        var received = ReceivedInstance.example()
        received.sha256 = sha256
        #expect(throws: WorklistError.self) {
            try store.write { db in try StudyStore.record(received, at: .start, in: db) }
        }
        #expect(try store.contents()["source"]?.isEmpty == true)
    }

    @Test func twoProcessesThatReceiveTheSameInstancesKeepEachOnce() async throws {
        let store = try Store()
        let pools = [store.pool, try store.secondPool(), try store.secondPool()]
        let outcomes = try await withThrowingTaskGroup(of: [RecordOutcome].self) { group in
            for (index, pool) in pools.enumerated() {
                group.addTask {
                    try (1...40).map { number in
                        let received = ReceivedInstance.example(
                            study: number % 4, number: number,
                            source: Source(aeTitle: "DX\(index)", address: "10.0.0.1"))
                        return try pool.write { db in try StudyStore.record(received, at: .start, in: db) }.outcome
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(outcomes.filter { $0 == .new }.count == 40)
        #expect(outcomes.filter { $0 == .duplicate }.count == 80)
        let counts = try await store.pool.read { db in
            try [
                "SELECT count(*) FROM instance", "SELECT sum(instanceCount) FROM source", "SELECT count(*) FROM study",
            ]
            .map { sql in try db.int(sql) }
        }
        #expect(counts == [40, 40, 4])
    }
}
