import Cryptography
import Foundation
import GRDB
import TestSupport

@testable import Audit

/// A log of its own for one test.
final class AuditFixture {
    let directory: ScratchDirectory
    let pool: DatabasePool
    let key: Ed25519.SigningKey

    init() throws {
        directory = try ScratchDirectory()
        pool = try AuditDatabase.create(at: directory.url.appendingPathComponent("gateway.sqlite").path)
        key = try Ed25519.SigningKey.generate()
    }

    var path: String { pool.path }

    func append(_ events: [AuditEvent]) throws {
        try pool.write { db in
            for event in events { try AuditLog.append(event, in: db) }
        }
    }

    @discardableResult
    func sign() throws -> HeadStatement? {
        try pool.write { try AuditCheckpoints.sign(with: key, in: $0) }
    }

    func verify(_ verifier: AuditVerifier = AuditVerifier()) throws -> VerificationReport {
        try pool.read { try verifier.verify($0) }
    }

    /// Runs SQL as someone would who wants to alter the log: with the guards out of the way, then back in place.
    func tamper(_ body: (Database) throws -> Void) throws {
        try pool.write { db in
            for guardTrigger in AuditSchema.guards { try db.execute(sql: "DROP TRIGGER \(guardTrigger.name)") }
            try body(db)
            for guardTrigger in AuditSchema.guards { try db.execute(sql: guardTrigger.sql) }
        }
    }
}

/// Random events for tests; every field is set often and left out often.
struct EventMaker {
    var random: SeededGenerator
    private var clock: Int64 = 1_750_000_000_000_000

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func event(_ kind: EventKind? = nil) -> AuditEvent {
        clock += Int64.random(in: 1...5_000_000, using: &random)
        var event = AuditEvent(
            kind ?? EventKind.allCases.randomElement(using: &random) ?? .instanceReceived,
            at: AuditTime(microseconds: clock))
        if chance() { event.outcome = EventOutcome.allCases.randomElement(using: &random) ?? .success }
        if chance() { event.description = text() }
        if chance() {
            event.source = Participant(
                aeTitle: "MODALITY\(number(9))", host: "10.0.0.\(number(250))", process: chance() ? "storescu" : nil)
        }
        if chance() { event.destination = Participant(aeTitle: "PACS\(number(3))", process: chance() ? "4711" : nil) }
        if chance() {
            event.person = Person(
                user: "user\(number(5))", name: chance() ? "Jörg \"Q\" Müller" : nil, role: chance() ? "officer" : nil)
        }
        if chance() {
            event.patient = Patient(
                identifier: "P\(number(50))", issuer: chance() ? "Ward\\3" : nil, name: chance() ? "ΝΤΟΕ^ΤΖΟΝ" : nil)
        }
        if chance() {
            event.study = Study(
                uid: "1.2.3.\(number(40))", accession: chance() ? "A\(number(40))" : nil,
                sopClasses: chance()
                    ? [.init(uid: "1.2.840.10008.5.1.4.1.1.1.1", instanceCount: 2, instances: ["1.2.3.4", "1.2.3.5"])]
                    : [])
        }
        if chance() {
            event.objects = [
                ParticipantObject(.report, identifier: "1.2.\(number(999))", name: chance() ? text() : nil),
                ParticipantObject(.file, identifier: "a/b \t\u{1}", details: ["sha256": "00ff", "bytes": "12"]),
            ]
        }
        if chance() { event.details = ["reason": text(), "status": "A700H"] }
        if event.kind == .studyRead { event.provenance = provenance() }
        return event
    }

    mutating func events(_ count: Int) -> [AuditEvent] {
        (0..<count).map { _ in event() }
    }

    mutating func provenance() -> Provenance {
        Provenance(
            inputs: [.init(sopInstanceUID: "1.2.3.9", sha256: "ab12", view: "PA")],
            model: .init(name: "reader", version: "2.1", weightsSHA256: "cafe"),
            decoding: ["temperature": "0", "maximumTokens": "256"], seed: 7,
            turns: [.init(prompt: "Describe the chest radiograph.", answer: "Small left effusion.\nNo pneumothorax.")],
            findings: [
                .init(term: "pleural effusion", polarity: "present", probability: 0.83, box: [10.5, 20, 300.25, 400])
            ],
            dropped: [.init(text: "See prior.", reason: "refers to an image that was not given")],
            results: [
                .init(sopInstanceUID: "2.25.1", sopClassUID: "1.2.840.10008.5.1.4.1.1.88.33", sha256: "beef")
            ],
            durationMilliseconds: 5120, revision: 1)
    }

    mutating func number(_ limit: Int) -> Int { Int.random(in: 1...limit, using: &random) }

    private mutating func chance() -> Bool { Bool.random(using: &random) }

    private mutating func text() -> String {
        ["refused: no presentation context", "größer als erlaubt", "it's \"quoted\"\nand broken", "out of space"]
            .randomElement(using: &random) ?? ""
    }
}

/// A generator that gives the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
