import DICOM
import Foundation
import TestSupport
import Testing

/// Store and forward to real peers that are well, away, full, or silent.
@Suite struct DeliveryTests {
    private let scratch: ScratchDirectory
    private let files: URL

    init() throws {
        scratch = try ScratchDirectory()
        files = scratch.url.appendingPathComponent("files")
        try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
    }

    private func options(_ destinations: (name: String, port: UInt16)..., extra: String = "") -> String {
        let names = destinations.map(\.name).joined(separator: ", ")
        let blocks = destinations.map { destination in
            """
              - name: \(destination.name)
                port: \(destination.port)
                ae-title: \(destination.name == "PACS" ? "PACS" : "OTHER")
                acse-timeout: 2s
            \(extra)
            """
        }
        return """
            sources:
              - forward-to: [\(names)]
                quiet-period: 0s
            retry: {initial-delay: 100ms, maximum-delay: 500ms}
            destinations:
            \(blocks.joined(separator: "\n"))
            """
    }

    private func send(_ gateway: GatewayProcess, _ instances: [SyntheticInstance]) throws {
        let answer = try Command.run(
            Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)"] + instances.map(\.url.path))
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
    }

    @Test func receivedInstancesGoOnUnchanged() throws {
        let pacs = try ScriptedPACS(in: scratch.url)
        let gateway = try GatewayProcess(in: scratch.url, options: options(("PACS", pacs.port)))
        let instances = try TransferSyntax.all.filter { !$0.isEncapsulated }.map {
            try SyntheticInstance(in: files, transferSyntax: $0)
        }
        try send(gateway, instances)
        #expect(eventually { pacs.instances == Set(instances.map(\.sopInstance)) })
        for instance in instances {
            let sent = try Data(contentsOf: instance.url)
            let arrived = try Data(contentsOf: pacs.directory.appendingPathComponent(instance.sopInstance + ".dcm"))
            #expect(sent.suffix(arrived.count) == arrived, "the dataset's bytes differ")
        }
        #expect(
            try eventually { try gateway.query("SELECT DISTINCT state FROM delivery") == ["sent"] })
    }

    /// Also HTJ2K, which DCMTK 3.6.7 does not know: received, kept and sent on without a look at the pixels.
    @Test func compressedInstancesGoOnBitForBit() throws {
        let pacs = try ScriptedPACS(in: scratch.url)
        let gateway = try GatewayProcess(in: scratch.url, options: options(("PACS", pacs.port)))
        let syntaxes = TransferSyntax.all.filter(\.isEncapsulated)
        let script = SharedData.packageRoot.appendingPathComponent("Tests/GatewayTests/Peers/encapsulated.py").path
        let made = try Command.run(try Command.python(), [script, files.path] + syntaxes.map(\.uid))
        #expect(made.status == 0, "\(made.errors)")
        let answer = try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", files.path])
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: files.path)
        #expect(names.count == syntaxes.count)
        #expect(eventually { pacs.instances == Set(names.map { String($0.dropLast(4)) }) })
        for name in names {
            let sent = try Data(contentsOf: files.appendingPathComponent(name))
            let arrived = try Data(contentsOf: pacs.directory.appendingPathComponent(name))
            #expect(arrived.count > 6000 && sent.suffix(arrived.count) == arrived)
        }
        let kept = try gateway.query("SELECT transferSyntaxUID FROM instance")
        #expect(Set(kept) == Set(syntaxes.map(\.uid)))
    }

    @Test func aDestinationThatIsAwayGetsEverythingWhenItIsBack() throws {
        let port = freePort()
        let gateway = try GatewayProcess(in: scratch.url, options: options(("PACS", port)))
        let instances = try (0..<5).map { _ in try SyntheticInstance(in: files) }
        try send(gateway, instances)
        #expect(
            try eventually { try gateway.query("SELECT circuit FROM destination") == ["open"] })
        let pacs = try ScriptedPACS(in: scratch.url, port: port)
        #expect(eventually { pacs.instances == Set(instances.map(\.sopInstance)) })
        #expect(pacs.events.filter { $0.hasPrefix("store") }.count == 5, "each instance is sent once")
    }

    @Test func aTransientRefusalIsRepeatedAndAPermanentOneIsNot() throws {
        let pacs = try ScriptedPACS(in: scratch.url, "--statuses", "A700,0000,A900,0000,C000")
        let gateway = try GatewayProcess(in: scratch.url, options: options(("PACS", pacs.port)))
        let instances = try (0..<4).map { _ in try SyntheticInstance(in: files) }
        for instance in instances {
            try send(gateway, [instance])
            #expect(
                try eventually {
                    try gateway.query("SELECT count(*) FROM delivery WHERE state IN ('pending', 'leased')") == ["0"]
                })
        }
        #expect(
            try gateway.query("SELECT state, coalesce(lastStatus, 0) FROM delivery ORDER BY id") == [
                "sent|0", "deadLetter|\(0xA900)", "sent|0", "deadLetter|\(0xC000)",
            ])
        #expect(pacs.events.count == 5)
    }

    /// It accepts the TCP connection and never says a word.
    @Test func aSilentDestinationDelaysNoOther() throws {
        let pacs = try ScriptedPACS(in: scratch.url)
        let silent = try RawListener()
        let gateway = try GatewayProcess(
            in: scratch.url, options: options(("SILENT", silent.port), ("PACS", pacs.port)))
        let instances = try (0..<3).map { _ in try SyntheticInstance(in: files) }
        try send(gateway, instances)
        #expect(eventually { pacs.instances == Set(instances.map(\.sopInstance)) })
        #expect(
            try eventually {
                try gateway.query("SELECT consecutiveFailures > 0 FROM destination WHERE name = 'SILENT'") == ["1"]
            })
        #expect(
            try gateway.query(
                """
                SELECT DISTINCT delivery.state FROM delivery JOIN destination ON destination.id = destinationID
                WHERE name = 'SILENT' AND delivery.state NOT IN ('pending', 'leased')
                """
            ).isEmpty)
    }

    @Test func aCompressedInstanceThatThePeerDoesNotTakeIsADeadLetter() throws {
        // DCMTK's storescp takes uncompressed transfer syntaxes only, when it is not told otherwise.
        let port = freePort()
        let received = scratch.url.appendingPathComponent("received")
        try FileManager.default.createDirectory(at: received, withIntermediateDirectories: true)
        let storescp = try BackgroundProcess(
            "storescp", ["-aet", "PACS", "-od", received.path, "\(port)"],
            log: scratch.url.appendingPathComponent("storescp.log"))
        let gateway = try GatewayProcess(in: scratch.url, options: options(("PACS", port)))
        let plain = try SyntheticInstance(in: files)
        let compressed = files.appendingPathComponent("compressed.dcm")
        #expect(try Command.run("dcmcrle", ["+ua", plain.url.path, compressed.path]).status == 0)
        let answer = try Command.run(
            Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", plain.url.path, compressed.path])
        #expect(answer.status == 0, "\(answer.output)")
        #expect(
            try eventually {
                try gateway.query("SELECT state FROM delivery ORDER BY id") == ["sent", "deadLetter"]
            })
        #expect(storescp.isRunning)
    }

    @Test func storageCommitmentIsAskedForAndKept() throws {
        let port = freePort()
        let pacs = try ScriptedPACS(
            in: scratch.url, "--report-to", "\(port)", "--fail-commitment", "1")
        let gateway = try GatewayProcess(
            in: scratch.url, port: port,
            options: options(("PACS", pacs.port), extra: "    commitment: {deadline: 60s, wait-seconds: 0}"))
        let instances = try (0..<3).map { _ in try SyntheticInstance(in: files) }
        try send(gateway, instances)
        #expect(
            try eventually { try gateway.query("SELECT DISTINCT state FROM delivery") == ["committed"] })
        // The first report named failures: those instances were sent again and committed then.
        #expect(pacs.events.contains { $0.hasSuffix("failed") })
        #expect(pacs.events.filter { $0.hasPrefix("store") }.count > instances.count)
        #expect(Set(pacs.events.filter { $0.hasSuffix("good") }).count == instances.count)
    }

    @Test func ourOwnResultComingBackIsAcceptedAndNeverForwarded() throws {
        let pacs = try ScriptedPACS(in: scratch.url)
        let gateway = try GatewayProcess(in: scratch.url, options: options(("PACS", pacs.port)))
        let own = try SyntheticInstance(in: files) { dataset in
            try dataset.set(.manufacturerModelName, Implementation.productName)
            try dataset.set(.sopClassUID, StorageSOPClass.secondaryCapture)
        }
        let other = try SyntheticInstance(in: files)
        try send(gateway, [own, other])
        #expect(eventually { pacs.instances == [other.sopInstance] })
        #expect(
            try gateway.query("SELECT disposition FROM instance ORDER BY id") == ["ownResult", "storedOnly"])
        #expect(try gateway.query("SELECT count(*) FROM delivery") == ["1"])
    }
}
