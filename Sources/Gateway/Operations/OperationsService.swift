import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Serves the pages for monitoring and tells the service manager that the process is alive.
///
/// Radiographs matter more than their metrics: an address that cannot be opened is a warning, and is tried again until it
/// can.
final class OperationsService: Service {
    private let configuration: OperationsConfiguration
    private let pages: OperationsPages
    private let manager: ServiceManager
    private let logger: Logger
    private let endpoint = Mutex<HTTPEndpoint?>(nil)

    /// Opens the endpoint, or says why it cannot be opened yet.
    init(_ configuration: OperationsConfiguration, pages: OperationsPages, manager: ServiceManager, logger: Logger) {
        self.configuration = configuration
        self.pages = pages
        self.manager = manager
        self.logger = logger
        if configuration.enabled {
            open(isFirst: true)
        }
    }

    func run() async throws {
        await withDiscardingTaskGroup { group in
            if configuration.enabled {
                group.addTask { await self.serve() }
            }
            if let interval = manager.watchdogInterval {
                group.addTask { await self.reportAlive(every: interval / 2) }
            }
            try? await gracefulShutdown()
            endpoint.withLock { $0 }?.stop()
            group.cancelAll()
        }
    }

    private func serve() async {
        while !Task.isCancelled {
            if let endpoint = endpoint.withLock({ $0 }) {
                return await onOwnThread("operations") { endpoint.run() }
            }
            try? await Task.sleep(for: .seconds(5))
            if !Task.isCancelled {
                open(isFirst: false)
            }
        }
    }

    private func open(isFirst: Bool) {
        do throws(HTTPEndpoint.Unavailable) {
            let pages = pages
            let opened = try HTTPEndpoint(address: configuration.address, port: configuration.port) { pages.page($0) }
            endpoint.withLock { $0 = opened }
            logger.notice(
                "serving metrics and health",
                metadata: ["address": "\(configuration.address)", "port": "\(opened.port)"])
        } catch {
            guard isFirst else { return }
            logger.warning(
                "no metrics and health until operations.address can be opened", metadata: ["reason": "\(error)"])
        }
    }

    /// Silent when the database does not answer: then the service manager starts the gateway anew.
    private func reportAlive(every interval: Duration) async {
        while !Task.isCancelled {
            if pages.databaseProblem == nil {
                manager.alive()
            }
            try? await Task.sleep(for: interval)
        }
    }
}

/// Tells whoever waits for the gateway that it is ready, and the service manager as soon as the stop begins, before open
/// associations get their time to end.
///
/// A service of its own because the group traps signals before it starts one: a gateway that has said that it is ready
/// stops in good order.
struct ReadinessNotice: Service {
    let manager: ServiceManager
    let ready: @Sendable () -> Void

    func run() async throws {
        ready()
        manager.ready()
        try? await gracefulShutdown()
        manager.stopping()
    }
}
