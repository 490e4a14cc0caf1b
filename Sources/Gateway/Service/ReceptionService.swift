import Audit
import DICOM
import DICOMNetwork
import Foundation
import Logging
import ServiceLifecycle

/// The listening ports.
final class ReceptionService: Service {
    private let listeners: [StorageSCP]
    private let receiver: InstanceReceiver
    private let ledger: Ledger
    private let grace: Duration
    private let logger: Logger

    /// Opens every port.
    ///
    /// - Throws: `NetworkError.cannotListen` or `NetworkError.badTLS`.
    init(_ configuration: GatewayConfiguration, receiver: InstanceReceiver, ledger: Ledger, logger: Logger) throws {
        self.receiver = receiver
        self.ledger = ledger
        self.logger = logger
        grace = configuration.shutdownGrace
        let limits = configuration.associations
        listeners = try configuration.listeners.map { listener in
            var scp = StorageSCPConfiguration()
            scp.address = listener.address
            scp.port = listener.port
            scp.tls = try listener.tls.map { try TLSContext($0, side: .server) }
            scp.maximumPDULength = limits.maximumPDULength
            scp.acseTimeout = Int32(limits.acseTimeout.seconds)
            scp.dimseTimeout = Int32(limits.dimseTimeout.seconds)
            scp.idleTimeout = Int32(limits.idleTimeout.seconds)
            scp.maximumPending = limits.maximumPending
            scp.sopClassUIDs = StorageSOPClass.defaultAccepted + limits.additionalSOPClasses
            return try StorageSCP(scp, handler: receiver)
        }
        for (listener, scp) in zip(configuration.listeners, listeners) {
            logger.notice(
                "listening",
                metadata: [
                    "address": "\(listener.address)", "port": "\(scp.port)", "tls": "\(listener.tls != nil)",
                    "aeTitles": "\(configuration.aeTitles.joined(separator: ", "))",
                ])
            ledger.record(
                AuditEvent(
                    .networkEntered, destination: Participant(host: listener.address),
                    details: ["port": "\(scp.port)", "tls": "\(listener.tls != nil)"]))
        }
    }

    /// In the order of the configuration.
    var ports: [UInt16] { listeners.map(\.port) }

    func run() async throws {
        try? await gracefulShutdown()
        receiver.close()
        logger.notice("no new associations; open ones may end", metadata: ["grace": "\(grace)"])
        await withDiscardingTaskGroup { group in
            for listener in listeners {
                group.addTask { [grace] in
                    await onOwnThread("stop listening") { listener.stop(grace: grace) }
                }
            }
        }
        ledger.record(AuditEvent(.networkLeft))
    }
}
