import Audit
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Applies a changed configuration on SIGHUP, without dropping an association. A configuration with mistakes changes
/// nothing.
final class ReloadService: Service {
    private let current: Mutex<GatewayConfiguration>
    private let load: @Sendable () throws -> GatewayConfiguration
    private let apply: @Sendable (GatewayConfiguration) throws -> Void
    private let ledger: Ledger
    private let logger: Logger
    private let hangups: UnixSignalsSequence

    /// From here on SIGHUP asks for a reload; before, it ends the process.
    init(
        current: GatewayConfiguration, load: @escaping @Sendable () throws -> GatewayConfiguration, ledger: Ledger,
        logger: Logger, apply: @escaping @Sendable (GatewayConfiguration) throws -> Void
    ) async {
        hangups = await UnixSignalsSequence(trapping: .sighup)
        self.current = Mutex(current)
        self.load = load
        self.ledger = ledger
        self.logger = logger
        self.apply = apply
    }

    func run() async throws {
        for await _ in hangups.cancelOnGracefulShutdown() {
            reload()
        }
    }

    private func reload() {
        do {
            let new = try load()
            try apply(new)
            let old = current.withLock { current in
                defer { current = new }
                return current
            }
            let waiting = new.optionsNeedingRestart(since: old)
            logger.notice("configuration reloaded")
            if !waiting.isEmpty {
                logger.warning(
                    "some changes need a restart", metadata: ["options": "\(waiting.joined(separator: ", "))"])
            }
            ledger.record(
                AuditEvent(
                    .configurationChanged, description: "Reloaded.",
                    details: waiting.isEmpty ? [:] : ["needRestart": waiting.joined(separator: ", ")]))
        } catch {
            logger.error("the configuration was not reloaded, the old one stays", metadata: ["error": "\(error)"])
            ledger.record(
                AuditEvent(.configurationChanged, outcome: .seriousFailure, description: "Not reloaded: \(error)"))
        }
    }
}

extension GatewayConfiguration {
    /// The options that differ and take effect only at the next start.
    func optionsNeedingRestart(since old: GatewayConfiguration) -> [String] {
        var options: [String] = []
        if storage.directory != old.storage.directory { options.append("storage.directory") }
        if listeners != old.listeners { options.append("listeners") }
        if retry != old.retry { options.append("retry") }
        if station != old.station { options.append("station") }
        if audit != old.audit { options.append("audit") }
        if logLevel != old.logLevel { options.append("log-level") }
        if logFormat != old.logFormat { options.append("log-format") }
        if operations != old.operations { options.append("operations") }
        if shutdownGrace != old.shutdownGrace { options.append("shutdown-grace") }
        // The limit of associations is applied; what a listener was made with is not.
        var limits = associations
        limits.maximum = old.associations.maximum
        if limits != old.associations { options.append("associations") }
        return options
    }
}
