import DICOM
import DICOMNetwork
import Foundation
import TestSupport
import Testing

/// The service in an administrator's hands, and beside a real archive.
@Suite struct OperationTests {
    private let scratch: ScratchDirectory

    init() throws {
        scratch = try ScratchDirectory()
    }

    private func echo(_ gateway: GatewayProcess, calling: String) throws -> Bool {
        try Command.run(
            Command.cxrgate, ["echo", "127.0.0.1", "\(gateway.port)", "--calling", calling]
        ).status == 0
    }

    @Test func reloadChangesSourcesWithoutDroppingAnAssociation() throws {
        let only = { (title: String) in "sources: [{ae-title: \(title), networks: [127.0.0.1]}]\n" }
        let gateway = try GatewayProcess(in: scratch.url, options: only("OLD"))
        let instance = try SyntheticInstance(in: scratch.url)
        let association = try StorageSCU(
            RemoteAE(host: "127.0.0.1", port: gateway.port, calledAETitle: "CXRGATE", callingAETitle: "OLD"),
            contexts: [
                ProposedContext(
                    sopClassUID: StorageSOPClass.digitalXRayForPresentation,
                    transferSyntaxUID: TransferSyntax.explicitVRLittleEndian.uid)
            ])
        #expect(try !echo(gateway, calling: "NEW"))
        try gateway.reload(options: only("NEW"))
        #expect(try eventually { try echo(gateway, calling: "NEW") })
        #expect(try !echo(gateway, calling: "OLD"))
        let outcome = association.send(
            path: instance.url.path, sopClassUID: StorageSOPClass.digitalXRayForPresentation,
            sopInstanceUID: instance.sopInstance, transferSyntaxUID: TransferSyntax.explicitVRLittleEndian.uid)
        #expect(outcome == .answered(.success))
        try gateway.reload(options: "sources: [{ae-title: THIS-TITLE-IS-TOO-LONG}]\n")
        #expect(eventually { gateway.log.contains("the configuration was not reloaded") })
        #expect(try echo(gateway, calling: "NEW"), "a configuration with mistakes changes nothing")
    }

    @Test func aSecondGatewayOnTheSameStorageDoesNotStart() throws {
        let first = try GatewayProcess(in: scratch.url)
        let other = scratch.url.appendingPathComponent("other")
        try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
        #expect(throws: GatewayProcess.NotReady.self) {
            try GatewayProcess(in: other, storage: first.storage)
        }
    }

    @Test func anObjectThatIsTooLargeOrNotDICOMCostsOneAnswer() throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let large = try SyntheticInstance(in: scratch.url, bytes: 300_000)
        let nested = try SyntheticInstance(in: scratch.url) { dataset in
            var item = dataset
            for _ in 0..<200 { item = try item.appendItem(.procedureCodeSequence) }
        }
        let limited = try GatewayProcess(
            in: ScratchSubdirectory.make(in: scratch.url),
            options: "", maximumObjectBytes: "100KiB")
        #expect(
            try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(limited.port)", large.url.path])
                .output.contains("C001H"))
        let storescu = try Command.run(
            "storescu", ["-v", "-aec", "CXRGATE", "127.0.0.1", "\(gateway.port)", nested.url.path])
        #expect(
            (storescu.output + storescu.errors).contains("CannotUnderstand"), "\(storescu.output)\(storescu.errors)")
        #expect(try gateway.query("SELECT count(*) FROM quarantinedFile") == ["1"])
        let kept = gateway.storage.appendingPathComponent("quarantine").path
        #expect(try FileManager.default.contentsOfDirectory(atPath: kept).count == 1)
    }

    /// Modality, gateway and archive: everything arrives, is committed by Orthanc, and is told by the command line.
    @Test func orthancGetsAndCommitsEverything() throws {
        let orthanc = try Orthanc(in: scratch.url, gatewayPort: freePort())
        let gateway = try GatewayProcess(
            in: scratch.url, port: orthanc.gatewayPort,
            options: """
                sources: [{quiet-period: 0s, forward-to: [ORTHANC]}]
                destinations:
                  - name: ORTHANC
                    port: \(orthanc.port)
                    ae-title: ORTHANC
                    commitment: {deadline: 60s, wait-seconds: 1}
                """)
        let instances = try (0..<4).map { _ in try SyntheticInstance(in: scratch.url) }
        let answer = try Command.run(
            Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)"] + instances.map(\.url.path))
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
        #expect(
            try eventually(within: 120) {
                try gateway.query("SELECT state, count(*) FROM delivery GROUP BY state") == ["committed|4"]
            }, "\(gateway.log)")
        #expect(try orthanc.instanceCount() == 4)
        let status = try Command.run(
            Command.cxrgate,
            ["deliveries", "--database", gateway.storage.appendingPathComponent("cxrgate.sqlite").path])
        #expect(status.output.contains("committed"), "\(status.output)\(status.errors)")
    }
}

/// A new directory below another.
private enum ScratchSubdirectory {
    static func make(in directory: URL) throws -> URL {
        let url = directory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }
}
