import DICOM
import Foundation
import Synchronization
import TestSupport
import Testing

/// A day in a hospital: five sources at once, everything that goes wrong on such a day, and at its end one outcome for
/// each study.
@Suite struct PipelineMixedDayTests {
    private let bench: PipelineBench

    init() throws {
        bench = try PipelineBench()
    }

    /// Studies of the day; `CXRGATE_DAY=300` for a whole one.
    private static let studies = ProcessInfo.processInfo.environment["CXRGATE_DAY"].flatMap { Int($0) } ?? 24
    private static let sources = ["EMERGENCY", "DX1", "DX2", "CR1", "PORTABLE"]

    @Test func aMixedDayLeavesOneOutcomePerStudyAndLosesNothing() throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("a day of \(Self.studies) studies from seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let plan = try DayPlan(Self.studies, seed: seed, in: bench.files, using: &generator)
        print(plan.summary)
        let pacsPort = freePort()
        let port = freePort()
        let options = """
            sources:
            \(Self.sources.map { "  - {ae-title: \($0), quiet-period: 1s\($0 == "EMERGENCY" ? ", priority: stat" : "")}" }
                .joined(separator: "\n"))
            retry: {initial-delay: 100ms, maximum-delay: 1s, maximum-attempts: 1000}
            destinations:
              - {name: folder, folder: delivered}
              - {name: PACS, port: \(pacsPort), ae-title: PACS, acse-timeout: 2s}
            """
        var pacs = try ScriptedPACS(in: bench.scratch.url, port: pacsPort, "--digests")
        var gateway = try bench.start(options, port: port)
        let modalities = Self.sources.enumerated().map { index, title in
            Modality(title, port: port, cases: plan.cases.indices.filter { $0 % 5 == index }.map { plan.cases[$0] })
        }
        func sent() -> Int { modalities.reduce(0) { $0 + $1.done } }

        #expect(eventually(within: 600) { sent() >= plan.cases.count / 4 })
        var events = pacs.events
        pacs.stop()
        #expect(eventually(within: 600) { sent() >= plan.cases.count / 2 })
        gateway.killNine()
        gateway = try bench.start(options, port: port)
        #expect(eventually(within: 600) { sent() >= plan.cases.count * 3 / 4 })
        pacs = try ScriptedPACS(in: bench.scratch.url, port: pacsPort, "--digests")
        #expect(eventually(within: 600) { modalities.allSatisfy(\.isDone) })
        let accepted = plan.cases.filter { $0.expected != .refused }
        #expect(
            try eventually(within: 1200) {
                try gateway.query(
                    """
                    SELECT (SELECT count(*) FROM study WHERE revision > 0) = \(accepted.count)
                        AND NOT EXISTS (SELECT 1 FROM study WHERE quietAt IS NOT NULL)
                        AND NOT EXISTS (SELECT 1 FROM workItem WHERE settledAt IS NULL)
                    """) == ["1"]
            }, "seed \(seed)")
        events += pacs.events

        // Nothing that was acknowledged is lost, and what could not be parsed is kept aside.
        #expect(modalities.flatMap(\.complaints) == [], "seed \(seed)")
        let instances = Set(try gateway.query("SELECT sopInstanceUID FROM instance"))
        #expect(instances == Set(accepted.flatMap(\.images).map(\.sopInstance)), "seed \(seed)")
        #expect(
            try gateway.query("SELECT count(*) FROM quarantinedFile") == ["\(plan.cases.count - accepted.count)"],
            "seed \(seed)")
        for entry in accepted {
            let outcomes = try bench.outcomes(gateway, entry.images[0].study)
            // A lateral that comes late makes a revision, one that comes before the reading began joins it.
            #expect(
                (1...(entry.isLate ? 2 : 1)).contains(outcomes.count), "\(entry.expected) \(outcomes), seed \(seed)")
            for outcome in outcomes {
                switch entry.expected {
                case .read: #expect(PipelineBench.isRead(outcome), "seed \(seed)")
                case .abstained(let reason): #expect(outcome == "abstained|\(reason)", "seed \(seed)")
                case .oneOutcome: #expect(!outcome.hasPrefix("deadLetter"), "seed \(seed)")
                case .refused: Issue.record("a refused object has an outcome")
                }
            }
        }
        try bench.expectOneSetEach(gateway, "seed \(seed)")
        let results = Set(try gateway.query("SELECT sopInstanceUID FROM result"))
        #expect(pacs.instances == results, "seed \(seed)")
        let sendings = Set(events.map { $0.split(separator: " ").dropFirst().map(String.init) })
        #expect(sendings.count == results.count, "an object was sent with different bytes, seed \(seed)")
        #expect(try gateway.query("SELECT DISTINCT state FROM delivery") == ["sent"], "seed \(seed)")
        #expect(gateway.stop() == 0)
        print("\(results.count) results of \(accepted.count) studies; \(events.count) C-STOREs at the PACS")
    }
}

/// What comes in on the day.
private struct DayPlan {
    enum Expectation: Equatable {
        case read
        case abstained(String)
        /// A real image, which may be suitable or not.
        case oneOutcome
        /// The front door does not take it.
        case refused
    }

    struct Case {
        var expected: Expectation
        var images: [any DayImage]
        /// Whether each image comes over an association of its own, some time after the one before.
        var isLate = false
        /// How often it is sent.
        var times = 1
    }

    private(set) var cases: [Case] = []
    private var kinds: [String: Int] = [:]

    var summary: String { kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ") }

    init(_ count: Int, seed: UInt64, in directory: URL, using generator: inout SeededGenerator) throws {
        let drawn = try Self.drawn(in: directory, seed: seed)
        let real =
            SharedData.isPresent ? try WrappedRadiograph.make(count / 3, seed: seed, in: directory) : []
        var ready: [(String, Case)] =
            drawn.map { ("drawn", Case(expected: .oneOutcome, images: [$0])) }
            + real.map { ("real", Case(expected: .oneOutcome, images: [$0])) }
        // Each kind at least once, the others by chance.
        let kinds = ["stat", "late lateral", "duplicate", "hand", "child", "short pixels", "no DICOM", "lateral"]
        for number in 0..<max(0, count - ready.count) {
            let kind =
                number < kinds.count
                ? kinds[number]
                : (kinds + Array(repeating: "frontal", count: 12))
                    .randomElement(using: &generator) ?? "frontal"
            ready.append((kind, try Self.make(kind, in: directory)))
        }
        for (kind, entry) in ready.shuffled(using: &generator) {
            self.kinds[kind, default: 0] += 1
            cases.append(entry)
        }
    }

    private static func make(_ kind: String, in directory: URL) throws -> Case {
        let image = { (change: (inout SyntheticRadiograph) -> Void) in try ChestImage(in: directory, change: change) }
        switch kind {
        case "stat":
            return Case(expected: .read, images: [try image { $0.additions = [.requestedProcedurePriority: "STAT"] }])
        case "late lateral":
            let frontal = try ChestImage(in: directory)
            let lateral = try ChestImage(in: directory, study: frontal.study, view: "LL")
            return Case(expected: .read, images: [frontal, lateral], isLate: true)
        case "duplicate":
            return Case(expected: .read, images: [try ChestImage(in: directory)], times: 3)
        case "hand":
            let hand = try image { picture in
                picture.omitted = [Tag(0x0008, 0x2218)]
                picture.additions = [.bodyPartExamined: "HAND", .studyDescription: "Hand", .seriesDescription: "Hand"]
            }
            return Case(expected: .abstained("not_chest"), images: [hand])
        case "child":
            let child = try image { $0.additions = [.patientBirthDate: "20210305"] }
            return Case(expected: .abstained("patient_too_young"), images: [child])
        case "short pixels":
            let short = try ChestImage(
                in: directory,
                edit: { file in
                    try file.dataset.set(.pixelData, bytes: [UInt8](repeating: 9, count: 5000), vr: "OW")
                })
            return Case(expected: .abstained("unreadable_pixels"), images: [short])
        case "no DICOM":
            let nested = try SyntheticInstance(in: directory) { dataset in
                var item = dataset
                for _ in 0..<200 { item = try item.appendItem(.procedureCodeSequence) }
            }
            return Case(expected: .refused, images: [nested])
        case "lateral":
            return Case(expected: .abstained("lateral_only"), images: [try ChestImage(in: directory, view: "LL")])
        default:
            return Case(expected: .read, images: [try ChestImage(in: directory)])
        }
    }

    /// Images that the trained model draws, where there is one.
    private static func drawn(in directory: URL, seed: UInt64) throws -> [any DayImage] {
        guard let model = ReferenceModelDirectory.trained else { return [] }
        return try ["Large left pleural effusion.", "No acute findings."].enumerated().map { index, text in
            let url = directory.appendingPathComponent("drawn-\(index).dcm")
            let answer = try Command.run(
                Command.cxrgate,
                ["synthesize", text, "--model", model.path, "--seed", "\(seed)", "-o", url.path])
            guard answer.status == 0 else { throw Command.Missing(description: answer.errors) }
            let dataset = try DICOMFile(contentsOf: url, before: .pixelData).dataset
            return DrawnImage(
                url: url, study: dataset.text(.studyInstanceUID) ?? "", sopInstance: dataset.text(.sopInstanceUID) ?? ""
            )
        }
    }
}

/// An image of the day, wherever it comes from.
private protocol DayImage: Sendable {
    var url: URL { get }
    var study: String { get }
    var sopInstance: String { get }
}

private struct DrawnImage: DayImage {
    let url: URL
    let study: String
    let sopInstance: String
}

extension ChestImage: DayImage {}
extension SyntheticInstance: DayImage {}
extension WrappedRadiograph: DayImage {}

/// A source that sends its studies one after the other, each until it is acknowledged or refused for good.
private final class Modality: Sendable {
    private struct State {
        var done = 0
        var isDone = false
        var complaints: [String] = []
    }

    private let state = Mutex(State())

    /// Studies that are through.
    var done: Int { state.withLock(\.done) }
    var isDone: Bool { state.withLock(\.isDone) }
    /// Answers that a modality would not expect.
    var complaints: [String] { state.withLock(\.complaints) }

    init(_ title: String, port: UInt16, cases: [DayPlan.Case]) {
        let thread = Thread { [self] in
            for entry in cases {
                for _ in 0..<entry.times {
                    for image in entry.images {
                        send(image, from: title, port: port, isRefused: entry.expected == .refused)
                        if entry.isLate { Thread.sleep(forTimeInterval: 2) }
                    }
                }
                state.withLock { $0.done += 1 }
            }
            state.withLock { $0.isDone = true }
        }
        thread.start()
    }

    private func send(_ image: any DayImage, from title: String, port: UInt16, isRefused: Bool) {
        for _ in 0..<600 {
            // DCMTK's program does not look into the file first, and so sends what no receiver should take.
            let answer =
                isRefused
                ? try? Command.run(
                    "storescu", ["-v", "-aet", title, "-aec", "CXRGATE", "127.0.0.1", "\(port)", image.url.path])
                : try? Command.run(
                    Command.cxrgate, ["send", "127.0.0.1", "\(port)", "--calling", title, image.url.path])
            let said = (answer?.output ?? "") + (answer?.errors ?? "")
            if isRefused ? said.contains("CannotUnderstand") : answer?.status == 0 { return }
            Thread.sleep(forTimeInterval: 0.2)
        }
        state.withLock { $0.complaints.append("\(title) could not send \(image.url.lastPathComponent)") }
    }
}
