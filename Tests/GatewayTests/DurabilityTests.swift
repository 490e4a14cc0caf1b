import DICOM
import DICOMNetwork
import Foundation
import Synchronization
import TestSupport
import Testing

/// What was acknowledged is there, whatever happens to process and disk.
@Suite struct DurabilityTests {
    private let scratch: ScratchDirectory

    init() throws {
        scratch = try ScratchDirectory()
    }

    /// Rounds of `killNineDuringStoreLosesNothing`; more by `CXRGATE_KILL_ROUNDS`.
    private static let rounds = ProcessInfo.processInfo.environment["CXRGATE_KILL_ROUNDS"].flatMap { Int($0) } ?? 8

    /// Several clients send while the gateway is killed at random instants and started again; then the ledger of the
    /// clients' 0000H is compared with disk, database and destination.
    @Test func killNineDuringStoreLosesNothing() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let port = freePort()
        let pacs = try ScriptedPACS(in: scratch.url)
        let options = """
            sources: [{quiet-period: 0s, forward-to: [PACS]}]
            retry: {initial-delay: 100ms, maximum-delay: 500ms, maximum-attempts: 1000}
            destinations: [{name: PACS, port: \(pacs.port), ae-title: PACS}]
            """
        let clients = 4
        let perClient = 15
        let instances = try (0..<clients).map { _ in
            try (0..<perClient).map { _ in try SyntheticInstance(in: scratch.url, bytes: 60_000) }
        }
        let ledger = Ledger0000H()
        var gateway = try GatewayProcess(in: scratch.url, port: port, options: options)
        let threads = instances.map { own in
            Client(instances: own, port: port, ledger: ledger)
        }
        for round in 1...Self.rounds where threads.contains(where: { !$0.isDone }) {
            Thread.sleep(forTimeInterval: Double.random(in: 0.05...0.8, using: &generator))
            gateway.killNine()
            print("round \(round): \(ledger.count) acknowledged")
            gateway = try GatewayProcess(in: scratch.url, port: port, options: options)
        }
        #expect(eventually(within: 120) { threads.allSatisfy(\.isDone) }, "seed \(seed)")

        let all = Set(instances.joined().map(\.sopInstance))
        #expect(ledger.acknowledged == all)
        let rows = try gateway.query("SELECT sopInstanceUID, sha256, path FROM instance")
        #expect(rows.count == all.count, "seed \(seed)")
        for row in rows {
            let columns = row.split(separator: "|").map(String.init)
            let digest = try Command.run(
                "sha256sum", [gateway.storage.appendingPathComponent(columns[2]).path])
            #expect(digest.output.hasPrefix(columns[1]), "seed \(seed): \(columns[0])")
        }
        #expect(eventually(within: 120) { pacs.instances == all }, "seed \(seed)")
        #expect(
            try eventually { try gateway.query("SELECT DISTINCT state FROM delivery") == ["sent"] })
        #expect(try gateway.query("SELECT count(*) FROM delivery") == ["\(all.count)"])
        let incoming = gateway.storage.appendingPathComponent("incoming").path
        #expect(try FileManager.default.contentsOfDirectory(atPath: incoming).isEmpty)
        gateway.stop()
        let verification = try Command.run(
            Command.cxrgate,
            ["audit", "verify", "--database", gateway.storage.appendingPathComponent("cxrgate.sqlite").path])
        #expect(verification.status == 0, "\(verification.output)\(verification.errors)")
    }

    @Test(.enabled(if: geteuid() == 0, "a small file system can be mounted by root only"))
    func aFullDiskRefusesAndRecoversByItself() throws {
        let disk = try SmallDisk(at: scratch.url.appendingPathComponent("disk"), megabytes: 16)
        let gateway = try GatewayProcess(
            in: scratch.url, storage: disk.url.appendingPathComponent("storage"))
        func send(_ bytes: Int) throws -> String {
            let instance = try SyntheticInstance(in: scratch.url, bytes: bytes)
            return try Command.run(
                Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path]
            ).output
        }
        #expect(try send(500_000).contains("0000H"))
        let filler = disk.url.appendingPathComponent("filler")
        try Data(count: 7_000_000).write(to: filler)
        // Larger than what is left: the disk fills up inside the object.
        #expect(try send(10_000_000).contains("A700H"))
        try Data(count: 1).write(to: filler)
        try FileManager.default.removeItem(at: filler)
        #expect(try eventually { try send(500_000).contains("0000H") })
        #expect(gateway.isRunning)
        let incoming = gateway.storage.appendingPathComponent("incoming").path
        #expect(try FileManager.default.contentsOfDirectory(atPath: incoming).isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0, "a small file system can be mounted by root only"))
    func belowTheWatermarkEveryInstanceIsRefusedWithAnAlarm() throws {
        let disk = try SmallDisk(at: scratch.url.appendingPathComponent("disk"), megabytes: 16)
        let gateway = try GatewayProcess(
            in: scratch.url, storage: disk.url.appendingPathComponent("storage"), minimumFreeBytes: "8MiB")
        func send() throws -> String {
            let instance = try SyntheticInstance(in: scratch.url)
            return try Command.run(
                Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path]
            ).output
        }
        #expect(try send().contains("0000H"))
        let filler = disk.url.appendingPathComponent("filler")
        try Data(count: 9_000_000).write(to: filler)
        #expect(try eventually { try send().contains("A700H") })
        #expect(gateway.log.contains("the disk is almost full"))
        try FileManager.default.removeItem(at: filler)
        #expect(try eventually { try send().contains("0000H") })
        #expect(gateway.log.contains("there is room on the disk again"))
    }

    @Test func twoSendersOfOneInstanceAtOnceMakeOne() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let instance = try SyntheticInstance(in: scratch.url, bytes: 400_000)
        let ledger = Ledger0000H()
        let clients = (0..<8).map { _ in Client(instances: [instance], port: gateway.port, ledger: ledger) }
        #expect(eventually { clients.allSatisfy(\.isDone) })
        #expect(ledger.count == 8)
        #expect(try gateway.query("SELECT count(*), max(disposition) FROM instance") == ["1|storedOnly"])
    }

    @Test func startUpReconcilesFilesAndRowsAndSaysSo() throws {
        let first = try GatewayProcess(in: scratch.url)
        let instances = try (0..<2).map { _ in try SyntheticInstance(in: scratch.url) }
        let sent = try Command.run(
            Command.cxrgate, ["send", "127.0.0.1", "\(first.port)"] + instances.map(\.url.path))
        #expect(sent.status == 0)
        let lost = try #require(try first.query("SELECT path FROM instance ORDER BY id").first)
        first.stop()
        let storage = first.storage
        try FileManager.default.removeItem(at: storage.appendingPathComponent(lost))
        try Data("half".utf8).write(to: storage.appendingPathComponent("incoming/leftover"))
        let stray = "studies/1.2/1.3/1.4/stray.dcm"
        try FileManager.default.createDirectory(
            at: storage.appendingPathComponent("studies/1.2/1.3/1.4"), withIntermediateDirectories: true)
        try Data("stray".utf8).write(to: storage.appendingPathComponent(stray))

        let second = try GatewayProcess(in: scratch.url)
        #expect(second.log.contains("a stored file is missing") && second.log.contains(lost))
        #expect(second.log.contains("a file without a row") && second.log.contains(stray))
        #expect(!FileManager.default.fileExists(atPath: storage.appendingPathComponent("incoming/leftover").path))
        #expect(try second.query("SELECT count(*) FROM instance WHERE missingSince IS NOT NULL") == ["1"])
        // The sender still has it: sent again, it takes its place.
        let again = try Command.run(
            Command.cxrgate, ["send", "127.0.0.1", "\(second.port)"] + instances.map(\.url.path))
        #expect(again.status == 0)
        #expect(try second.query("SELECT count(*) FROM instance WHERE missingSince IS NOT NULL") == ["0"])
        #expect(FileManager.default.fileExists(atPath: storage.appendingPathComponent(lost).path))
    }

    @Test func sigtermLetsAnOpenAssociationFinish() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let instances = try (0..<2).map { _ in try SyntheticInstance(in: scratch.url) }
        let association = try StorageSCU(
            RemoteAE(host: "127.0.0.1", port: gateway.port, calledAETitle: "CXRGATE", callingAETitle: "TEST"),
            contexts: [instances[0].context])
        #expect(association.send(instances[0]) == .answered(.success))
        kill(gateway.identifier, SIGTERM)
        #expect(eventually { gateway.log.contains("no new associations") })
        #expect(association.send(instances[1]) == .answered(.success))
        #expect(throws: NetworkError.self) {
            try StorageSCU(
                RemoteAE(host: "127.0.0.1", port: gateway.port, calledAETitle: "CXRGATE", callingAETitle: "LATE"),
                contexts: [instances[0].context])
        }
        withExtendedLifetime(association) {}
    }
}

/// Who was told 0000H for what.
private final class Ledger0000H: Sendable {
    private let state = Mutex<(uids: Set<String>, count: Int)>(([], 0))

    func add(_ uid: String) {
        state.withLock {
            $0.uids.insert(uid)
            $0.count += 1
        }
    }

    var acknowledged: Set<String> { state.withLock(\.uids) }
    var count: Int { state.withLock(\.count) }
}

/// A modality: sends its instances until each was acknowledged, whatever it takes.
private final class Client: Sendable {
    private let done = Mutex(false)

    var isDone: Bool { done.withLock { $0 } }

    init(instances: [SyntheticInstance], port: UInt16, ledger: Ledger0000H) {
        let peer = RemoteAE(host: "127.0.0.1", port: port, calledAETitle: "CXRGATE", callingAETitle: "MODALITY")
        let thread = Thread {
            var waiting = instances
            while !waiting.isEmpty {
                guard let association = try? StorageSCU(peer, contexts: [waiting[0].context]) else {
                    Thread.sleep(forTimeInterval: 0.02)
                    continue
                }
                while let next = waiting.first, association.send(next) == .answered(.success) {
                    ledger.add(next.sopInstance)
                    waiting.removeFirst()
                }
            }
            self.done.withLock { $0 = true }
        }
        thread.start()
    }
}

extension SyntheticInstance {
    fileprivate var context: ProposedContext {
        ProposedContext(
            sopClassUID: StorageSOPClass.digitalXRayForPresentation,
            transferSyntaxUID: TransferSyntax.explicitVRLittleEndian.uid)
    }
}

extension StorageSCU {
    fileprivate func send(_ instance: SyntheticInstance) -> SendOutcome {
        send(
            path: instance.url.path, sopClassUID: StorageSOPClass.digitalXRayForPresentation,
            sopInstanceUID: instance.sopInstance, transferSyntaxUID: TransferSyntax.explicitVRLittleEndian.uid)
    }
}
