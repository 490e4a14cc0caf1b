import Dispatch
import Foundation
import GRDB
import Logging

/// Forwards the log to one audit record repository, in order, from where the database says that it got to.
///
/// The queue is the log itself and a cursor, so a repository that is down costs nothing and loses nothing, however long.
/// Delivery is at least once: after a broken connection the last records are sent again, and the repository tells
/// repetitions by the record's number. The forwarder's failures go to the application log; the audit log gets one event
/// when the repository is lost and one when it is back. A record that cannot be sent is set aside and named there.
public final class AuditForwarder: Sendable {
    /// How the forwarder paces itself.
    public struct Pace: Sendable {
        /// Records sent before the cursor moves, more than ``overlap``.
        public var batch = 256
        /// Records sent again after a connection broke, beyond those not yet confirmed.
        public var overlap: Int64 = 64
        /// Failed attempts in a row after which the repository counts as lost.
        public var failuresBeforeLost = 3
        /// Pause after the first failure; it doubles with each further one.
        public var firstPause = Duration.seconds(1)
        /// The longest pause.
        public var longestPause = Duration.seconds(60)
        /// Pause between looks for new records.
        public var idlePause = Duration.milliseconds(500)

        /// The pace for a repository on the hospital's network.
        public init() {}
    }

    private let pool: DatabasePool
    private let repository: AuditRepository
    private let source: AuditSource
    private let pseudonymiser: Pseudonymiser?
    private let pace: Pace
    private let logger: Logger
    // Network calls block, so they run here and not on Swift's threads.
    private let queue: DispatchQueue
    private let state = State()

    /// What belongs to the queue.
    private final class State: @unchecked Sendable {
        // Sendable because only work on `queue`, which is serial, touches it.
        var connection: (any SyslogConnection)?
        var mustOverlap = false
        var failures = 0
    }

    /// Takes the service's database and says where to forward to, and whether patients' identifiers go along.
    public init(
        pool: DatabasePool, repository: AuditRepository, source: AuditSource, pseudonymiser: Pseudonymiser? = nil,
        pace: Pace = Pace(), logger: Logger
    ) {
        self.pool = pool
        self.repository = repository
        self.source = source
        self.pseudonymiser = pseudonymiser
        self.pace = pace
        self.logger = logger
        queue = DispatchQueue(label: "audit.forward.\(repository.name)")
    }

    /// What one attempt came to.
    public enum Attempt: Sendable, Equatable {
        /// This many records were forwarded or set aside; 0 when there was nothing to do.
        case forwarded(Int)
        /// The repository is out of reach.
        case unreachable(reason: String)
    }

    /// Forwards until cancelled. Never throws: what fails is tried again.
    public func run() async {
        while !Task.isCancelled {
            let pause: Duration
            switch await forwardBatch() {
            case .forwarded(let count): pause = count > 0 ? .zero : pace.idlePause
            case .unreachable: pause = backOff()
            }
            if pause > .zero { try? await Task.sleep(for: pause) }
        }
        await onQueue { $0.state.connection = nil }
    }

    /// Forwards what one batch holds.
    public func forwardBatch() async -> Attempt {
        await onQueue { $0.attempt() }
    }

    private func onQueue<Value: Sendable>(_ body: @escaping @Sendable (AuditForwarder) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body(self)) }
        }
    }

    private func backOff() -> Duration {
        let failures = queue.sync { state.failures }
        let pause = pace.firstPause * Double(1 << min(max(failures - 1, 0), 16))
        // Jitter keeps many gateways from returning to a restarted repository at once.
        return min(pause, pace.longestPause) * Double.random(in: 0.75...1.25)
    }

    private func attempt() -> Attempt {
        do {
            let count = try forward()
            state.failures = 0
            return .forwarded(count)
        } catch {
            state.connection = nil
            state.mustOverlap = true
            state.failures += 1
            logger.warning(
                "audit repository out of reach",
                metadata: ["repository": "\(repository.name)", "reason": "\(error)", "attempt": "\(state.failures)"])
            if state.failures == pace.failuresBeforeLost { noteLost(reason: "\(error)") }
            return .unreachable(reason: "\(error)")
        }
    }

    private func forward() throws -> Int {
        let queue = ForwardQueue(repository: repository.name)
        let cursor = try queue.cursor(in: pool)
        if let connection = state.connection, !connection.isAlive {
            state.connection = nil
            state.mustOverlap = true
        }
        let begin = state.mustOverlap ? max(0, cursor - pace.overlap) : cursor
        let batch = try pool.read { try queue.batch(after: begin, limit: pace.batch, in: $0) }
        // After a broken connection the last records are sent again even when there is nothing new.
        guard let end = batch.last?.sequence, end > cursor || state.mustOverlap else { return 0 }
        let connection = try state.connection ?? connect()
        state.connection = connection
        let log = try pool.read { try AuditLog.identifier(in: $0) }
        var setAside: [(Int64, String)] = []
        for item in batch {
            do {
                let record = try item.record.get()
                let message = SyslogMessage(record, log: log, source: source, pseudonymiser: pseudonymiser)
                try connection.send(message)
            } catch TransportError.unsendable(let reason) {
                setAside.append((item.sequence, reason))
            } catch let error as AuditError {
                setAside.append((item.sequence, "\(error)"))
            }
        }
        try connection.confirm()
        for (sequence, reason) in setAside where sequence > cursor {
            logger.error(
                "audit record set aside",
                metadata: ["repository": "\(repository.name)", "sequence": "\(sequence)", "reason": "\(reason)"])
        }
        let wasLost = try queue.advance(to: end, setAside: setAside, of: repository, in: pool)
        if wasLost {
            logger.notice("audit repository reached again", metadata: ["repository": "\(repository.name)"])
        }
        state.mustOverlap = false
        return Int(end - cursor)
    }

    private func connect() throws(TransportError) -> any SyslogConnection {
        switch repository.transport {
        case .udp: try UDPConnection(repository)
        case .tls(let identity): try TLSConnection(repository, identity: identity)
        }
    }

    private func noteLost(reason: String) {
        do {
            try ForwardQueue(repository: repository.name).markLost(reason: reason, of: repository, in: pool)
        } catch {
            logger.error(
                "the loss of an audit repository could not be recorded",
                metadata: ["repository": "\(repository.name)", "reason": "\(error)"])
        }
    }
}
