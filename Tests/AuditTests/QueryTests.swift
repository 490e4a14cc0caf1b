import Foundation
import GRDB
import Testing

@testable import Audit

struct QueryTests {
    private let person = Person(user: "officer", host: "desk", process: "test")

    /// A log of random events, and the same events as the plain list to compare answers with.
    private func makeLog(seed: UInt64, count: Int = 400) throws -> (AuditFixture, [AuditRecord]) {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: seed)
        try fixture.append(maker.events(count))
        let records = try fixture.read { db in
            try Row.fetchAll(db, sql: "SELECT \(AuditRecord.columns) FROM audit_record ORDER BY time, sequence")
                .map(AuditRecord.init)
        }
        return (fixture, records)
    }

    private func matches(_ record: AuditRecord, _ query: AuditQuery) -> Bool {
        let event = record.event
        return (query.patient == nil || event.patient?.identifier == query.patient)
            && (query.study == nil || event.study?.uid == query.study)
            && (query.accession == nil || event.study?.accession == query.accession)
            && (query.aeTitle == nil || event.source?.aeTitle == query.aeTitle
                || event.destination?.aeTitle == query.aeTitle)
            && (query.person == nil || event.person?.user == query.person)
            && (query.kinds.isEmpty || query.kinds.contains(event.kind))
            && (query.outcomes.isEmpty || query.outcomes.contains(event.outcome))
            && (query.from.map { record.time >= $0 } ?? true) && (query.until.map { record.time < $0 } ?? true)
    }

    private func randomQuery(_ maker: inout EventMaker, _ records: [AuditRecord]) -> AuditQuery {
        var query = AuditQuery()
        // The criteria come from a record of the log, so that most answers are not empty.
        let model = records[maker.number(records.count) - 1].event
        func chance() -> Bool { maker.number(4) == 1 }
        if chance() { query.patient = model.patient?.identifier }
        if chance() { query.study = model.study?.uid }
        if chance() { query.accession = model.study?.accession }
        if chance() { query.aeTitle = maker.number(2) == 1 ? model.source?.aeTitle : model.destination?.aeTitle }
        if chance() { query.person = model.person?.user }
        if chance() { query.kinds = [model.kind, .serviceStarted] }
        if chance() { query.outcomes = maker.number(2) == 1 ? [model.outcome] : [.minorFailure, .seriousFailure] }
        if chance() { query.from = records[maker.number(records.count) - 1].time }
        if chance() { query.until = records[maker.number(records.count) - 1].time }
        query.newestFirst = maker.number(2) == 1
        query.limit = maker.number(40)
        return query
    }

    @Test func everyCombinationOfCriteriaFindsExactlyWhatMatchesPageByPage() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let (fixture, records) = try makeLog(seed: seed)
        var maker = EventMaker(seed: seed &+ 1)
        for _ in 0..<300 {
            var query = randomQuery(&maker, records)
            let expected = records.filter { matches($0, query) }.map(\.sequence)
            var found: [Int64] = []
            try fixture.read { db in
                while true {
                    let page = try AuditReader.page(query, through: .max, in: db)
                    found += page.records.map(\.sequence)
                    #expect(page.records.count <= query.limit)
                    guard let next = page.next else { break }
                    query.after = AuditQuery.Cursor(next.description)
                }
            }
            #expect(found == (query.newestFirst ? expected.reversed() : expected), "seed \(seed): \(query.criteria)")
        }
    }

    @Test func aCriterionNamedTwiceDoesNotFindRecordsTwice() throws {
        let (fixture, records) = try makeLog(seed: 18)
        for query in [
            AuditQuery(kinds: [.studyRead, .studyRead], limit: 400),
            AuditQuery(outcomes: [.minorFailure, .seriousFailure, .minorFailure], limit: 400),
        ] {
            let found = try fixture.read { try AuditReader.page(query, through: .max, in: $0).records }
            #expect(found.map(\.sequence).sorted() == records.filter { matches($0, query) }.map(\.sequence).sorted())
        }
    }

    @Test func noPageOfAnIndexedQueryNeedsASort() throws {
        let (fixture, _) = try makeLog(seed: 1)
        let cursor = AuditQuery.Cursor("1750000000000000-5")
        for query in [
            AuditQuery(), AuditQuery(patient: "P1"), AuditQuery(study: "1"), AuditQuery(accession: "A"),
            AuditQuery(aeTitle: "CR"), AuditQuery(person: "x"), AuditQuery(kinds: [.studyRead, .resultCreated]),
            AuditQuery(outcomes: [.minorFailure, .seriousFailure]), AuditQuery(text: "effusion"),
            AuditQuery(patient: "P1", kinds: [.studyRead], after: cursor),
            AuditQuery(aeTitle: "CR", newestFirst: false, after: cursor),
        ] {
            let sql = try query.page(through: .max)
            let plan = try fixture.read { db in
                try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql.text)", arguments: sql.arguments).map {
                    $0["detail"] as String
                }
            }
            #expect(
                !plan.contains {
                    $0.contains("TEMP B-TREE") || $0.hasPrefix("SCAN audit_record") && query != AuditQuery()
                },
                "\(query.criteria): \(plan)")
        }
    }

    @Test func textFindsWordsPhrasesAndBeginnings() throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 3)
        try fixture.append([
            AuditEvent(.associationRefused, description: "calling AE title not known"),
            AuditEvent(.studyRead, study: Study(uid: "1.2"), provenance: maker.provenance()),
            AuditEvent(.deliveryRetried, description: "connection refused by PACS"),
            AuditEvent(.instanceReceived, patient: Patient(identifier: "1", name: "Müller^Jörg")),
        ])
        let reader = AuditReader(pool: fixture.pool, person: person)
        func find(_ text: String) throws -> [Int64] {
            try reader.records(matching: AuditQuery(text: text)).records.map(\.sequence).filter { $0 <= 4 }
        }
        #expect(try find("refused") == [3])
        #expect(try find("effusion") == [2])
        #expect(try find("\"left effusion\"") == [2])
        #expect(try find("\"effusion left\"") == [])
        #expect(try find("effusion pneumothorax") == [2])
        #expect(try find("conn*") == [3])
        #expect(try find("muller") == [4], "diacritics do not matter")
        #expect(try find("AND OR NOT ( ^ : title") == [], "operators are words")
        #expect(throws: AuditError.self) { try find("\"*\"") }
        // Found after a rebuild as before it, and not found once sealed away.
        try AuditTextIndex.rebuild(fixture.pool)
        #expect(try find("conn*") == [3])
    }

    @Test func everyReadingIsRecordedWithThePersonBeforeItAnswers() throws {
        let (fixture, _) = try makeLog(seed: 4, count: 30)
        let reader = AuditReader(pool: fixture.pool, person: person)
        let before = try fixture.read { try AuditLog.head(in: $0).sequence }
        let page = try reader.records(matching: AuditQuery(patient: "P1", limit: 100))
        _ = try reader.counts(by: .event, matching: AuditQuery(), zone: .gmt)
        _ = try reader.story(of: "1.2.3.1")
        _ = try reader.turnaround(from: nil, until: nil, zone: .gmt)
        _ = try reader.verify(AuditVerifier())
        try reader.export(matching: AuditQuery(), to: "file", pseudonymised: true) { _ in }
        #expect(!page.records.contains { $0.sequence > before }, "an answer does not contain its own question")
        let events = try fixture.read { db in
            try (before + 1...before + 6).compactMap { try AuditLog.record($0, in: db)?.event }
        }
        #expect(events.map(\.description) == ["query", "count", "story", "summary", "verify", "export"])
        #expect(events.allSatisfy { $0.kind.definition.identifier == .auditLogUsed })
        #expect(events.allSatisfy { $0.person == person })
        #expect(events[0].objects.first?.details == ["patient": "P1"])
        #expect(events[0].patient?.identifier == "P1")
        #expect(events[5].objects.first?.details == ["destination": "file", "pseudonymised": "true"])
    }

    @Test func aReadingThatCannotBeRecordedIsRefused() throws {
        let (fixture, _) = try makeLog(seed: 5, count: 10)
        try fixture.pool.write {
            try $0.execute(
                sql: """
                    CREATE TRIGGER full BEFORE INSERT ON audit_record BEGIN SELECT RAISE(ABORT, 'disk full'); END
                    """)
        }
        let reader = AuditReader(pool: fixture.pool, person: person)
        #expect(throws: DatabaseError.self) { try reader.records(matching: AuditQuery()) }
        #expect(throws: DatabaseError.self) { try reader.story(of: "1.2.3.1") }
    }

    @Test func countsAddUp() throws {
        let (fixture, records) = try makeLog(seed: 6)
        let reader = AuditReader(pool: fixture.pool, person: person)
        for dimension in AuditReader.Dimension.allCases {
            let query = AuditQuery(until: AuditTime.now, text: nil)
            let counts = try reader.counts(by: dimension, matching: query, zone: .gmt)
            // The readings of this test are newer than the events, which lie in the past, but older than "now".
            let total = counts.map(\.count).reduce(0, +)
            #expect(total >= records.count, "\(dimension)")
        }
        let failures = try reader.counts(
            by: .outcome, matching: AuditQuery(outcomes: [.seriousFailure]), zone: .gmt)
        #expect(failures.map(\.value) == ["serious-failure"])
        #expect(failures.first?.count == records.count { $0.event.outcome == .seriousFailure })
        let byEvent = try reader.counts(by: .event, matching: AuditQuery(patient: "P1"), zone: .gmt)
        for (name, count) in byEvent where name != "audit-log-read" {
            let expected = records.count {
                $0.event.patient?.identifier == "P1" && $0.event.kind.definition.name == name
            }
            #expect(count == expected)
        }
    }

    @Test func turnaroundIsFromTheFirstInstanceToTheFirstDelivery() throws {
        let fixture = try AuditFixture()
        let midnight = try #require(AuditTime("2026-03-01", in: .gmt)).microseconds
        func at(_ seconds: Int64) -> AuditTime { AuditTime(microseconds: midnight + seconds * 1_000_000) }
        var events: [AuditEvent] = []
        // Twenty studies of CR1 that take 1 to 20 s; their second images and second deliveries must not count.
        for number in 1...20 as ClosedRange<Int64> {
            let study = Study(uid: "1.\(number)")
            let start = number * 100
            events += [
                AuditEvent(.instanceReceived, at: at(start), source: Participant(aeTitle: "CR1"), study: study),
                AuditEvent(.instanceReceived, at: at(start + 1), source: Participant(aeTitle: "CR9"), study: study),
                AuditEvent(.resultDelivered, at: at(start), outcome: .minorFailure, study: study),
                AuditEvent(.resultDelivered, at: at(start + number), study: study),
                AuditEvent(.resultDelivered, at: at(start + 90), study: study),
            ]
        }
        events.append(
            AuditEvent(
                .instanceReceived, at: at(-10), source: Participant(aeTitle: "CR1"), study: Study(uid: "2.1")))
        try fixture.append(events)
        let reader = AuditReader(pool: fixture.pool, person: person)
        #expect(
            try reader.turnaround(from: nil, until: nil, zone: .gmt) == [
                Turnaround(
                    source: "CR1", day: "2026-02-28", received: 1, delivered: 0, p50Seconds: nil, p95Seconds: nil),
                Turnaround(
                    source: "CR1", day: "2026-03-01", received: 20, delivered: 20, p50Seconds: 10, p95Seconds: 19),
            ])
        #expect(try reader.turnaround(from: at(0), until: nil, zone: .gmt).map(\.received) == [20])
        let amsterdam = try #require(TimeZone(identifier: "Europe/Amsterdam"))
        #expect(try reader.turnaround(from: nil, until: nil, zone: amsterdam).map(\.day) == ["2026-03-01"])
        let viewed = try fixture.read {
            try Double.fetchAll($0, sql: "SELECT seconds FROM audit_turnaround WHERE seconds IS NOT NULL ORDER BY 1")
        }
        #expect(viewed == (1...20).map(Double.init))
    }

    @Test func theStoryOfAStudyTellsHowItsReadingCameAbout() throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 7)
        let study = Study(uid: "1.2.3", accession: "A7")
        try fixture.append([
            AuditEvent(
                .instanceReceived, source: Participant(aeTitle: "CR1", host: "10.0.0.7"),
                patient: Patient(identifier: "P7", name: "Doe^Jane\u{1B}[2J"), study: study),
            AuditEvent(.instanceReceived, study: Study(uid: "9.9", accession: "A8")),
            AuditEvent(.studyRead, study: study, provenance: maker.provenance()),
            AuditEvent(.deliveryRetried, outcome: .minorFailure, description: "refused", study: study),
            AuditEvent(.resultDelivered, destination: Participant(aeTitle: "PACS"), study: study),
        ])
        let reader = AuditReader(pool: fixture.pool, person: person)
        for identifier in ["1.2.3", "A7"] {
            let story = try reader.story(of: identifier)
            #expect(story.records.map(\.sequence) == [1, 3, 4, 5])
            let text = story.text(in: .gmt)
            for part in [
                "Patient    P7", "from CR1 at 10.0.0.7", "model reader 2.1, weights cafe", "seed 7", "temperature 0",
                "input 1.2.3.9 PA  sha256 ab12", "prompt: Describe the chest radiograph.", "| Small left effusion.",
                "finding pleural effusion: present, p=0.83, box 10.5 20.0 300.2 400.0",
                "dropped \"See prior.\": refers to an image", "result 2.25.1  sha256 beef", "[minor-failure]",
                "to PACS", "Times      GMT",
            ] {
                #expect(text.contains(part), "\(part) is not in:\n\(text)")
            }
            #expect(!text.contains("\u{1B}"), "a sender's escape codes do not reach the terminal")
            let json = try JSONSerialization.jsonObject(with: Data(try story.json(zone: nil).utf8)) as? [[String: Any]]
            #expect(
                json?.map { $0["event"] as? String } == [
                    "instance-received", "study-read", "delivery-retried", "result-delivered",
                ])
            let model = (json?[1]["provenance"] as? [String: Any])?["model"] as? [String: Any]
            #expect(model?["weightsSHA256"] as? String == "cafe")
        }
        #expect(try reader.story(of: "1.2.3").logReadCount == 1, "one story was asked for by UID before")
        #expect(try reader.story(of: "none").records.isEmpty)
    }

    @Test func viewsShowWhatTheirColumnsSay() throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 8)
        try fixture.append([
            AuditEvent(
                .studyRead, at: AuditTime(microseconds: 1_772_349_330_250_000), outcome: .minorFailure,
                study: Study(uid: "1.2"), provenance: maker.provenance())
        ])
        try fixture.sign()
        try fixture.read { db in
            let event = try #require(try Row.fetchOne(db, sql: "SELECT * FROM audit_events WHERE sequence = 1"))
            #expect(event["time_utc"] == "2026-03-01T07:15:30.250000Z")
            #expect(event["event"] == "study-read")
            #expect(event["event_id"] == "110103")
            #expect(event["outcome"] == "minor-failure")
            let reading = try #require(try Row.fetchOne(db, sql: "SELECT * FROM audit_readings"))
            #expect(reading["model"] == "reader")
            #expect(reading["weights_sha256"] == "cafe")
            #expect(reading["duration_ms"] == 5120)
            #expect(reading["succeeded"] == 0)
            #expect(
                try Row.fetchOne(db, sql: "SELECT * FROM audit_checkpoints")?["key"]
                    == fixture.key.publicKey.fingerprint)
        }
    }
}
