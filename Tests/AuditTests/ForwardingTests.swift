import Foundation
import GRDB
import Logging
import Testing

@testable import Audit

/// Against Debian's rsyslog.
@Suite(.serialized)
struct ForwardingTests {
    private func forwarder(
        _ fixture: AuditFixture, _ repository: AuditRepository, log: CapturedLog = CapturedLog()
    ) -> AuditForwarder {
        var quick = AuditForwarder.Pace()
        quick.firstPause = .milliseconds(20)
        quick.longestPause = .milliseconds(100)
        quick.idlePause = .milliseconds(20)
        return AuditForwarder(
            pool: fixture.pool, repository: repository, source: .local(sourceID: "CXRGateway"), pace: quick,
            logger: Logger(label: "test", factory: { _ in CapturingHandler(log: log) }))
    }

    private func head(_ fixture: AuditFixture) throws -> Int64 {
        try fixture.read { try AuditLog.head(in: $0).sequence }
    }

    private func status(_ fixture: AuditFixture) throws -> ForwardQueue.Status? {
        try fixture.read { try ForwardQueue.statuses(in: $0).first }
    }

    private func count(_ kind: EventKind, _ fixture: AuditFixture) throws -> Int? {
        try fixture.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM audit_record WHERE event = ?", arguments: [kind.rawValue])
        }
    }

    @Test(arguments: [Rsyslog.Transport.udp, .tls])
    func everyRecordReachesTheRepositoryIntact(transport: Rsyslog.Transport) async throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 21)
        let rsyslog = try Rsyslog(transport, in: fixture.directory.url)
        try await rsyslog.start()
        let forwarder = forwarder(fixture, rsyslog.repository())
        // A socket's buffer holds some fifty datagrams; the system drops more while rsyslog waits for the processor.
        for round in 1...10 {
            try fixture.append(maker.events(30))
            #expect(await forwarder.forwardBatch() == .forwarded(30))
            try await Tool.wait(for: "rsyslog to write") { try rsyslog.received().count >= round * 30 }
        }

        let received = try rsyslog.received()
        #expect(received.map(\.sequence) == Array(1...300))
        let records = try fixture.read { db in
            try AuditReader.page(AuditQuery(newestFirst: false, limit: 1000), through: .max, in: db).records
        }
        let log = try fixture.read { try AuditLog.identifier(in: $0) }
        let bySequence = Dictionary(uniqueKeysWithValues: records.map { ($0.sequence, $0) })
        var files: [URL] = []
        for message in received {
            let record = try #require(bySequence[message.sequence])
            #expect(message.xml == AuditMessage(record, log: log, source: .local(sourceID: "CXRGateway")).xml)
            #expect(message.facility == "authpriv")
            #expect(message.messageID == "DICOM+RFC3881")
            #expect(message.severity == ["notice", "warning", "err", "crit"][record.event.outcome.rawValue / 4])
            let file = fixture.directory.url.appendingPathComponent("received-\(message.sequence).xml")
            try Data(message.xml.utf8).write(to: file)
            files.append(file)
        }
        let validation = try Tool.validate(files)
        #expect(validation.status == 0, "\(validation.text.suffix(1000))")
        #expect(try status(fixture)?.waiting == 0)
    }

    @Test func aRepositoryThatCrashesAndComesBackMissesNothing() async throws {
        let fixture = try AuditFixture()
        let rsyslog = try Rsyslog(.tls, in: fixture.directory.url)
        try await rsyslog.start()
        let forwarder = forwarder(fixture, rsyslog.repository())
        let running = Task { await forwarder.run() }
        var maker = EventMaker(seed: 22)
        for round in 0..<3 {
            for _ in 0..<40 { try fixture.append(maker.events(5)) }
            if round < 2 {
                let expected = Int64(round * 200 + 50)
                try await Tool.wait(for: "forwarding to begin") { try (status(fixture)?.cursor ?? 0) >= expected }
                rsyslog.crash()
                try fixture.append(maker.events(20))
                try await Task.sleep(for: .milliseconds(300))
                try await rsyslog.start()
            }
        }
        try await Tool.wait(for: "the queue to run empty") { try status(fixture)?.waiting == 0 }
        let last = try head(fixture)
        try await Tool.wait(for: "rsyslog to have every record") {
            Set(try rsyslog.received().map(\.sequence)) == Set(1...last)
        }
        running.cancel()
        await running.value
        #expect(try fixture.verify().isSound)
    }

    @Test(arguments: [Rsyslog.Transport.udp, .tls])
    func aRepositoryThatIsDownIsRecordedOnceAndBlocksNothing(transport: Rsyslog.Transport) async throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 23)
        let rsyslog = try Rsyslog(transport, in: fixture.directory.url)
        let forwarder = forwarder(fixture, rsyslog.repository())
        try fixture.append((0..<20).map { _ in maker.event(.instanceReceived) })
        for _ in 0..<25 {
            guard case .unreachable = await forwarder.forwardBatch() else {
                Issue.record("nobody listens, so nothing can be forwarded")
                return
            }
        }
        #expect(try count(.auditRepositoryLost, fixture) == 1)
        #expect(try head(fixture) == 21, "the retries are not audited")
        #expect(try status(fixture)?.cursor == 0)
        #expect(try status(fixture)?.isReachable == false)
        try fixture.append((0..<20).map { _ in maker.event(.instanceReceived) })

        try await rsyslog.start()
        while case .forwarded(let count) = await forwarder.forwardBatch(), count > 0 {}
        #expect(try count(.auditRepositoryRestored, fixture) == 1)
        #expect(try head(fixture) == 42)
        try await Tool.wait(for: "rsyslog to write") {
            Set(try rsyslog.received().map(\.sequence)).isSuperset(of: 1...42)
        }
        #expect(try status(fixture)?.isReachable == true)
        #expect(try status(fixture)?.waiting == 0)
    }

    @Test func aRecordThatCannotBeSentIsSetAsideAndTheOthersGo() async throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 24)
        try fixture.append(maker.events(5))
        try fixture.append([AuditEvent(.securityAlert, details: ["dump": String(repeating: "x", count: 80_000)])])
        try fixture.append(maker.events(5))
        try fixture.tamper {
            try $0.execute(
                sql: """
                    UPDATE audit_record SET detail = '{', patient_id = 'P-SECRET', patient_name = 'Secret^Name'
                    WHERE sequence = 9
                    """)
        }
        let log = CapturedLog()
        let rsyslog = try Rsyslog(.udp, in: fixture.directory.url)
        try await rsyslog.start()
        let forwarder = forwarder(fixture, rsyslog.repository(), log: log)
        #expect(await forwarder.forwardBatch() == .forwarded(11))
        #expect(await forwarder.forwardBatch() == .forwarded(0), "it is not tried again")
        let setAside = try fixture.read { try ForwardQueue(repository: "arr").setAside(in: $0) }
        #expect(setAside.map(\.sequence) == [6, 9])
        #expect(setAside.first?.reason.contains("does not fit into a datagram") == true)
        #expect(try status(fixture)?.setAsideCount == 2)
        #expect(try head(fixture) == 11, "setting aside is not audited")
        #expect(log.lines.count { $0.contains("audit record set aside") } == 2, "it is logged")
        #expect(!log.lines.contains { $0.localizedCaseInsensitiveContains("secret") }, "without naming the patient")
        try await Tool.wait(for: "rsyslog to write") { try rsyslog.received().count >= 9 }
        #expect(try rsyslog.received().map(\.sequence) == [1, 2, 3, 4, 5, 7, 8, 10, 11])
    }

    @Test func aRepositoryThatIsNotWhoItShouldBeGetsNothing() async throws {
        let fixture = try AuditFixture()
        try fixture.append([AuditEvent(.serviceStarted)])
        let rsyslog = try Rsyslog(.tls, in: fixture.directory.url)
        try await rsyslog.start()
        for (identity, reason) in [
            (rsyslog.identity(authority: "other-ca"), "certificate is refused"),
            (rsyslog.identity(name: "other.example"), "certificate is refused"),
            (rsyslog.identity(client: "absent"), "cannot read our certificate"),
        ] {
            let attempt = await forwarder(fixture, rsyslog.repository(identity)).forwardBatch()
            guard case .unreachable(let found) = attempt else {
                Issue.record("forwarded in spite of: \(reason)")
                continue
            }
            #expect(found.contains(reason), "\(found)")
        }
        #expect(try rsyslog.received().isEmpty)
        #expect(try status(fixture)?.cursor == 0)
        #expect(await forwarder(fixture, rsyslog.repository()).forwardBatch() == .forwarded(1))
    }

    @Test func aRepositoryThatRefusesUsGetsTheRecordsOnceItDoesNot() async throws {
        let fixture = try AuditFixture()
        try fixture.append([AuditEvent(.serviceStarted)])
        let rsyslog = try Rsyslog(.tls, in: fixture.directory.url)
        try await rsyslog.start()
        // In TLS 1.3 the refusal of our certificate comes after our handshake has succeeded.
        let stranger = forwarder(fixture, rsyslog.repository(rsyslog.identity(client: "stranger")))
        var attempts: [AuditForwarder.Attempt] = []
        for _ in 0..<3 { attempts.append(await stranger.forwardBatch()) }
        let welcome = forwarder(fixture, rsyslog.repository())
        try fixture.append([AuditEvent(.serviceStopped)])
        while case .forwarded(let count) = await welcome.forwardBatch(), count > 0 {}
        let last = try head(fixture)
        try await Tool.wait(for: "every record", seconds: 20) {
            Set(try rsyslog.received().map(\.sequence)) == Set(1...last)
        }
        #expect(attempts.allSatisfy { if case .unreachable = $0 { true } else { false } })
    }
}

/// What was written to the application log.
final class CapturedLog: @unchecked Sendable {
    // Sendable because the lock guards the only property.
    private let lock = NSLock()
    private var stored: [String] = []

    var lines: [String] { lock.withLock { stored } }

    func append(_ line: String) { lock.withLock { stored.append(line) } }
}

struct CapturingHandler: LogHandler {
    let log: CapturedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        log.append("\(event.level) \(event.message) \(event.metadata ?? [:])")
    }
}
