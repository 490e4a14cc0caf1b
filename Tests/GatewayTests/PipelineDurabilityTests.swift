import Foundation
import TestSupport
import Testing

/// One outcome per study, whatever happens to process, disk and destination while it is read.
@Suite struct PipelineDurabilityTests {
    private let bench: PipelineBench

    init() throws {
        bench = try PipelineBench()
    }

    /// Kills of `killNineWhileReadingLeavesOneSetPerStudy`; more by `CXRGATE_KILL_ROUNDS`.
    private static let rounds = ProcessInfo.processInfo.environment["CXRGATE_KILL_ROUNDS"].flatMap { Int($0) } ?? 6

    @Test func killNineWhileReadingLeavesOneSetPerStudy() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let pacs = try ScriptedPACS(in: bench.scratch.url, "--digests")
        let options = """
            sources: [{quiet-period: 1s}]
            retry: {initial-delay: 100ms, maximum-delay: 500ms, maximum-attempts: 1000}
            destinations:
              - {name: folder, folder: delivered}
              - {name: PACS, port: \(pacs.port), ae-title: PACS}
            """
        let port = freePort()
        let images = try (0..<12).map { _ in try ChestImage(in: bench.files) }
        var gateway = try bench.start(options, port: port)
        try bench.send(images.map(\.url), to: gateway)
        for round in 1...Self.rounds {
            Thread.sleep(forTimeInterval: Double.random(in: 0.05...3, using: &generator))
            gateway.killNine()
            gateway = try bench.start(options, port: port)
            print(
                "round \(round): \(try gateway.query("SELECT count(*) FROM workItem WHERE outcome IS NOT NULL")) read")
        }
        #expect(try bench.settles(gateway, revisions: images.count), "seed \(seed)")
        for image in images {
            try bench.expectRead(gateway, image.study, "seed \(seed)")
        }
        try bench.expectOneSetEach(gateway, "seed \(seed)")
        let results = Set(try gateway.query("SELECT sopInstanceUID FROM result"))
        #expect(pacs.instances == results, "seed \(seed)")
        // A kill between an answer and its row sends an object again; then with the same bytes.
        let sent = pacs.events.map { Set($0.split(separator: " ").dropFirst().map(String.init)) }
        #expect(Set(sent).count == results.count, "seed \(seed): an object was sent with different bytes")
        try expect(pacs, holdsTheBytesOf: gateway, "seed \(seed)")
    }

    /// What was in hand when the process died may be what killed it: it is read alone then, so that it drags no other
    /// study with it into the dead letters.
    @Test func whatWasBeingReadInACrashIsReadAloneNext() throws {
        let options = "sources: [{quiet-period: 0s}]\nretry: {maximum-attempts: 1000}\n"
        let port = freePort()
        var gateway = try bench.start(options, port: port)
        let images = try (0..<8).map { _ in try ChestImage(in: bench.files) }
        try bench.send(images.map(\.url), to: gateway)
        #expect(try eventually { try gateway.query("SELECT id FROM workItem WHERE state = 'leased'").count == 4 })
        gateway.killNine()
        gateway = try bench.start(options, port: port)
        #expect(try bench.settles(gateway, revisions: images.count))
        #expect(try gateway.query("SELECT count(*) FROM workItem WHERE attempts > 1") == ["4"])
        // From the last time that a study began to be worked on to its end, no other was in hand.
        let together = try gateway.query(
            """
            WITH work AS (
                SELECT id, attempts, finishedAt, (SELECT max(enteredAt) FROM studyTransition
                    WHERE studyTransition.studyID = workItem.studyID AND state = 'working') AS begun
                FROM workItem)
            SELECT count(*) FROM work AS one JOIN work AS other ON one.id <> other.id
            WHERE one.attempts > 1 AND one.begun < other.finishedAt AND other.begun < one.finishedAt
            """)
        #expect(together == ["0"])
        try bench.expectOneSetEach(gateway)
    }

    @Test func resultsWaitForAPACSThatIsAwayAndArriveUnchanged() throws {
        let port = freePort()
        let gateway = try bench.start(
            """
            retry: {initial-delay: 100ms, maximum-delay: 500ms}
            destinations: [{name: PACS, port: \(port), ae-title: PACS, acse-timeout: 2s}]
            """)
        let images = try (0..<2).map { _ in try ChestImage(in: bench.files) }
        try bench.send(images.map(\.url), to: gateway)
        #expect(
            try eventually {
                try gateway.query("SELECT count(*) FROM workItem WHERE state = 'delivering'") == ["2"]
                    && gateway.query("SELECT circuit FROM destination") == ["open"]
            })
        let before = try gateway.query("SELECT sopInstanceUID, sha256, createdAt FROM result ORDER BY id")
        #expect(before.count >= 4)
        let pacs = try ScriptedPACS(in: bench.scratch.url, port: port)
        #expect(try bench.settles(gateway, revisions: 2))
        #expect(try gateway.query("SELECT sopInstanceUID, sha256, createdAt FROM result ORDER BY id") == before)
        #expect(pacs.events.count == before.count, "each object is sent once")
        try expect(pacs, holdsTheBytesOf: gateway)
        try bench.expectAuditVerifies(gateway)
    }

    @Test(.enabled(if: geteuid() == 0, "a small file system can be mounted by root only"))
    func aDiskThatFillsUpBeforeTheReadingLosesNothing() throws {
        let disk = try SmallDisk(at: bench.scratch.url.appendingPathComponent("disk"), megabytes: 24)
        let gateway = try bench.start(
            """
            \(ReferenceModelDirectory.section(ReferenceModelDirectory.untrained, "frontal-first: false"))
            sources: [{quiet-period: 2s}]
            retry: {initial-delay: 100ms, maximum-delay: 200ms, maximum-attempts: 3}
            """, storage: disk.url.appendingPathComponent("storage"))
        let images = try (0..<3).map { _ in try ChestImage(in: bench.files) }
        try bench.send(images.map(\.url), to: gateway)
        let filler = disk.fill()
        #expect(eventually { gateway.log.contains("no room for results") || gateway.log.contains("full") })
        // Longer than all attempts with their pauses: a full disk must not use them up.
        Thread.sleep(forTimeInterval: 5)
        #expect(gateway.isRunning)
        try FileManager.default.removeItem(at: filler)
        #expect(try bench.settles(gateway, revisions: images.count), "\(gateway.log)")
        for image in images { try bench.expectRead(gateway, image.study) }
        #expect(try gateway.query("SELECT DISTINCT state FROM delivery") == ["sent"])
        #expect(try gateway.query("SELECT max(attempts) FROM workItem") == ["1"], "\(gateway.log)")
        try bench.expectOneSetEach(gateway)
    }

    @Test(.enabled(if: geteuid() == 0, "a small file system can be mounted by root only"))
    func aResultsFolderThatIsFullGetsEverythingWhenThereIsRoom() throws {
        let disk = try SmallDisk(at: bench.scratch.url.appendingPathComponent("disk"), megabytes: 2)
        let filler = disk.fill()
        let gateway = try bench.start(
            """
            destinations: [{name: folder, folder: \(disk.url.path)/out}]
            retry: {initial-delay: 100ms, maximum-delay: 200ms, maximum-attempts: 3}
            """)
        try bench.send([ChestImage(in: bench.files).url], to: gateway)
        #expect(eventually { gateway.log.contains("delivery failed") || gateway.log.contains("no room") })
        Thread.sleep(forTimeInterval: 2)
        #expect(try gateway.query("SELECT count(*) FROM delivery WHERE state = 'deadLetter'") == ["0"])
        try FileManager.default.removeItem(at: filler)
        #expect(try bench.settles(gateway, revisions: 1))
        #expect(try gateway.query("SELECT DISTINCT state FROM delivery") == ["sent"])
        #expect(try bench.inspect(disk.url).count == Int(gateway.query("SELECT count(*) FROM result")[0]))
    }

    /// The dataset that arrived is, byte for byte, the one in the file whose digest is on record.
    private func expect(_ pacs: ScriptedPACS, holdsTheBytesOf gateway: GatewayProcess, _ note: String = "") throws {
        let objects = try bench.inspect(gateway.storage.appendingPathComponent("results"))
        let recorded = try gateway.query("SELECT sopInstanceUID, sha256 FROM result")
        let onDisk = Set(objects.map { "\($0.sopInstance)|\($0.sha256)" })
        #expect(onDisk.isSuperset(of: recorded), Comment(rawValue: note))
        for object in objects {
            let kept = try Data(contentsOf: URL(fileURLWithPath: object.path))
            let arrived = try Data(contentsOf: pacs.directory.appendingPathComponent("\(object.sopInstance).dcm"))
            #expect(arrived.count > 1000 && kept.suffix(arrived.count) == arrived, Comment(rawValue: note))
        }
    }
}
