import Cryptography
import Foundation
import GRDB
import Testing

@testable import Audit

struct KeyTests {
    @Test func aRotatedKeyIsBelievedBecauseItsPredecessorSaysSo() throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 31)
        try fixture.append(maker.events(5))
        try fixture.sign()
        let next = try Ed25519.SigningKey.generate()
        try fixture.pool.write {
            try AuditKeys.rotate(from: fixture.key, to: next.publicKey, person: Person(user: "admin"), in: $0)
        }
        #expect(throws: AuditError.self) { try fixture.sign() }
        try fixture.append(maker.events(5))
        _ = try fixture.pool.write { try AuditCheckpoints.sign(with: next, in: $0) }
        let report = try fixture.verify(AuditVerifier(trustedKeys: [fixture.key.publicKey]))
        #expect(report.isSound)
        #expect(report.isAnchoredInTrustedKey)
        #expect(report.checkpointCount == 2)
        #expect(report.presentKey == next.publicKey.fingerprint)
        #expect(throws: AuditError.self) {
            try fixture.pool.write { try AuditKeys.rotate(from: next, to: fixture.key.publicKey, person: nil, in: $0) }
        }
        try fixture.tamper {
            try $0.execute(sql: "UPDATE audit_key SET endorsement = randomblob(64) WHERE endorsed_by IS NOT NULL")
        }
        #expect(try fixture.verify().faults.contains { $0.sort == .untrustedKey })
    }

    @Test func aKeyThatReplacesALostOneMustBeTrustedByName() throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 32)
        try fixture.append(maker.events(5))
        try fixture.sign()
        let next = try Ed25519.SigningKey.generate()
        try fixture.pool.write { try AuditKeys.replaceLost(with: next.publicKey, person: nil, in: $0) }
        _ = try fixture.pool.write { try AuditCheckpoints.sign(with: next, in: $0) }
        #expect(try fixture.verify().faults.contains { $0.sort == .untrustedKey })
        let keys = [fixture.key.publicKey, next.publicKey]
        #expect(try fixture.verify(AuditVerifier(trustedKeys: keys)).isSound)
    }

    @Test func theKeeperSignsAtStartOnScheduleAndAtStop() async throws {
        let fixture = try AuditFixture()
        let headFile = fixture.directory.url.appendingPathComponent("head")
        let keeper = AuditKeeper(
            pool: fixture.pool, key: fixture.key, headFile: headFile,
            schedule: .init(records: 10, interval: .seconds(3600)))
        try fixture.append([AuditEvent(.serviceStarted)])
        #expect(try await keeper.sign()?.position.sequence == 2, "the event and the key's introduction")
        try fixture.append((0..<9).map { _ in AuditEvent(.instanceReceived) })
        try await keeper.tick()
        #expect(try fixture.read { try AuditCheckpoints.latest(in: $0)?.position.sequence } == 2)
        try fixture.append([AuditEvent(.instanceReceived, description: "the tenth")])
        try await keeper.tick()
        #expect(try fixture.read { try AuditCheckpoints.latest(in: $0)?.position.sequence } == 12)
        let running = Task { try await keeper.run(every: .milliseconds(10)) }
        try await Task.sleep(for: .milliseconds(50))
        try fixture.append([AuditEvent(.serviceStopped)])
        running.cancel()
        try await running.value
        let head = try HeadStatement(contentsOf: headFile)
        #expect(head.position.sequence == 13)
        #expect(head.isSigned(by: fixture.key.publicKey))
        #expect(try fixture.verify(AuditVerifier(trustedKeys: [fixture.key.publicKey], exportedHeads: [head])).isSound)
    }
}

struct RetentionTests {
    private func makeLog(_ seed: UInt64) throws -> (AuditFixture, AuditRetention, URL) {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: seed)
        for _ in 0..<4 {
            try fixture.append(maker.events(50))
            try fixture.sign()
        }
        let segments = fixture.directory.url.appendingPathComponent("segments")
        return (fixture, AuditRetention(pool: fixture.pool, key: fixture.key, directory: segments), segments)
    }

    @Test func theChainVerifiesWithAndWithoutTheSealedRecords() throws {
        let (fixture, retention, directory) = try makeLog(41)
        let first = try #require(try retention.sealRecords(before: .now, maximumRecords: 60))
        let second = try #require(try retention.sealRecords(before: .now, maximumRecords: 70))
        #expect(first.sequences == 1...60)
        #expect(second.sequences == 61...130)
        #expect(try fixture.read { try Int64.fetchOne($0, sql: "SELECT min(sequence) FROM audit_record") } == 131)

        var report = try fixture.verify(AuditVerifier(trustedKeys: [fixture.key.publicKey]))
        #expect(report.isSound, "\(report.faults)")
        #expect(report.segmentCount == 2)
        #expect(report.checkpointsOutOfSight == 2)
        report = try fixture.verify(
            AuditVerifier(trustedKeys: [fixture.key.publicKey], segmentDirectory: directory))
        #expect(report.isSound, "\(report.faults)")
        #expect(report.segmentFilesRead == 2)
        #expect(report.checkpointsOutOfSight == 0)
        #expect(report.recordCount == report.head?.sequence)
        try fixture.append([AuditEvent(.serviceStopped)])
        #expect(try fixture.verify().isSound)
    }

    @Test func sealedRecordsCanBeReadAgain() throws {
        let (fixture, retention, directory) = try makeLog(46)
        let before = try fixture.read {
            try AuditReader.page(AuditQuery(newestFirst: false, limit: 500), through: .max, in: $0).records
        }
        let segment = try #require(try retention.sealRecords(before: .now, maximumRecords: 100))
        let reader = AuditReader(pool: fixture.pool, person: Person(user: "x"))
        var found: [AuditRecord] = []
        let file = directory.appendingPathComponent(segment.fileName)
        try reader.forEachRecord(inSegment: file) { found.append($0) }
        #expect(found == before.filter { $0.sequence <= 100 }.sorted { $0.sequence < $1.sequence })
        let head = try fixture.read { try AuditLog.record(AuditLog.head(in: $0).sequence, in: $0) }
        #expect(head?.event.objects.first?.details["file"] == file.path, "the reading is recorded")
    }

    @Test func sealingIsItselfRecordedAndLeavesTheTextIndexRight() throws {
        let (fixture, retention, _) = try makeLog(42)
        let reader = AuditReader(pool: fixture.pool, person: Person(user: "x"))
        let before = try reader.records(matching: AuditQuery(text: "space", limit: 1000)).records.map(\.sequence)
        let segment = try #require(
            try retention.sealRecords(before: .now, maximumRecords: 100, person: Person(user: "admin")))
        let after = try reader.records(matching: AuditQuery(text: "space", limit: 1000)).records.map(\.sequence)
        #expect(before.contains { $0 <= 100 })
        #expect(after.filter { $0 <= 204 } == before.filter { $0 > 100 })
        let record = try #require(
            try fixture.read { try AuditReader.page(AuditQuery(kinds: [.auditSegmentSealed]), through: .max, in: $0) }
                .records.first)
        #expect(record.event.person?.user == "admin")
        #expect(record.event.objects.first?.details["sha256"] == segment.fileSHA256)
    }

    @Test func anAlteredSegmentIsFound() throws {
        let (fixture, retention, directory) = try makeLog(43)
        let segment = try #require(try retention.sealRecords(before: .now, maximumRecords: 100))
        let file = directory.appendingPathComponent(segment.fileName)
        let original = try Data(contentsOf: file)
        let verifier = AuditVerifier(segmentDirectory: directory)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            var altered = original
            altered[Int.random(in: 0..<altered.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try altered.write(to: file)
            #expect(!(try fixture.verify(verifier).isSound), "seed \(seed)")
        }
        for length in [0, 5, 100, original.count - 1] {
            try original.prefix(length).write(to: file)
            #expect(!(try fixture.verify(verifier).isSound), "cut to \(length)")
        }
        try FileManager.default.removeItem(at: file)
        #expect(try fixture.verify(verifier).faults.map(\.sort) == [.alteredSegment])
        try original.write(to: file)
        #expect(try fixture.verify(verifier).isSound)
        for column in ["last_hash", "previous_hash"] {
            try fixture.tamper { try $0.execute(sql: "UPDATE audit_segment SET \(column) = randomblob(32)") }
            #expect(try fixture.verify().faults.contains { $0.sort == .alteredSegment })
        }
    }

    @Test func whatARepositoryHasNotHadIsNotSealed() throws {
        let (fixture, retention, _) = try makeLog(44)
        try fixture.pool.write {
            try $0.execute(sql: "INSERT INTO audit_forward VALUES ('arr', 40, 0, 0, NULL)")
        }
        #expect(try retention.sealRecords(before: .now)?.sequences == 1...40)
        #expect(try retention.sealRecords(before: .now) == nil)
        #expect(try retention.sealRecords(before: AuditTime(microseconds: 0)) == nil)
    }

    @Test func aBrokenChainIsNotSealed() throws {
        let (fixture, retention, directory) = try makeLog(45)
        try fixture.tamper { try $0.execute(sql: "UPDATE audit_record SET person = 'nobody' WHERE sequence = 20") }
        #expect(throws: AuditError.self) { try retention.sealRecords(before: .now) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        #expect(try fixture.read { try AuditRetention.segments(in: $0) }.isEmpty)
    }
}
