import Foundation
import GRDB

/// What a storage commitment report matched.
public struct CommitmentReport: Sendable, Equatable {
    /// Committed by this report (a repeated report commits nothing anew).
    public var committed: [Int64] = []
    /// Failed, to be sent again.
    public var redelivered: [Int64] = []
    /// Failed for good.
    public var deadLettered: [Int64] = []
    /// SOP Instance UIDs that this transaction did not ask about.
    public var unknown: [String] = []

    /// Nothing of the report was asked for: the transaction is not ours.
    public var isUnsolicited: Bool { committed.isEmpty && redelivered.isEmpty && deadLettered.isEmpty }
}

/// An instance that the destination did not commit, and its Failure Reason (0008,1197).
public struct CommitmentFailure: Sendable, Equatable {
    public var sopInstanceUID: String
    public var failureReason: UInt16

    public init(sopInstanceUID: String, failureReason: UInt16) {
        self.sopInstanceUID = sopInstanceUID
        self.failureReason = failureReason
    }
}

/// Storage commitment (PS3.4 Annex J) from the requester's side: who was asked for what, and what came back.
public enum Commitments {
    /// Deliveries that were sent and wait for a commitment request that is due; none while the destination's circuit is
    /// open and its probe time has not come.
    public static func awaitingRequest(
        to destination: String, limit: Int = 500, at now: Date, in db: Database
    ) throws -> [Delivery] {
        try db.rows(
            Delivery.selection + """
                 WHERE destination.name = ?1 AND coalesce(destination.probeAt, 0) <= ?2 AND delivery.state = 'sent'
                    AND demandsCommitment = 1 AND notBefore <= ?2
                ORDER BY delivery.id LIMIT ?3
                """,
            [destination, now.milliseconds, limit]
        ).map(Delivery.init(row:))
    }

    /// Notes a request before it goes out: the report may arrive before the N-ACTION response does.
    /// - Throws: ``WorklistError/illegalTransition(item:from:to:)`` for a delivery that is not `sent` with commitment demanded.
    public static func request(
        _ deliveries: [Delivery], transactionUID: String, deadline: Date, at now: Date, in db: Database
    ) throws {
        for delivery in deliveries {
            let present = try Delivery.fetch(id: delivery.id, in: db)
            guard present.state == .sent, present.demandsCommitment else {
                throw WorklistError.illegalTransition(
                    item: delivery.name, from: present.state.rawValue, to: DeliveryState.commitRequested.rawValue)
            }
            try db.run(
                """
                UPDATE delivery SET state = 'commitRequested', commitTransactionUID = ?1, commitDeadline = ?2,
                    commitAttempts = commitAttempts + 1, updatedAt = ?3
                WHERE id = ?4
                """,
                [transactionUID, deadline.milliseconds, now.milliseconds, delivery.id])
        }
    }

    /// The request never reached the destination (no connection): it is made again from `retryAt` on and does not count,
    /// so that a destination that is down for a weekend turns no commitment into a dead letter.
    public static func requestNotSent(
        transactionUID: String, reason: String, retryAt: Date, at now: Date, in db: Database
    ) throws {
        for delivery in try requested(transactionUID, in: db) where delivery.state == .commitRequested {
            try waitToAsk(
                delivery, attempts: delivery.commitAttempts - 1, reason: reason, retryAt: retryAt, at: now, in: db)
        }
    }

    /// The destination refused the request: it is made again from `retryAt` on, at most `maximumAttempts` times.
    public static func requestFailed(
        transactionUID: String, reason: String, retryAt: Date, maximumAttempts: Int, at now: Date, in db: Database
    ) throws {
        for delivery in try requested(transactionUID, in: db) where delivery.state == .commitRequested {
            try askAgain(
                delivery, reason: reason, retryAt: retryAt, maximumAttempts: maximumAttempts, at: now, in: db)
        }
    }

    /// Takes an N-EVENT-REPORT in. An answer that comes after the deadline still counts, as long as nobody asked anew.
    ///
    /// A failed instance is sent again, or becomes a dead letter after `maximumAttempts` requests. A report that comes twice
    /// changes nothing the second time.
    public static func report(
        transactionUID: String, committed: [String], failed: [CommitmentFailure], retryAt: Date,
        maximumAttempts: Int, at now: Date, in db: Database
    ) throws -> CommitmentReport {
        var report = CommitmentReport()
        let asked = try requested(transactionUID, in: db)
        for uid in committed {
            guard let delivery = asked.first(where: { $0.object.sopInstanceUID == uid }) else {
                report.unknown.append(uid)
                continue
            }
            guard delivery.state == .commitRequested || delivery.state == .sent else { continue }
            try db.run(
                """
                UPDATE delivery SET state = 'committed', committedAt = ?1, settledAt = ?1, commitDeadline = NULL,
                    lastError = NULL, updatedAt = ?1
                WHERE id = ?2
                """,
                [now.milliseconds, delivery.id])
            try DeliveryQueue.settled(delivery, at: now, in: db)
            report.committed.append(delivery.id)
        }
        for failure in failed {
            guard let delivery = asked.first(where: { $0.object.sopInstanceUID == failure.sopInstanceUID }) else {
                report.unknown.append(failure.sopInstanceUID)
                continue
            }
            guard delivery.state == .commitRequested || delivery.state == .sent else { continue }
            let reason = "not committed: failure reason \(hexadecimal(failure.failureReason))"
            if delivery.commitAttempts >= maximumAttempts {
                try DeliveryQueue.bury(
                    rowID: delivery.id, status: failure.failureReason, reason: reason, at: now, in: db)
                try DeliveryQueue.settled(delivery, at: now, in: db)
                report.deadLettered.append(delivery.id)
            } else {
                try db.run(
                    """
                    UPDATE delivery SET state = 'pending', attempts = 0, notBefore = ?, lastStatus = ?, lastError = ?,
                        sentAt = NULL, commitTransactionUID = NULL, commitDeadline = NULL, updatedAt = ?
                    WHERE id = ?
                    """,
                    [retryAt.milliseconds, failure.failureReason, reason, now.milliseconds, delivery.id])
                report.redelivered.append(delivery.id)
            }
        }
        return report
    }

    /// Asks again for commitments that were not answered in time; after `maximumAttempts` requests they are dead letters.
    /// - Returns: the deliveries in their new states.
    public static func expire(
        retryAt: Date, maximumAttempts: Int, at now: Date, in db: Database
    ) throws -> [Delivery] {
        let overdue = try db.rows(
            Delivery.selection + " WHERE delivery.state = 'commitRequested' AND commitDeadline <= ?",
            [now.milliseconds]
        ).map(Delivery.init(row:))
        return try overdue.map { delivery in
            try askAgain(
                delivery, reason: "no storage commitment report in time", retryAt: retryAt,
                maximumAttempts: maximumAttempts, at: now, in: db)
            return try Delivery.fetch(id: delivery.id, in: db)
        }
    }

    private static func requested(_ transactionUID: String, in db: Database) throws -> [Delivery] {
        try db.rows(Delivery.selection + " WHERE commitTransactionUID = ?", [transactionUID]).map(Delivery.init(row:))
    }

    private static func askAgain(
        _ delivery: Delivery, reason: String, retryAt: Date, maximumAttempts: Int, at now: Date, in db: Database
    ) throws {
        guard delivery.commitAttempts < maximumAttempts else {
            try DeliveryQueue.bury(rowID: delivery.id, status: nil, reason: reason, at: now, in: db)
            try DeliveryQueue.settled(delivery, at: now, in: db)
            return
        }
        try waitToAsk(
            delivery, attempts: delivery.commitAttempts, reason: reason, retryAt: retryAt, at: now, in: db)
    }

    private static func waitToAsk(
        _ delivery: Delivery, attempts: Int, reason: String, retryAt: Date, at now: Date, in db: Database
    ) throws {
        try db.run(
            """
            UPDATE delivery SET state = 'sent', commitAttempts = ?, notBefore = ?, lastError = ?,
                commitDeadline = NULL, updatedAt = ?
            WHERE id = ?
            """,
            [attempts, retryAt.milliseconds, reason, now.milliseconds, delivery.id])
    }

    private static func hexadecimal(_ status: UInt16) -> String {
        let digits = String(status, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits + "H"
    }
}
