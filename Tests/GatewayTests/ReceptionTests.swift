import DICOM
import Foundation
import TestSupport
import Testing

/// What a sender gets to hear, and what is on the disk then. The senders are DCMTK's.
@Suite struct ReceptionTests {
    private let scratch: ScratchDirectory
    private let files: URL

    init() throws {
        scratch = try ScratchDirectory()
        files = scratch.url.appendingPathComponent("files")
        try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
    }

    private func storescu(_ gateway: GatewayProcess, _ arguments: String...) throws -> Command.Answer {
        try Command.run(
            "storescu",
            ["-v", "-aec", "CXRGATE"] + arguments.dropLast() + ["127.0.0.1", "\(gateway.port)"]
                + arguments.suffix(1))
    }

    private func storedFiles(_ gateway: GatewayProcess) -> [String] {
        let root = gateway.storage.appendingPathComponent("studies").path
        return (FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".dcm") }.sorted()
    }

    @Test func anAcknowledgedInstanceIsStoredBitForBit() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let instance = try SyntheticInstance(in: files)
        #expect(try storescu(gateway, instance.url.path).status == 0)
        let stored = storedFiles(gateway)
        #expect(stored.count == 1)
        let path = try #require(stored.first)
        #expect(path.hasPrefix("\(instance.study)/\(instance.series)/\(instance.sopInstance)/"))
        let sent = try DICOMFile(contentsOf: instance.url)
        let kept = try DICOMFile(contentsOf: gateway.storage.appendingPathComponent("studies/" + path))
        #expect(sent.dataset.bytes(.pixelData) == kept.dataset.bytes(.pixelData))
        let digest = try Command.run("sha256sum", [gateway.storage.appendingPathComponent("studies/" + path).path])
        #expect(path.hasSuffix(digest.output.prefix(64) + ".dcm"))
        #expect(try gateway.query("SELECT count(*) FROM instance WHERE disposition = 'storedOnly'") == ["1"])
    }

    @Test func theSameInstanceAgainIsSuccessAndNothingElse() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let instance = try SyntheticInstance(in: files)
        for _ in 0..<2 {
            #expect(try storescu(gateway, instance.url.path).status == 0)
        }
        #expect(storedFiles(gateway).count == 1)
        #expect(try gateway.query("SELECT count(*) FROM instance") == ["1"])
    }

    @Test func otherContentUnderAKnownUIDIsKeptAsideWithAWarning() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let first = try SyntheticInstance(in: files)
        let second = try SyntheticInstance(
            in: files, study: first.study, series: first.series, sopInstance: first.sopInstance)
        #expect(try storescu(gateway, first.url.path).status == 0)
        let answer = try storescu(gateway, second.url.path)
        #expect((answer.output + answer.errors).contains("Warning: CoercionOfDataElements"))
        #expect(storedFiles(gateway).count == 2)
        #expect(
            try gateway.query("SELECT disposition FROM instance ORDER BY id") == ["storedOnly", "quarantined"])
    }

    @Test func aStrangerIsRejectedWithTheStandardsReason() throws {
        let gateway = try GatewayProcess(
            in: scratch.url, options: "sources:\n  - ae-title: MODALITY\n    networks: [127.0.0.1]\n")
        let instance = try SyntheticInstance(in: files)
        let wrongCalled = try Command.run(
            "echoscu", ["-v", "-aet", "MODALITY", "-aec", "OTHER", "127.0.0.1", "\(gateway.port)"])
        #expect((wrongCalled.output + wrongCalled.errors).contains("Called AE Title Not Recognized"))
        let wrongCalling = try storescu(gateway, instance.url.path)
        #expect((wrongCalling.output + wrongCalling.errors).contains("Calling AE Title Not Recognized"))
        #expect(
            try Command.run(
                "echoscu", ["-aet", "MODALITY", "-aec", "CXRGATE", "127.0.0.1", "\(gateway.port)"]
            ).status == 0)
        #expect(storedFiles(gateway).isEmpty)
        #expect(try gateway.query("SELECT count(*) FROM audit_record WHERE event = 10") == ["2"])
    }

    @Test(arguments: TransferSyntax.all.filter { !$0.isEncapsulated })
    func everyUncompressedTransferSyntaxIsKeptAsItCame(syntax: TransferSyntax) throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let instance = try SyntheticInstance(in: files, transferSyntax: syntax)
        let answer = try Command.run(
            Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path])
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
        let path = try #require(storedFiles(gateway).first)
        let kept = try DICOMFile(contentsOf: gateway.storage.appendingPathComponent("studies/" + path))
        #expect(kept.transferSyntaxUID == syntax.uid)
    }

    @Test func requestedProcedurePriorityMakesAStudyMoreUrgentThanItsSource() throws {
        let gateway = try GatewayProcess(
            in: scratch.url, options: "sources: [{priority: low, networks: [127.0.0.1]}]\n")
        let stat = try SyntheticInstance(in: files) { try $0.set(.requestedProcedurePriority, "STAT") }
        let nested = try SyntheticInstance(in: files) { dataset in
            try dataset.appendItem(.requestAttributesSequence).set(.requestedProcedurePriority, "HIGH")
        }
        let plain = try SyntheticInstance(in: files)
        for instance in [stat, nested, plain] {
            #expect(try storescu(gateway, instance.url.path).status == 0)
        }
        #expect(try gateway.query("SELECT priority FROM study ORDER BY id") == ["0", "1", "4"])
    }

    @Test func whatIsNotAReadableImageIsKeptAndRecordedAsSuch() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let report = try SyntheticInstance(in: files) { dataset in
            try dataset.set(.sopClassUID, StorageSOPClass.basicTextSR)
            dataset.remove(.pixelData)
        }
        #expect(
            try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", report.url.path]).status == 0)
        #expect(try gateway.query("SELECT disposition FROM instance") == ["storedOnly"])
    }

    @Test func aJapaneseNameIsKeptForPeople() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let instance = try SyntheticInstance(in: files) { dataset in
            try dataset.set(.specificCharacterSet, "\\ISO 2022 IR 87")
            let escaped: [UInt8] = [0x1b, 0x24, 0x42, 0x3b, 0x33, 0x45, 0x44, 0x1b, 0x28, 0x42]
            try dataset.set(.patientName, bytes: Array("Yamada^Tarou=".utf8) + escaped, vr: "PN")
        }
        #expect(try storescu(gateway, instance.url.path).status == 0)
        #expect(try gateway.query("SELECT patientName FROM study") == ["Yamada^Tarou=山田"])
    }
}
