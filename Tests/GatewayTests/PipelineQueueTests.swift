import DICOM
import Foundation
import TestSupport
import Testing

/// Who is read when, and what a study costs the others.
@Suite struct PipelineQueueTests {
    private let bench: PipelineBench

    init() throws {
        bench = try PipelineBench()
    }

    /// Pairs of items that were worked on at the same time.
    private static let together = """
        SELECT count(*) FROM workItem AS one JOIN workItem AS other ON one.id < other.id
            AND one.startedAt < other.finishedAt AND other.startedAt < one.finishedAt
        """

    @Test func statOvertakesTheQueue() throws {
        let gateway = try bench.start(
            ReferenceModelDirectory.section(ReferenceModelDirectory.untrained, "batch-size: 1"))
        let routine = try (0..<10).map { _ in try ChestImage(in: bench.files) }
        let stat = try ChestImage(in: bench.files) { $0.additions = [.requestedProcedurePriority: "STAT"] }
        try bench.send(routine.map(\.url), to: gateway)
        try bench.send([stat.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: 11))
        let counts = try gateway.query(
            """
            WITH stat AS (SELECT * FROM workItem WHERE priority = 0)
            SELECT (SELECT count(*) FROM stat),
                (SELECT count(*) FROM workItem AS other, stat WHERE other.priority > 0
                    AND other.startedAt > stat.createdAt AND other.startedAt < stat.startedAt),
                (SELECT count(*) FROM workItem AS other, stat WHERE other.startedAt > stat.startedAt) > 0
            """)
        #expect(counts == ["1|0|1"], "none that had not begun when the STAT study came was read before it")
        #expect(try gateway.query(Self.together) == ["0"], "one at a time, when batches are not wanted")
        try bench.expectOneSetEach(gateway)
    }

    @Test func studiesThatWaitAreReadTogether() throws {
        let gateway = try bench.start()
        let images = try (0..<8).map { _ in try ChestImage(in: bench.files) }
        try bench.send(images.map(\.url), to: gateway)
        #expect(try bench.settles(gateway, revisions: 8))
        let pairs = Int(try gateway.query(Self.together)[0]) ?? 0
        #expect(pairs >= 6, "a batch of four has six pairs")
        for image in images { try bench.expectRead(gateway, image.study) }
        try bench.expectOneSetEach(gateway)
    }

    /// Pixels that are too short, that are no JPEG, that are gone from the disk: each study ends, and so do the others.
    @Test func aBadStudyBlocksNoOther() throws {
        let gateway = try bench.start(
            """
            \(ReferenceModelDirectory.section(ReferenceModelDirectory.untrained, "frontal-first: false"))
            sources: [{quiet-period: 2s}]
            retry: {initial-delay: 100ms, maximum-delay: 200ms, maximum-attempts: 3}
            """)
        let short = try ChestImage(
            in: bench.files,
            edit: { file in
                try file.dataset.set(.pixelData, bytes: [UInt8](repeating: 7, count: 999), vr: "OW")
            })
        let broken = try ChestImage(in: bench.files)
        let script = SharedData.packageRoot.appendingPathComponent("Tests/GatewayTests/Peers/encapsulated.py").path
        let made = try Command.run(
            Command.python(), [script, "--replace", broken.url.path, TransferSyntax.jpegBaseline.uid])
        #expect(made.status == 0, "\(made.errors)")
        let gone = try ChestImage(in: bench.files)
        let good = try (0..<4).map { _ in try ChestImage(in: bench.files) }
        let all = [short, good[0], broken, good[1], gone, good[2], good[3]]
        try bench.send(all.map(\.url), to: gateway)
        try FileManager.default.removeItem(at: gateway.storage.appendingPathComponent("studies/\(gone.study)"))
        #expect(try bench.settles(gateway, revisions: all.count))
        for image in good { try bench.expectRead(gateway, image.study) }
        #expect(try bench.outcomes(gateway, short.study) == ["abstained|unreadable_pixels"])
        #expect(try bench.outcomes(gateway, broken.study) == ["abstained|unreadable_pixels"])
        #expect(try bench.outcomes(gateway, gone.study) == ["deadLetter|"])
        #expect(try bench.story(gateway, gone.study).contains("Dead letter"))
        let queue = try Command.run(
            Command.cxrgate, ["status", "--database", bench.database(gateway)])
        #expect(queue.output.localizedCaseInsensitiveContains("dead"), "an operator sees it: \(queue.output)")
        try bench.expectOneSetEach(gateway)
    }

    @Test func aReadingThatIsTooSlowEndsInTimedOutAfterItsAttempts() throws {
        let gateway = try bench.start(
            """
            \(ReferenceModelDirectory.section(
                ReferenceModelDirectory.untrained, "deadline: 100ms, maximum-attempts: 2, batch-size: 16"))
            retry: {initial-delay: 100ms, maximum-delay: 200ms}
            """)
        // They share the time, so that the last is late on any machine.
        let images = try (0..<12).map { _ in try ChestImage(in: bench.files) }
        try bench.send(images.map(\.url), to: gateway)
        #expect(try bench.settles(gateway, revisions: images.count))
        let late = try gateway.query("SELECT id FROM workItem WHERE abstentionReason = 'timed_out' AND attempts = 2")
        #expect(!late.isEmpty)
        #expect(
            try gateway.query("SELECT id FROM workItem WHERE abstentionReason = 'timed_out' AND attempts <> 2").isEmpty)
        // Those that came in time are no words: the model is untrained.
        #expect(
            try gateway.query(
                "SELECT id FROM workItem WHERE outcome IS NULL OR abstentionReason NOT IN ('timed_out', 'output_unusable')"
            ).isEmpty)
        let objects = try bench.inspect(gateway.storage.appendingPathComponent("delivered"))
        #expect(
            objects.filter { $0.text.contains("The automatic reading failed: Reading timed out.") }.count == 2
                * late.count)
        try bench.expectOneSetEach(gateway)
    }

    /// The first reading fails and waits for its second attempt when the lateral comes.
    @Test func aRevisionWaitsForTheOneBeforeAlsoWhenThatIsTriedAgain() throws {
        let gateway = try bench.start(
            """
            \(ReferenceModelDirectory.section(
                ReferenceModelDirectory.untrained, "deadline: 100ms, maximum-attempts: 2"))
            sources: [{quiet-period: 0s}]
            retry: {initial-delay: 6s, maximum-delay: 6s}
            """)
        // One of them is late on any machine, as above; it is the study with the second image.
        let frontals = try (0..<4).map { _ in try ChestImage(in: bench.files) }
        try bench.send(frontals.map(\.url), to: gateway)
        #expect(try eventually { try !gateway.query("SELECT id FROM workItem WHERE lastError IS NOT NULL").isEmpty })
        let study = try #require(
            try gateway.query(
                """
                SELECT studyInstanceUID FROM study JOIN workItem ON studyID = study.id
                WHERE lastError IS NOT NULL AND workItem.state = 'ready' ORDER BY study.id DESC LIMIT 1
                """
            ).first)
        try bench.send([ChestImage(in: bench.files, study: study, view: "LL").url], to: gateway)
        #expect(try bench.settles(gateway, revisions: frontals.count + 1))
        let order = try gateway.query(
            """
            SELECT one.finishedAt <= other.startedAt FROM workItem AS one JOIN workItem AS other USING (studyID)
            WHERE one.revision = 1 AND other.revision = 2
            """)
        #expect(order == ["1"])
        let first = try bench.results(gateway, study)
        let second = try bench.results(gateway, study, revision: 2)
        let reports = try bench.inspect(gateway.storage.appendingPathComponent("delivered/\(study)")).filter(\.isReport)
        for report in reports {
            #expect(report.text.contains(first.contains(report.sopInstance) ? "revision 1." : "revision 2."))
            #expect(report.predecessors.isEmpty == first.contains(report.sopInstance))
        }
        #expect(!second.isEmpty && Set(reports.flatMap(\.predecessors)).isSubset(of: first))
        try bench.expectOneSetEach(gateway)
    }
}
