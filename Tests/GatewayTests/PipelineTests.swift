import DICOM
import Findings
import Foundation
import Results
import TestSupport
import Testing

/// A radiograph goes in, a draft comes out: what becomes of each kind of study. Real processes, real files, and a real
/// model runtime; only the model's weights are random.
@Suite struct PipelineTests {
    private let bench: PipelineBench

    init() throws {
        bench = try PipelineBench()
    }

    /// With nothing configured but the model: one source for all, a quiet period of half a minute, a folder.
    @Test func theDefaultFolderGetsTheDraftOfAFrontalBeforeItsQuietPeriodEnds() throws {
        let gateway = try bench.start(ReferenceModelDirectory.section(ReferenceModelDirectory.preferred))
        let image = try ChestImage(in: bench.files)
        try bench.send([image.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 1))
        #expect(try gateway.query("SELECT quietAt > settledAt FROM study JOIN workItem ON studyID = study.id") == ["1"])
        try bench.expectRead(gateway, image.study)
        let objects = try bench.inspect(
            gateway.storage.appendingPathComponent("delivered").appendingPathComponent(image.study))
        let isDraft = try bench.outcomes(gateway, image.study) == ["delivered|"]
        #expect(isDraft || ReferenceModelDirectory.trained == nil)
        #expect(
            Set(objects.map(\.sopClass)).isSuperset(
                of: [InspectedObject.narrative, InspectedObject.comprehensive]
                    + (isDraft ? [InspectedObject.overlay] : [])))
        for object in objects {
            #expect(object.study == image.study)
            #expect(object.patient == "P\(image.study.suffix(10))")
        }
        for report in objects.filter(\.isReport) {
            #expect(report.completion == "PARTIAL")
            #expect(report.verification == "UNVERIFIED")
            #expect(report.preliminary == "PRELIMINARY")
            #expect(report.predecessors.isEmpty)
        }
        try bench.expectOneSetEach(gateway)
    }

    @Test func aLateLateralMakesARevisionThatNamesItsPredecessorAndTheAuditTellsBoth() throws {
        let gateway = try bench.start("sources: [{quiet-period: 1s}]\n")
        let frontal = try ChestImage(in: bench.files)
        let lateral = try ChestImage(in: bench.files, study: frontal.study, view: "LL")
        try bench.send([frontal.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 1))
        try bench.send([lateral.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 2))
        // Both again: nothing new, so nothing more is made.
        try bench.send([frontal.url, lateral.url], to: gateway)
        Thread.sleep(forTimeInterval: 2.5)
        try bench.expectRead(gateway, frontal.study, revisions: 2)

        let first = try bench.results(gateway, frontal.study)
        let second = try bench.results(gateway, frontal.study, revision: 2)
        #expect(!first.isEmpty && first.count == second.count && first.isDisjoint(with: second))
        let objects = try bench.inspect(gateway.storage.appendingPathComponent("delivered"))
        #expect(Set(objects.map(\.sopInstance)) == first.union(second))
        for report in objects.filter(\.isReport) {
            guard second.contains(report.sopInstance) else {
                #expect(report.predecessors.isEmpty)
                continue
            }
            let former = objects.first { first.contains($0.sopInstance) && $0.sopClass == report.sopClass }
            #expect(report.predecessors.contains(try #require(former).sopInstance))
            #expect(first.isSuperset(of: report.predecessors))
            #expect(report.text.contains("revision 2"))
        }
        try bench.expectOneSetEach(gateway)

        var rest = Substring(try bench.story(gateway, frontal.study))
        let round = [
            /Instance received/, /Study (?:read by|not analysed)/, /Result object created/, /Result delivered/,
        ]
        for step in [/Transfer to us begun/] + round + round {
            let found = try #require(rest.firstRange(of: step), "\(step) is missing or too early")
            rest = rest[found.upperBound...]
        }
    }

    /// The frontal opens the way for a study of which only the lateral had come.
    @Test func aFrontalAfterALateralReplacesTheNotAnalysed() throws {
        let gateway = try bench.start("sources: [{quiet-period: 1s}]\n")
        let lateral = try ChestImage(in: bench.files, view: "LL")
        try bench.send([lateral.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 1))
        try bench.send([ChestImage(in: bench.files, study: lateral.study).url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 2))
        let outcomes = try bench.outcomes(gateway, lateral.study)
        #expect(outcomes.first == "abstained|lateral_only" && outcomes.count == 2)
        #expect(PipelineBench.isRead(outcomes[1]))
        let first = try bench.results(gateway, lateral.study)
        let reports = try bench.inspect(gateway.storage.appendingPathComponent("delivered")).filter(\.isReport)
        let later = reports.filter { !first.contains($0.sopInstance) }
        #expect(later.count == 2 && Set(later.flatMap(\.predecessors)) == first)
    }

    @Test func studiesThatCannotBeReadEndInOneNotAnalysedWithTheReason() throws {
        let gateway = try bench.start("sources: [{quiet-period: 1s}]\n")
        let hand = try ChestImage(in: bench.files) { picture in
            picture.omitted = [Tag(0x0008, 0x2218)]
            picture.additions = [.bodyPartExamined: "HAND", .studyDescription: "Hand", .seriesDescription: "Hand"]
        }
        let child = try ChestImage(in: bench.files) { $0.additions = [.patientBirthDate: "20200101"] }
        let half = try ChestImage(
            in: bench.files,
            edit: { file in
                try file.dataset.set(.pixelData, bytes: [UInt8](repeating: 0, count: 1000), vr: "OW")
            })
        let empty = try ChestImage(
            in: bench.files,
            edit: { file in
                for tag in [Tag.pixelData, .rows, .columns] { file.dataset.remove(tag) }
            })
        let one = try ChestImage(in: bench.files, patient: "ONE")
        let other = try ChestImage(in: bench.files, study: one.study, patient: "OTHER")
        let cases: [(images: [ChestImage], reason: String)] = [
            ([try ChestImage(in: bench.files, view: "LL")], "lateral_only"), ([hand], "not_chest"),
            ([child], "patient_too_young"), ([half], "unreadable_pixels"), ([empty], "unreadable_pixels"),
            ([one, other], "identity_conflict"),
        ]
        for entry in cases { try bench.send(entry.images.map(\.url), to: gateway) }
        #expect(try bench.settles(gateway, revisions: cases.count))
        for (images, reason) in cases {
            let study = images[0].study
            #expect(try bench.outcomes(gateway, study) == ["abstained|\(reason)"])
            let objects = try bench.inspect(
                gateway.storage.appendingPathComponent("delivered").appendingPathComponent(study))
            #expect(
                objects.map(\.sopClass).sorted() == [InspectedObject.narrative, InspectedObject.comprehensive],
                "\(reason)")
            for object in objects {
                #expect(object.text.contains("Not analysed: "), "\(reason)")
                #expect(object.text.contains("AI-generated draft") || object.text.contains("not for di"), "\(reason)")
            }
            #expect(try bench.story(gateway, study).contains(reason), "\(reason)")
        }
        try bench.expectOneSetEach(gateway)
    }

    @Test func destinationsGetTheKindsAndClassesTheyAskedFor() throws {
        let pacs = try ScriptedPACS(in: bench.scratch.url)
        let gateway = try bench.start(
            """
            \(ReferenceModelDirectory.section(ReferenceModelDirectory.preferred))
            destinations:
              - {name: words, folder: words, results: [narrative]}
              - {name: three, folder: three, results: [findings, overlay], findings-class: comprehensive-3d}
              - {name: nothing, folder: nothing, results: []}
              - {name: PACS, port: \(pacs.port), ae-title: PACS, results: [findings], findings-class: enhanced}
            """)
        let image = try ChestImage(in: bench.files)
        try bench.send([image.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 1))
        func classes(_ directory: URL) throws -> Set<String> { Set(try bench.inspect(directory).map(\.sopClass)) }
        #expect(try classes(gateway.storage.appendingPathComponent("words")) == [InspectedObject.narrative])
        // An abstention has no overlay.
        let isDraft = try bench.outcomes(gateway, image.study) == ["delivered|"]
        #expect(isDraft || ReferenceModelDirectory.trained == nil)
        #expect(
            try classes(gateway.storage.appendingPathComponent("three"))
                == (isDraft
                    ? [InspectedObject.comprehensive3D, InspectedObject.overlay] : [InspectedObject.comprehensive3D]))
        #expect(try classes(gateway.storage.appendingPathComponent("nothing")).isEmpty)
        #expect(try classes(pacs.directory) == [InspectedObject.enhanced])
        let built = try gateway.query("SELECT count(*), count(DISTINCT sopClassUID) FROM result")
        #expect(built == (isDraft ? ["4|4"] : ["3|3"]), "each object is made once")
    }

    @Test func ourResultsComingBackAreIgnoredAndADrawnImageIsRead() throws {
        let gateway = try bench.start("sources: [{quiet-period: 0s}]\n")
        let image = try ChestImage(in: bench.files)
        try bench.send([image.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 1))
        let results = try bench.inspect(gateway.storage.appendingPathComponent("delivered"))
        try bench.send(results.map { URL(fileURLWithPath: $0.path) }, to: gateway, calling: "PACS")

        var picture = SyntheticRadiograph()
        picture.rows = 256
        picture.columns = 256
        let drawn = SyntheticImageFile(
            rows: 256, columns: 256, samples: picture.drawn(), text: "Left pleural effusion.", seed: 1,
            model: ModelIdentity(name: "drawer", version: "1", weightsDigest: "sha256:00", manufacturer: "Test"))
        let url = bench.files.appendingPathComponent("drawn.dcm")
        try drawn.file(
            identity: GatewayIdentity(serialNumber: "1", stationName: "TEST", institutionName: ""), instant: Date()
        ).write(to: url)
        try bench.send([url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 2))
        #expect(
            try gateway.query("SELECT disposition, count(*) FROM instance GROUP BY disposition")
                == ["ownResult|\(results.count)", "toRead|2"])
        try bench.expectRead(gateway, image.study)
        try bench.expectRead(gateway, drawn.studyInstanceUID)
        try bench.expectOneSetEach(gateway)
    }
}
