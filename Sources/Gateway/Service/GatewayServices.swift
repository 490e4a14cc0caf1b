import Audit
import Cryptography
import DICOM
import DICOMNetwork
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals
import Worklist

/// The gateway as a whole: opens everything in order, recovers from the last run, then serves until it is told to stop.
public struct GatewayServices: Sendable {
    private let configuration: GatewayConfiguration
    private let reload: @Sendable () throws -> GatewayConfiguration
    private let logger: Logger
    private let metrics: PrometheusMetrics

    /// - Parameters:
    ///   - configuration: What to run with.
    ///   - metrics: What swift-metrics was set up with; shown by the operations endpoint.
    ///   - reload: Reads the configuration anew, when SIGHUP asks for it.
    public init(
        _ configuration: GatewayConfiguration, logger: Logger, metrics: PrometheusMetrics,
        reload: @escaping @Sendable () throws -> GatewayConfiguration
    ) {
        self.configuration = configuration
        self.logger = logger
        self.metrics = metrics
        self.reload = reload
    }

    /// Serves until SIGTERM or SIGINT. SIGHUP reloads sources, destinations and limits.
    ///
    /// - Parameter ready: Called with the ports when associations are accepted.
    /// - Throws: What keeps the gateway from starting: a port, a certificate, the database, the signing key.
    public func run(ready: @escaping @Sendable ([UInt16]) -> Void = { _ in }) async throws {
        NetworkSettings().apply()
        let storage = try StorageRoot(path: configuration.storage.directory)
        let lock = try StorageLock(storage)
        defer { lock.release() }
        let ledger = try Ledger(path: configuration.storage.databasePath, logger: logger)
        let keeper = try AuditKeeper(
            pool: ledger.pool, key: signingKey(storage),
            headFile: configuration.audit.headFile.map { URL(fileURLWithPath: $0) })
        try recover(storage, ledger)

        let delivery = DeliveryService(
            storage: storage, ledger: ledger, retry: configuration.retry, logger: logger)
        let commitments = CommitmentReceiver(ledger: ledger, retry: configuration.retry, logger: logger) {
            delivery.wake()
        }
        let freeSpace = FreeSpace(path: storage.path, watermark: configuration.storage.watermark) { isLow in
            report(isLow: isLow, ledger)
        }
        let identity = configuration.station.identity
        let selfTest = SelfTest(identity: identity)
        let slot = await ModelSlot(
            configuration.reading, selfTest: selfTest, ledger: ledger, logger: logger)
        let outcomes = StudyOutcomes(
            storage: storage, ledger: ledger, retry: configuration.retry, identity: identity,
            destinations: configuration.destinations, logger: logger
        ) { delivery.wake() }
        let reading = ReadingService(
            configuration.reading, slot: slot, outcomes: outcomes, ledger: ledger, logger: logger)
        let testing = SelfTestService(selfTest, slot: slot, ledger: ledger, logger: logger) { reading.configuration }
        let receiver = InstanceReceiver(
            storage: storage, ledger: ledger, freeSpace: freeSpace, rules: configuration.rules,
            commitments: commitments, reading: reading, logger: logger
        ) { delivery.wake() }
        try delivery.configure(configuration.destinations, commitments: receiver)
        let reception = try ReceptionService(configuration, receiver: receiver, ledger: ledger, logger: logger)
        let maintenance = MaintenanceService(
            ledger: ledger, retry: configuration.retry, freeSpace: freeSpace, reading: reading,
            purge: StudyPurge(storage: storage, ledger: ledger, logger: logger),
            retention: configuration.storage.retention, logger: logger)
        let reloading = await ReloadService(current: configuration, load: reload, ledger: ledger, logger: logger) {
            new in
            try delivery.configure(new.destinations, commitments: receiver)
            outcomes.update(new.destinations)
            reading.update(new.reading)
            receiver.update(new.rules)
            freeSpace.update(new.storage.watermark)
            maintenance.update(retention: new.storage.retention)
        }
        let forwarders = try configuration.audit.repositories.map {
            ForwarderService(forwarder: try $0.forwarder(ledger: ledger, logger: logger))
        }
        let readiness = Readiness()
        readiness.register("associations") { receiver.isAccepting ? nil : "the gateway is stopping" }
        readiness.register("disk") { freeSpace.isLow ? "less is free than the watermark of storage demands" : nil }
        readiness.register("model") {
            slot.isMissing ? "the configured model is not loaded; studies wait" : nil
        }
        let manager = ServiceManager()
        let operations = OperationsService(
            configuration.operations,
            pages: OperationsPages(
                metrics: metrics, readiness: readiness, ledger: ledger, freeSpace: freeSpace,
                openAssociations: { receiver.openAssociations }),
            manager: manager, logger: logger)
        ledger.record(AuditEvent(.serviceStarted, description: "Version \(Implementation.version)."))
        // Stopped in reverse: reception first, the audit keeper, which signs the last record, and what watches it last.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: operations)] + forwarders.map { .init(service: $0) } + [
                    .init(service: KeeperService(keeper: keeper, ledger: ledger)),
                    .init(service: delivery), .init(service: reading), .init(service: testing),
                    .init(service: maintenance), .init(service: reloading), .init(service: reception),
                    .init(service: ReadinessNotice(manager: manager) { ready(reception.ports) }),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private func signingKey(_ storage: StorageRoot) throws -> Ed25519.SigningKey {
        let name = configuration.audit.signingKey
        let url = URL(fileURLWithPath: name.hasPrefix("/") ? name : storage.absolute(name))
        if FileManager.default.fileExists(atPath: url.path) {
            return try Ed25519.SigningKey(contentsOf: url)
        }
        let key = try Ed25519.SigningKey.generate()
        try key.save(to: url)
        logger.notice(
            "made the audit log's signing key; keep a copy in a safe place", metadata: ["file": "\(url.path)"])
        return key
    }

    /// Puts files and rows in order before the first association.
    private func recover(_ storage: StorageRoot, _ ledger: Ledger) throws {
        let leftovers = try storage.clearIncoming()
        let (report, reconciliation) = try ledger.write { db in
            let now = Date()
            let report = try Recovery.releaseEverything(
                at: now, maximumWorkAttempts: configuration.retry.maximumAttempts,
                maximumDeliveryAttempts: configuration.retry.maximumAttempts, in: db)
            return (report, try Recovery.reconcile(paths: storage.keptFiles(), at: now, in: db))
        }
        for path in reconciliation.purgedFiles {
            try? FileManager.default.removeItem(atPath: storage.absolute(path))
        }
        if leftovers > 0 || report.deliveriesReleased > 0 || report.workItemsReleased > 0 {
            logger.notice(
                "recovered from the last run",
                metadata: [
                    "unacknowledged": "\(leftovers)", "deliveriesReleased": "\(report.deliveriesReleased)",
                    "workItemsReleased": "\(report.workItemsReleased)",
                ])
        }
        for path in reconciliation.rowsWithoutFile {
            logger.error("a stored file is missing", metadata: ["file": "\(path)"])
            ledger.record(
                AuditEvent(
                    .securityAlert, outcome: .seriousFailure, description: "A stored file is missing.",
                    objects: [ParticipantObject(.file, identifier: path)]))
        }
        for path in reconciliation.filesWithoutRow {
            // Never acknowledged: its sender keeps it. It stays for the administrator to look at.
            logger.warning("a file without a row", metadata: ["file": "\(path)"])
        }
    }

    private func report(isLow: Bool, _ ledger: Ledger) {
        if isLow {
            logger.critical("the disk is almost full: instances are refused until there is room")
        } else {
            logger.notice("there is room on the disk again: instances are accepted")
        }
        ledger.record(
            AuditEvent(
                .securityAlert, outcome: isLow ? .seriousFailure : .success,
                description: isLow
                    ? "The disk is almost full: instances are refused." : "There is room on the disk again."))
    }
}

extension StorageConfiguration {
    var watermark: FreeSpace.Watermark {
        FreeSpace.Watermark(bytes: minimumFreeBytes, percent: minimumFreePercent)
    }
}

extension GatewayConfiguration {
    /// The part of the configuration that decides about associations and instances.
    var rules: InstanceReceiver.Rules {
        InstanceReceiver.Rules(
            policy: AccessPolicy(
                calledAETitles: aeTitles,
                sources: sources.map {
                    AccessPolicy.Source(
                        aeTitle: $0.aeTitle, networks: $0.networks, maximumAssociations: $0.maximumAssociations,
                        requiresTLS: $0.requiresTLS)
                },
                maximumAssociations: associations.maximum),
            sources: sources, destinations: destinations, maximumObjectBytes: storage.maximumObjectBytes)
    }
}
