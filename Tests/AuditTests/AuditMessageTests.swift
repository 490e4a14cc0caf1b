import Cryptography
import Foundation
import GRDB
import Testing

@testable import Audit

struct AuditMessageTests {
    private let source = AuditSource(
        sourceID: "CXRGateway", enterpriseSiteID: "St. <Elsewhere>", host: "gateway", process: "1")

    private func message(
        _ event: AuditEvent, pseudonymiser: Pseudonymiser? = nil
    ) throws -> (AuditMessage, AuditFixture) {
        let fixture = try AuditFixture()
        try fixture.append([event])
        let record = try #require(try fixture.pool.read { try AuditLog.record(1, in: $0) })
        return (AuditMessage(record, log: "log", source: source, pseudonymiser: pseudonymiser), fixture)
    }

    @Test func everyMessageIsValidAgainstTheStandardsSchema() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var maker = EventMaker(seed: seed)
        let fixture = try AuditFixture()
        try fixture.append(EventKind.allCases.flatMap { kind in (0..<6).map { _ in maker.event(kind) } })
        try fixture.append(EventKind.allCases.map { AuditEvent($0) })
        let page = try fixture.pool.read {
            try AuditReader.page(AuditQuery(limit: 10_000), through: .max, in: $0)
        }
        #expect(page.records.count == EventKind.allCases.count * 7)
        var files: [URL] = []
        for pseudonymiser in [nil, try Pseudonymiser(key: SecureRandom.bytes(32))] {
            for record in page.records {
                let xml = AuditMessage(record, log: "log", source: source, pseudonymiser: pseudonymiser).xml
                let file = fixture.directory.url.appendingPathComponent("\(files.count).xml")
                try Data(xml.utf8).write(to: file)
                files.append(file)
            }
        }
        let output = try Tool.validate(files)
        #expect(output.status == 0, "seed \(seed): \(output.text.suffix(2000))")
    }

    @Test func theSchemaRefusesWhatTheStandardDoes() throws {
        let (message, fixture) = try message(AuditEvent(.instanceReceived, study: Study(uid: "1.2.3")))
        let file = fixture.directory.url.appendingPathComponent("broken.xml")
        for (part, replacement) in [
            ("EventOutcomeIndicator=\"0\"", "EventOutcomeIndicator=\"1\""), ("EventDateTime=\"", "EventDateTime=\"on "),
            ("UserIsRequestor=\"true\"", ""), ("<ParticipantObjectName></ParticipantObjectName>", ""),
        ] {
            let broken = message.xml.replacing(part, with: replacement)
            try #require(broken != message.xml, "\(part) is not in \(message.xml)")
            try Data(broken.utf8).write(to: file)
            #expect(try Tool.validate([file]).status != 0, "\(part)")
        }
    }

    /// What libxml2 reads at a path, independent of our writer.
    private func value(_ path: String, of message: AuditMessage, _ fixture: AuditFixture) throws -> String {
        let file = fixture.directory.url.appendingPathComponent("message.xml")
        try Data(message.xml.utf8).write(to: file)
        return try Tool.run("xmllint", package: "libxml2-utils", ["--xpath", "string(\(path))", file.path]).text
            .trimmingCharacters(in: .newlines)
    }

    @Test func aReceptionSaysWhoSentWhatToWhom() throws {
        let event = AuditEvent(
            .instanceReceived, source: Participant(aeTitle: "CR1", host: "10.0.0.7"),
            destination: Participant(aeTitle: "CXRGATE", host: "gateway", process: "4711"),
            patient: Patient(identifier: "P<1>", name: "Doe^Jane"),
            study: Study(
                uid: "1.2.3", accession: "A1",
                sopClasses: [.init(uid: "1.2.840.10008.5.1.4.1.1.1.1", instanceCount: 1, instances: ["1.2.3.4"])]))
        let (message, fixture) = try message(event)
        for (path, expected) in [
            ("//EventID/@csd-code", "110104"), ("//EventID/@codeSystemName", "DCM"),
            ("//EventIdentification/@EventActionCode", "C"),
            ("//ActiveParticipant[RoleIDCode/@csd-code=110153]/@UserID", "CR1"),
            ("//ActiveParticipant[RoleIDCode/@csd-code=110153]/@UserIsRequestor", "true"),
            ("//ActiveParticipant[RoleIDCode/@csd-code=110153]/@NetworkAccessPointTypeCode", "2"),
            ("//ActiveParticipant[RoleIDCode/@csd-code=110152]/@UserID", "4711"),
            ("//ActiveParticipant[RoleIDCode/@csd-code=110152]/@AlternativeUserID", "AETITLES=CXRGATE"),
            ("//ActiveParticipant[RoleIDCode/@csd-code=110152]/@NetworkAccessPointTypeCode", "1"),
            ("count(//ActiveParticipant[@UserIsRequestor='true'])", "1"),
            ("//AuditSourceIdentification/@AuditEnterpriseSiteID", "St. <Elsewhere>"),
            (
                "//ParticipantObjectIdentification[ParticipantObjectIDTypeCode/@csd-code=110180]/@ParticipantObjectID",
                "1.2.3"
            ),
            ("//Accession/@Number", "A1"), ("//SOPClass/@NumberOfInstances", "1"), ("//Instance/@UID", "1.2.3.4"),
            ("//ParticipantObjectIdentification[@ParticipantObjectTypeCodeRole=1]/@ParticipantObjectID", "P<1>"),
            ("//ParticipantObjectIdentification[@ParticipantObjectTypeCodeRole=1]/ParticipantObjectName", "Doe^Jane"),
        ] {
            #expect(try value(path, of: message, fixture) == expected, "\(path)")
        }
    }

    @Test func controlCharactersNeverBreakTheDocument() throws {
        let scalars = (0...0x2FF).compactMap(Unicode.Scalar.init) + ["\u{FFFE}", "\u{FFFF}", "\u{1F600}"]
        let text = String(String.UnicodeScalarView(scalars))
        let (message, fixture) = try message(
            AuditEvent(.securityAlert, description: text, person: Person(user: text), details: ["text": text]))
        let file = fixture.directory.url.appendingPathComponent("message.xml")
        try Data(message.xml.utf8).write(to: file)
        let output = try Tool.validate([file])
        #expect(output.status == 0, "\(output.text)")
        #expect(!message.xml.contains("\n"))
        let detail = try value("//ParticipantObjectDetail[@type='text']/@value", of: message, fixture)
        #expect(Data(base64Encoded: detail) == Data(text.utf8), "details keep every byte")
    }

    @Test func aPseudonymisedMessageDoesNotNameThePatient() throws {
        let key = try SecureRandom.bytes(32)
        let event = AuditEvent(
            .studyRead, description: "Jane Doe, ID 4711007, was read", person: Person(user: "nurse"),
            patient: Patient(identifier: "4711007", name: "Doe^Jane"),
            study: Study(uid: "1.2.3", accession: "ACC-99"),
            objects: [
                ParticipantObject(
                    .auditLog, identifier: "log",
                    details: ["patient": "4711007", "text": "doe", "study": "ACC-99", "accession": "ACC-99"])
            ],
            details: ["note": "order ACC-99 of Doe"])
        let (message, _) = try message(event, pseudonymiser: try Pseudonymiser(key: key))
        let decoded = message.xml.matches(of: /value="([^"]+)"/).map { match in
            Data(base64Encoded: String(match.1)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let all = message.xml + decoded.joined(separator: "\n")
        for secret in ["4711007", "Doe", "Jane", "ACC-99", ">doe<"] { #expect(!all.contains(secret), "\(secret)") }
        let pseudonym = "p-" + HMACSHA256.authenticate("4711007", key: key).hex.prefix(20)
        #expect(message.xml.contains("ParticipantObjectID=\"\(pseudonym)\""))
        #expect(message.xml.contains("nurse"), "who did it is not a secret")
        #expect(throws: CryptographyError.self) { try Pseudonymiser(key: [1, 2, 3]) }
    }

    @Test func syslogHeadersFollowRFC5424() throws {
        let fixture = try AuditFixture()
        try fixture.append([
            AuditEvent(.serviceStarted, at: AuditTime(microseconds: 1_772_349_330_250_000)),
            AuditEvent(.deliveryAbandoned, outcome: .seriousFailure),
        ])
        let records = try fixture.pool.read { db in
            try (1...2).compactMap { try AuditLog.record($0, in: db) }
        }
        let source = AuditSource(sourceID: "x", host: "höst name", process: "")
        let first = SyslogMessage(records[0], log: "L", source: source)
        let text = String(decoding: first.bytes, as: UTF8.self)
        let header = """
            <85>1 2026-03-01T07:15:30.250000Z hstname cxrgate - DICOM+RFC3881 \
            [record@32473 log="L" sequence="1" sha256="\(records[0].hash.hex)"] \u{FEFF}<?xml
            """
        #expect(text.unicodeScalars.starts(with: header.unicodeScalars))
        #expect(
            String(decoding: first.frame, as: UTF8.self).unicodeScalars.starts(
                with: "\(first.bytes.count) <85>".unicodeScalars))
        #expect(
            String(decoding: SyslogMessage(records[1], log: "L", source: source).bytes, as: UTF8.self).hasPrefix(
                "<83>1 "))
    }
}
