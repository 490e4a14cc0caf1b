import Audit
import ChestReading
import Findings
import Foundation
import GRDB
import Logging
import Metrics
import Results
import Synchronization
import Worklist

/// Brings each study to its one outcome: results, an explicit "not analysed", or a dead letter.
///
/// Everything here blocks and runs on threads of its own, one study at a time.
final class StudyOutcomes: Sendable {
    private let storage: StorageRoot
    private let ledger: Ledger
    private let retry: RetryConfiguration
    private let builder: ResultFiles
    private let destinations: Mutex<[DestinationConfiguration]>
    /// Leases that could not be given back, because the disk had no room for that either.
    private let unsettled = Mutex<[WorkLease]>([])
    private let deliveriesWaiting: @Sendable () -> Void
    private let logger: Logger

    /// - Parameter deliveriesWaiting: called after a commit that queued deliveries.
    init(
        storage: StorageRoot, ledger: Ledger, retry: RetryConfiguration, identity: GatewayIdentity,
        destinations: [DestinationConfiguration], logger: Logger, deliveriesWaiting: @escaping @Sendable () -> Void
    ) {
        self.storage = storage
        self.ledger = ledger
        self.retry = retry
        self.destinations = Mutex(destinations)
        self.logger = logger
        self.deliveriesWaiting = deliveriesWaiting
        builder = ResultFiles(storage: storage, identity: identity, logger: logger)
    }

    /// Replaces the destinations of results to come.
    func update(_ destinations: [DestinationConfiguration]) {
        self.destinations.withLock { $0 = destinations }
    }

    // MARK: - Failures

    /// Does a step of the work. One that fails gives the study back: at once and free of charge where the disk is full
    /// or the service stops, else for another attempt and in the end as a dead letter.
    func attempt<Value>(_ lease: WorkLease, _ step: () throws -> Value) -> Value? {
        do {
            return try step()
        } catch let error where Ledger.isOutOfSpace(error) {
            logger.error("no room for results: the study waits", metadata: ["item": "\(lease.item.id)"])
            Thread.sleep(forTimeInterval: 1)
            putBack(lease)
        } catch is CancellationError {
            putBack(lease)
        } catch {
            fail(lease, reason: "\(error)")
        }
        return nil
    }

    private func putBack(_ lease: WorkLease) {
        settle(lease) { db in try WorkQueue.putBack(lease, at: Date(), in: db) }
    }

    private func fail(_ lease: WorkLease, reason: String) {
        logger.error(
            "a study could not be worked on", metadata: ["item": "\(lease.item.id)", "reason": "\(reason)"])
        settle(lease) { db in
            let now = Date()
            let state = try WorkQueue.fail(
                lease, reason: reason,
                retryAt: now.advanced(by: retry.backoff.delay(afterFailures: lease.item.attempts)),
                maximumAttempts: retry.maximumAttempts, at: now, in: db)
            let study = try Worklist.Study.fetch(id: lease.item.studyID, in: db)
            try AuditLog.append(ReadingEvents.failed(study, reason: reason, isFinal: state == .deadLetter), in: db)
            if state == .deadLetter { count("deadLetter") }
        }
    }

    private func settle(_ lease: WorkLease, _ body: (Database) throws -> Void) {
        do {
            try ledger.write(body)
        } catch {
            unsettled.withLock { $0.append(lease) }
            logger.error("a study stays leased", metadata: ["item": "\(lease.item.id)", "error": "\(error)"])
        }
    }

    /// Gives back what could not be given back before. As long as that fails, nothing new can be begun either.
    func settleLate(in db: Database) throws {
        for lease in unsettled.withLock({ $0 }) {
            do {
                try WorkQueue.putBack(lease, at: Date(), in: db)
            } catch is WorklistError {
                // It ran out meanwhile, and the study waits already.
            }
        }
        db.afterNextTransaction { [self] _ in unsettled.withLock { $0.removeAll() } }
    }

    // MARK: - Steps

    /// Loads and prepares a leased study.
    func open(_ lease: WorkLease, _ preparation: StudyPreparation) throws -> LeasedStudy {
        let (study, instances) = try ledger.pool.read { db in
            (
                try Worklist.Study.fetch(id: lease.item.studyID, in: db),
                try WorkQueue.instances(of: lease.item, in: db).filter(\.isOnDisk)
            )
        }
        let files = instances.map { instance in
            StudyFile(url: URL(fileURLWithPath: storage.absolute(instance.path)), sha256: instance.sha256)
        }
        var prepared = preparation.prepare(files)
        if study.demographicsDiffer {
            prepared.abstention = Abstention(
                reason: "identity_conflict", detail: "Images of this study disagree about the patient.")
        }
        return LeasedStudy(lease: lease, study: study, instances: instances, prepared: prepared)
    }

    /// Makes the outcome of a study durable.
    ///
    /// - Parameter result: what the model answered; nil where the study was not given to it.
    func conclude(
        _ study: LeasedStudy, _ result: Result<StudyReading, any Error>?, _ model: ModelIdentity, disclaimer: String,
        _ settings: ReadingConfiguration
    ) throws {
        let reading: Reading
        var record: ReadingRecord?
        switch result {
        case .success(let made):
            reading = made.reading
            record = made.record
        case .failure(let error):
            if error is CancellationError { throw error }
            let abstention = Abstention(failure: error)
            record = (error as? UnusableReading)?.record
            logger.warning(
                "the model could not read a study",
                metadata: ["item": "\(study.lease.item.id)", "reason": "\(abstention.reason)", "error": "\(error)"])
            // An answer that cannot be used comes again: the model leaves nothing to chance.
            let attempts = min(settings.maximumAttempts, retry.maximumAttempts)
            if abstention.reason != "output_unusable", study.lease.item.attempts < attempts {
                throw error
            }
            reading = study.abstention(abstention, model, disclaimer: disclaimer)
        case nil:
            let reason = study.prepared.abstention ?? Abstention(reason: "no_image")
            reading = study.abstention(reason, model, disclaimer: disclaimer)
        }
        do {
            try keep(study, reading, record)
        } catch let error where reading.abstention == nil && (error is InvalidReading || error is ResultsError) {
            // Abstain rather than deliver half: what cannot be built is said to be so.
            logger.error(
                "results could not be built", metadata: ["item": "\(study.lease.item.id)", "error": "\(error)"])
            try keep(
                study, study.abstention(Abstention(failure: error), model, disclaimer: disclaimer), record)
        }
    }

    /// Builds and persists the objects, then commits everything that follows from them at once.
    private func keep(_ study: LeasedStudy, _ reading: Reading, _ record: ReadingRecord?) throws {
        let destinations = destinations.withLock { $0 }.filter { !$0.results.isEmpty }
            .map { reading.abstention == nil ? $0 : $0.hearingOfAbstentions }
        let earlier = try ledger.pool.read { db in
            try ResultStore.results(ofStudy: study.study.id, in: db)
        }
        let built = try builder.make(study, reading, destinations: destinations, earlier: earlier)
        try ledger.write { db in
            let now = Date()
            let item = study.lease.item
            try AuditLog.append(
                ReadingEvents.concluded(study, reading, record, results: built.map(\.result)), in: db)
            for object in built {
                let stored = try ResultStore.record(object.result, for: item, at: now, in: db)
                try AuditLog.append(ReadingEvents.created(stored, study.study), in: db)
                for destination in destinations where object.isWanted(by: destination) {
                    try DeliveryQueue.enqueue(
                        DeliverableObject(stored), to: destination.name, studyID: study.study.id, workItemID: item.id,
                        priority: item.priority, demandsCommitment: destination.commitment != nil, at: now, in: db)
                }
            }
            let outcome = reading.abstention.map { WorkOutcome.abstained(reason: $0.reason) } ?? .delivered
            try WorkQueue.finish(study.lease, as: outcome, at: now, in: db)
        }
        count(reading.abstention == nil ? "read" : "abstained")
        deliveriesWaiting()
    }

    private func count(_ outcome: String) {
        Counter(label: "cxrgate_studies_concluded_total", dimensions: [("outcome", outcome)]).increment()
    }
}

extension DestinationConfiguration {
    /// A destination that wants pictures only is still told why there are none.
    fileprivate var hearingOfAbstentions: DestinationConfiguration {
        guard results.isDisjoint(with: [.narrative, .findings]) else { return self }
        var destination = self
        destination.results.insert(.narrative)
        return destination
    }
}

extension Abstention {
    /// What a failed reading is called in the results.
    public init(failure error: any Error) {
        switch error {
        case ReadingError.deadline: self.init(reason: "timed_out")
        case let error as UnusableReading: self.init(reason: "output_unusable", detail: error.reason)
        case ReadingError.unusableAnswer(let why): self.init(reason: "output_unusable", detail: why)
        case is InvalidReading: self.init(reason: "output_unusable")
        case ResultsError.unrenderable: self.init(reason: "unreadable_pixels")
        case is ResultsError: self.init(reason: "internal_error")
        default: self.init(reason: "model_failed")
        }
    }
}
