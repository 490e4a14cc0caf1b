import Foundation
import TestSupport
import Testing

/// Real radiographs, sent by other people's software and returned to other people's archives.
@Suite struct PipelineEndToEndTests {
    private let bench: PipelineBench

    init() throws {
        bench = try PipelineBench()
    }

    /// Files as they are in the shared data: chest images of several makers and encodings, and a tibia.
    private static let asTheyAre = [
        "real/nih_google_00000002_000.dcm", "real/siim_txrv_850819_jpegbaseline.dcm", "real/wg04_RG1_chest_J2KI.dcm",
        "real/wg04_RG3_tibia_JPLL.dcm",
    ]

    @Test(.enabled(if: SharedData.isPresent, "shared data is absent"))
    func realRadiographsOfThreeSendersComeBackToTwoArchivesOnce() throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("radiographs from seed \(seed)")
        let orthanc = try Orthanc(in: bench.scratch.url, gatewayPort: freePort())
        let archive = bench.scratch.url.appendingPathComponent("archive")
        try FileManager.default.createDirectory(at: archive, withIntermediateDirectories: true)
        let archivePort = freePort()
        let storescp = try BackgroundProcess(
            "storescp", ["-aet", "ARCHIVE", "+B", "-od", archive.path, "\(archivePort)"],
            log: bench.scratch.url.appendingPathComponent("storescp.log"))
        let gateway = try bench.start(
            """
            \(ReferenceModelDirectory.section(ReferenceModelDirectory.preferred))
            sources: [{quiet-period: 1s}]
            destinations:
              - {name: ARCHIVE, port: \(archivePort), ae-title: ARCHIVE}
              - {name: ORTHANC, port: \(orthanc.port), ae-title: ORTHANC, commitment: {wait-seconds: 1}}
            """, port: orthanc.gatewayPort)

        let wrapped = try WrappedRadiograph.make(6, seed: seed, in: bench.files)
        let address = ["127.0.0.1", "\(gateway.port)"]
        let storescu = try Command.run(
            "storescu", ["-aec", "CXRGATE"] + address + wrapped.prefix(3).map(\.path))
        #expect(storescu.status == 0, "\(storescu.errors)")
        let pynetdicom = try Command.run(
            Command.python(),
            ["-m", "pynetdicom", "storescu", "-aec", "CXRGATE"] + address + wrapped.suffix(3).map(\.path))
        #expect(pynetdicom.status == 0, "\(pynetdicom.errors)")
        let others = Self.asTheyAre.map { SharedData.root.appendingPathComponent("data/dicom/\($0)") }
        let filled = try Command.run(
            Command.cxrgate,
            ["send", "127.0.0.1", "\(orthanc.port)", "--called", "ORTHANC"] + others.map(\.path))
        #expect(filled.status == 0, "\(filled.output)\(filled.errors)")
        try orthanc.sendEverything()

        let sources = others + wrapped.map(\.url)
        let studies = Set(try bench.inspect(sources).map(\.study))
        #expect(studies.count == sources.count)
        #expect(try bench.settles(gateway, revisions: studies.count, within: 300), "\(gateway.log)")
        #expect(try gateway.query("SELECT DISTINCT state FROM delivery ORDER BY state") == ["committed", "sent"])
        try printTurnaround(gateway)

        let recorded = Set(try gateway.query("SELECT sopInstanceUID FROM result"))
        let returned = try bench.inspect(archive)
        #expect(Set(returned.map(\.sopInstance)) == recorded && returned.count == recorded.count)
        let inOrthanc = bench.scratch.url.appendingPathComponent("from-orthanc")
        try FileManager.default.createDirectory(at: inOrthanc, withIntermediateDirectories: true)
        for instance in try orthanc.instances() {
            try orthanc.file(instance).write(to: inOrthanc.appendingPathComponent("\(instance).dcm"))
        }
        let kept = Set(try bench.inspect(inOrthanc).map(\.sopInstance))
        #expect(kept.isSuperset(of: recorded) && kept.count == recorded.count + others.count)

        for study in studies {
            let outcomes = try bench.outcomes(gateway, study)
            print("\(study.suffix(12)): \(outcomes.joined(separator: ", "))")
            #expect(outcomes.count == 1 && outcomes.allSatisfy { !$0.hasPrefix("deadLetter") })
            #expect(
                Set(returned.filter { $0.study == study }.map(\.sopInstance))
                    == recorded.intersection(
                        try bench.results(gateway, study)))
            let story = try bench.story(gateway, study)
            for step in ["Instance received", "Result object created", "Result delivered"] {
                #expect(story.contains(step), "\(step) is missing in the story of \(study)")
            }
        }
        try expectBoxesAgree(returned, sources: bench.inspect(sources))
        let tibia = try bench.inspect([others[3]])[0].study
        #expect(try bench.outcomes(gateway, tibia) == ["abstained|not_chest"])
        try bench.expectAuditVerifies(gateway)
        #expect(storescp.isRunning)

        for (index, source) in sources.enumerated() {
            try FileManager.default.copyItem(at: source, to: archive.appendingPathComponent("source-\(index).dcm"))
        }
        let validation = try Command.run(
            SharedData.packageRoot.appendingPathComponent("Conformance/validate").path, ["--objects", archive.path],
            environment: ["CXRGATE_PYTHON": Command.python()])
        #expect(validation.status == 0, "\(validation.output)\(validation.errors)")
    }

    /// Promise 4 on what the archive got, for every study whose draft has regions.
    private func expectBoxesAgree(_ returned: [InspectedObject], sources: [InspectedObject]) throws {
        for state in returned where state.sopClass == InspectedObject.presentation {
            func path(_ sopClass: String) throws -> String {
                try #require(returned.first { $0.study == state.study && $0.sopClass == sopClass }).path
            }
            let boxes = try ResultBoxes.read(
                findings: path(InspectedObject.comprehensive), presentation: state.path,
                overlay: path(InspectedObject.overlay),
                source: #require(sources.first { $0.study == state.study }).path)
            print("\(state.study.suffix(12)): boxes \(boxes.report)")
            #expect(!boxes.report.isEmpty && boxes.presentation == boxes.report)
            // Lines of several boxes may cover each other.
            if boxes.report.count == 1 { #expect(boxes.overlay == boxes.report) }
        }
    }

    /// From the last image of a study to the last delivery of its results.
    private func printTurnaround(_ gateway: GatewayProcess) throws {
        let times = try gateway.query(
            """
            SELECT workItem.settledAt - lastReceivedAt FROM workItem JOIN study ON study.id = studyID
            ORDER BY workItem.settledAt - lastReceivedAt
            """
        ).compactMap { Int($0) }
        print(
            "turnaround of \(times.count) studies: median \(times[times.count / 2]) ms, longest \(times.last ?? 0) ms")
    }
}
