import Audit
import ChestReading
import Cryptography
import DICOM
import Findings
import Foundation
import Logging
import Metrics
import Results
import ServiceLifecycle

/// The proof that the whole way still finds something: an image with a known finding is prepared, read and made results
/// of, and nothing is delivered.
struct SelfTest: Sendable {
    let identity: GatewayIdentity

    /// Why a test did not pass.
    enum Failure: Error, CustomStringConvertible {
        case abstained(Abstention)
        case notFound(finding: String, said: String)
        case noResults

        var description: String {
            switch self {
            case .abstained(let abstention):
                "the test image was not read: \([abstention.reason, abstention.detail].compactMap { $0 }.joined(separator: ", "))"
            case .notFound(let finding, let said): "\(finding) was not found in the test image; the model said: \(said)"
            case .noResults: "no result object was made of the test image"
            }
        }
    }

    /// What is tested with; nil where neither the configuration nor the model names anything.
    private enum Case {
        case file(String, finding: String)
        case drawn(ModelSelfTest)
    }

    /// Runs the test. Without anything to test with it passes and returns false.
    ///
    /// - Throws: ``Failure``, or what went wrong on the way.
    @discardableResult
    func run(_ model: ChestModel, _ configuration: ReadingConfiguration) async throws -> Bool {
        let subject: Case
        if let image = configuration.selfTest.image, let finding = configuration.selfTest.finding {
            subject = .file(image, finding: finding)
        } else if let own = model.selfTest {
            subject = .drawn(own)
        } else {
            return false
        }
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("cxrgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let image: URL
        let finding: String
        switch subject {
        case .file(let path, let term):
            image = URL(fileURLWithPath: path)
            finding = term
        case .drawn(let own):
            finding = own.finding
            image = scratch.appendingPathComponent("test.dcm")
            let picture = try await model.synthesize(own.description, seed: own.seed)
            try SyntheticImageFile(
                rows: picture.rows, columns: picture.columns, samples: picture.pixels, text: own.description,
                seed: own.seed, model: model.identity
            ).file(identity: identity, instant: Date()).write(to: image)
        }
        let digest = SHA256.hash([UInt8](try Data(contentsOf: image))).hex
        let prepared = StudyPreparation(policy: configuration.suitability)
            .prepare([StudyFile(url: image, sha256: digest)])
        if let abstention = prepared.abstention { throw Failure.abstained(abstention) }
        let source = try SourceInstance(contentsOf: image)
        let request = ReadingRequest(
            studyInstanceUID: source.studyInstanceUID, images: prepared.images, context: prepared.context,
            deadline: configuration.deadline)
        guard let reading = try await model.read([request]).first?.get().reading else { throw Failure.noResults }
        guard reading.findings.contains(where: { $0.polarity == .present && $0.concept == .term(finding) }) else {
            throw Failure.notFound(finding: finding, said: reading.sentences.map(\.text).joined(separator: " "))
        }
        let objects = try ResultBuilder(identity: identity).build(
            reading, sources: [source], instant: Date(), into: scratch)
        guard !objects.isEmpty else { throw Failure.noResults }
        return true
    }
}

/// Runs the self-test at every start and then once per interval, and raises an alarm when it does not pass.
final class SelfTestService: Service {
    private let test: SelfTest
    private let slot: ModelSlot
    private let settings: @Sendable () -> ReadingConfiguration
    private let ledger: Ledger
    private let logger: Logger

    init(
        _ test: SelfTest, slot: ModelSlot, ledger: Ledger, logger: Logger,
        settings: @escaping @Sendable () -> ReadingConfiguration
    ) {
        self.test = test
        self.slot = slot
        self.settings = settings
        self.ledger = ledger
        self.logger = logger
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                let settings = self.settings()
                let interval = settings.selfTest.interval
                if interval > .zero, let model = self.slot.model { await self.run(model, settings) }
                try await Task.sleep(for: interval > .zero ? interval : .seconds(3600))
            }
        }
    }

    private func run(_ model: ChestModel, _ settings: ReadingConfiguration) async {
        do {
            guard try await test.run(model, settings) else {
                logger.notice("no self-test: neither the model nor reading.self-test names an image with a finding")
                return
            }
            Gauge(label: "cxrgate_self_test_passed").record(1)
            logger.notice("the self-test passed", metadata: ["model": "\(model.identity.name)"])
        } catch is CancellationError {
        } catch {
            Gauge(label: "cxrgate_self_test_passed").record(0)
            logger.critical("the self-test did not pass: look at the model", metadata: ["error": "\(error)"])
            ledger.record(
                AuditEvent(
                    .securityAlert, outcome: .seriousFailure, description: "The self-test did not pass: \(error)",
                    objects: [
                        ParticipantObject(
                            .model, identifier: model.identity.weightsDigest, name: model.identity.name)
                    ]))
        }
    }
}
