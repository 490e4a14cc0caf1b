import ChestReading
import Foundation
import Logging
import Metrics
import ServiceLifecycle
import Synchronization
import Worklist

/// Takes studies from the work queue, the most urgent first, and brings each to its one outcome.
final class ReadingService: Service {
    private let slot: ModelSlot
    private let ledger: Ledger
    private let outcomes: StudyOutcomes
    private let settings: Mutex<ReadingConfiguration>
    private let logger: Logger
    private let bell: AsyncStream<Void>
    private let ringer: AsyncStream<Void>.Continuation

    init(
        _ configuration: ReadingConfiguration, slot: ModelSlot, outcomes: StudyOutcomes, ledger: Ledger, logger: Logger
    ) {
        settings = Mutex(configuration)
        self.slot = slot
        self.outcomes = outcomes
        self.ledger = ledger
        self.logger = logger
        (bell, ringer) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The settings of now.
    var configuration: ReadingConfiguration { settings.withLock { $0 } }

    /// The work items that a quiet study makes: none while no model reads.
    var workKinds: [WorkKind] { slot.isConfigured ? [.read] : [] }

    /// Whether a frontal view is read before its study is quiet.
    var readsFrontalFirst: Bool { settings.withLock(\.frontalFirst) && slot.isConfigured }

    /// Looks for work now.
    func wake() { ringer.yield() }

    /// Takes new settings for the studies to come; a changed model is loaded beside the old one.
    func update(_ configuration: ReadingConfiguration) {
        settings.withLock { $0 = configuration }
        let slot = slot
        Task { await slot.change(configuration) }
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            for await _ in self.bell {
                while try await self.turn() {}
            }
        }
    }

    /// Works on what waits.
    ///
    /// - Returns: whether there was something.
    /// - Throws: `CancellationError` only.
    private func turn() async throws -> Bool {
        try Task.checkCancellation()
        guard let model = slot.model else { return false }
        let settings = settings.withLock { $0 }
        do {
            let leases = try lease(settings)
            guard !leases.isEmpty else { return false }
            await work(leases, with: model, settings)
            return true
        } catch {
            logger.error("reading stopped for a moment", metadata: ["error": "\(error)"])
            try await Task.sleep(for: .seconds(2))
            return true
        }
    }

    /// As many studies as share a pass over the weights. A STAT study shares with none: it is not to wait for others.
    /// Nor does one that was tried before: what failed, or brought the process down, is not to do so to others.
    private func lease(_ settings: ReadingConfiguration) throws -> [WorkLease] {
        // Nobody else holds leases; they only run out when a reading outlives its deadline by far.
        let duration = settings.deadline * settings.batchSize + .seconds(600)
        return try ledger.write { db in
            try outcomes.settleLate(in: db)
            var leases: [WorkLease] = []
            while leases.count < settings.batchSize, leases.first?.item.priority != .stat,
                let next = try WorkQueue.leaseNext(owner: "reader", for: duration, at: Date(), in: db)
            {
                if next.item.attempts > 1 {
                    guard leases.isEmpty else {
                        try WorkQueue.putBack(next, at: Date(), in: db)
                        break
                    }
                    return [next]
                }
                leases.append(next)
            }
            return leases
        }
    }

    private func work(_ leases: [WorkLease], with model: ChestModel, _ settings: ReadingConfiguration) async {
        let outcomes = outcomes
        let preparation = StudyPreparation(policy: settings.suitability)
        var studies: [LeasedStudy] = []
        for lease in leases {
            let study = await onOwnThread("preparation") {
                outcomes.attempt(lease) { try outcomes.open(lease, preparation) }
            }
            if let study { studies.append(study) }
        }
        let toRead = studies.filter { $0.prepared.abstention == nil }
        let started = ContinuousClock.now
        let readings =
            toRead.isEmpty ? [] : await model.read(toRead.map { $0.request(deadline: settings.deadline) })
        if !toRead.isEmpty {
            Metrics.Timer(label: "cxrgate_model_seconds", dimensions: [("model", model.identity.name)])
                .recordNanoseconds(started.duration(to: .now).nanoseconds / Int64(toRead.count))
        }
        let results = Dictionary(uniqueKeysWithValues: zip(toRead.map(\.lease.item.id), readings))
        for study in studies {
            let result = results[study.lease.item.id]
            await onOwnThread("results") {
                outcomes.attempt(study.lease) {
                    try outcomes.conclude(study, result, model.identity, disclaimer: model.disclaimer, settings)
                }
            }
        }
    }
}
