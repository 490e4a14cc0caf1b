import Audit
import ChestReading
import Foundation
import Logging
import Synchronization

/// The model that reads now. Another takes its place only when it has been loaded and has passed its self-test.
final class ModelSlot: Sendable {
    private struct State {
        /// What is configured; another model may be in use when this one cannot be loaded.
        var choice: ModelChoice
        var hasFailed = false
        var model: ChestModel?
        /// Tells a change that is still loading whether another was asked for meanwhile.
        var changes = 0
    }

    private let state: Mutex<State>
    private let selfTest: SelfTest
    private let ledger: Ledger
    private let logger: Logger

    /// Loads the first model. One that cannot be loaded raises the alarm and keeps no modality from sending: studies wait
    /// until it is mended and a reload asks for it again.
    init(_ configuration: ReadingConfiguration, selfTest: SelfTest, ledger: Ledger, logger: Logger) async {
        self.selfTest = selfTest
        self.ledger = ledger
        self.logger = logger
        var first = State(choice: configuration.model)
        do {
            first.model = try await Self.load(configuration.model)
        } catch {
            first.hasFailed = true
            logger.critical("no model reads: studies are kept and wait", metadata: ["error": "\(error)"])
            ledger.record(
                AuditEvent(
                    .configurationChanged, outcome: .seriousFailure,
                    description: "The model \(configuration.model) is not used, and studies wait: \(error)"))
        }
        state = Mutex(first)
        if let model = first.model { announce(model, "The model is loaded.") }
    }

    /// The model to read with; nil where none is configured.
    var model: ChestModel? { state.withLock(\.model) }

    /// Whether studies are to be read, now or when the model is there.
    var isConfigured: Bool { state.withLock { $0.choice != .none } }

    /// Whether a model is configured and none is there.
    var isMissing: Bool { state.withLock { $0.choice != .none && $0.model == nil } }

    /// Replaces the model while studies go on being read by the old one. A new one that cannot be loaded or does not
    /// find what its self-test shows changes nothing but the alarm.
    func change(_ configuration: ReadingConfiguration) async {
        let choice = configuration.model
        let number = state.withLock { state -> Int? in
            // One that failed may have been mended.
            guard state.choice != choice || state.hasFailed else { return nil }
            state.choice = choice
            state.hasFailed = false
            state.changes += 1
            return state.changes
        }
        guard let number else { return }
        do {
            let model = try await Self.load(choice)
            if let model { try await selfTest.run(model, configuration) }
            let isCurrent = state.withLock { state in
                guard state.changes == number else { return false }
                state.model = model
                return true
            }
            guard isCurrent else { return }
            if let model {
                announce(model, "The model was replaced.")
            } else {
                logger.notice("no model reads from now on")
            }
        } catch {
            state.withLock { if $0.changes == number { $0.hasFailed = true } }
            logger.critical(
                "the new model is not used, the old one reads on",
                metadata: ["model": "\(choice)", "error": "\(error)"])
            ledger.record(
                AuditEvent(
                    .configurationChanged, outcome: .seriousFailure,
                    description: "The model \(choice) is not used: \(error)"))
        }
    }

    private static func load(_ choice: ModelChoice) async throws -> ChestModel? {
        guard let directory = try choice.directory() else { return nil }
        return try await ChestModel.load(directory: directory)
    }

    private func announce(_ model: ChestModel, _ description: String) {
        let identity = model.identity
        logger.notice(
            "model in use",
            metadata: [
                "model": "\(identity.name)", "version": "\(identity.version)", "digest": "\(identity.weightsDigest)",
            ])
        ledger.record(
            AuditEvent(
                .configurationChanged, description: description,
                objects: [
                    ParticipantObject(
                        .model, identifier: identity.weightsDigest, name: "\(identity.name) \(identity.version)")
                ]))
    }
}
