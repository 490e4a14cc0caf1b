import Foundation
import GRDB

/// The queue of deliveries, one line per destination. Every function works inside the caller's transaction.
///
///     pending -> leased -> sent                                    (settled when no commitment is demanded)
///        ^         |        |-> commitRequested -> committed
///        |<--------|        ^           |-> sent                   (no answer in time: ask again)
///        |                  |-----------|-> pending                (not committed: send again)
///     any open state -> deadLetter -> pending                      (an operator retries it)
///
/// Any other step throws ``WorklistError/illegalTransition(item:from:to:)`` and changes nothing.
public enum DeliveryQueue {
    /// Queues an object for a destination; the same bytes are queued for it once in their life.
    /// - Returns: the delivery, new or as it is.
    /// - Throws: ``WorklistError/noSuchDestination(_:)`` for one that was never registered.
    @discardableResult
    public static func enqueue(
        _ object: DeliverableObject, to destination: String, studyID: Int64, workItemID: Int64? = nil,
        priority: Priority = .routine, demandsCommitment: Bool, at now: Date, in db: Database
    ) throws -> Delivery {
        let destinationID = try Destinations.rowID(of: destination, in: db)
        let known = try db.row(
            Delivery.selection + " WHERE delivery.sha256 = ? AND delivery.destinationID = ?",
            [object.sha256, destinationID])
        if let known { return try Delivery(row: known) }
        try db.run(
            """
            INSERT INTO delivery (destinationID, studyID, workItemID, sopInstanceUID, sopClassUID, transferSyntaxUID,
                path, sha256, priority, demandsCommitment, state, notBefore, createdAt, updatedAt)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'pending', ?11, ?11, ?11)
            """,
            [
                destinationID, studyID, workItemID, object.sopInstanceUID, object.sopClassUID,
                object.transferSyntaxUID, object.path, object.sha256, priority.rawValue, demandsCommitment,
                now.milliseconds,
            ])
        let id = db.lastInsertedRowID
        try StudyStates.advance(studyID: studyID, at: now, in: db)
        return try Delivery.fetch(id: id, in: db)
    }

    /// Gives a destination's next deliveries to a sender, for one association: STAT first, then by priority, then the oldest.
    ///
    /// With the destination's circuit open nothing is given until its probe time, and then one delivery as a probe.
    /// - Returns: empty when nothing is due.
    public static func leaseBatch(
        for destination: String, limit: Int, owner: String, for duration: Duration, at now: Date, in db: Database
    ) throws -> [Delivery] {
        let destinationID = try Destinations.rowID(of: destination, in: db)
        let allowance = try Destinations.allowance(of: destinationID, wanting: limit, at: now, in: db)
        let ids = try Int64.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT id FROM delivery WHERE state = 'pending' AND destinationID = ? AND notBefore <= ?
                    ORDER BY priority, id LIMIT ?
                    """),
            arguments: [destinationID, now.milliseconds, allowance])
        if !ids.isEmpty {
            try Destinations.beginProbe(of: destinationID, until: now.advanced(by: duration), at: now, in: db)
        }
        return try ids.map { id in
            try db.run(
                """
                UPDATE delivery SET state = 'leased', leaseOwner = ?, leaseUntil = ?, attempts = attempts + 1,
                    leaseCount = leaseCount + 1, updatedAt = ?
                WHERE id = ?
                """,
                [owner, now.advanced(by: duration).milliseconds, now.milliseconds, id])
            return try Delivery.fetch(id: id, in: db)
        }
    }

    /// Prolongs the leases of a batch that is still being sent.
    public static func extend(_ deliveries: [Delivery], for duration: Duration, at now: Date, in db: Database) throws {
        for delivery in deliveries {
            try requireHeld(delivery, to: .leased, in: db)
            try db.run(
                "UPDATE delivery SET leaseUntil = ?, updatedAt = ? WHERE id = ?",
                [now.advanced(by: duration).milliseconds, now.milliseconds, delivery.id])
        }
    }

    /// The destination answered success or a warning (`status`, for the record).
    public static func markSent(_ delivery: Delivery, status: UInt16, at now: Date, in db: Database) throws {
        try requireHeld(delivery, to: .sent, in: db)
        try db.run(
            """
            UPDATE delivery SET state = 'sent', lastStatus = ?1, lastError = NULL, sentAt = ?2, leaseOwner = NULL,
                leaseUntil = NULL, updatedAt = ?2, settledAt = CASE WHEN demandsCommitment THEN NULL ELSE ?2 END
            WHERE id = ?3
            """,
            [status, now.milliseconds, delivery.id])
        try settled(delivery, at: now, in: db)
    }

    /// The attempt failed in a way that may pass: the delivery waits until `retryAt`, or is dead after `maximumAttempts`.
    /// - Returns: `.pending` or `.deadLetter`.
    @discardableResult
    public static func fail(
        _ delivery: Delivery, status: UInt16? = nil, reason: String, retryAt: Date, maximumAttempts: Int,
        at now: Date, in db: Database
    ) throws -> DeliveryState {
        if delivery.attempts >= maximumAttempts {
            try bury(delivery, status: status, reason: reason, at: now, in: db)
            return .deadLetter
        }
        try requireHeld(delivery, to: .pending, in: db)
        try release(
            delivery, attempts: delivery.attempts, status: status, error: reason, until: retryAt, at: now, in: db)
        return .pending
    }

    /// The object was never offered (no connection, association refused or lost before its turn): not an attempt of it.
    ///
    /// A destination that is down for a weekend so turns nothing into a dead letter; its circuit breaker sets the pace.
    public static func putBack(
        _ delivery: Delivery, reason: String?, until retryAt: Date, at now: Date, in db: Database
    ) throws {
        try requireHeld(delivery, to: .pending, in: db)
        try release(
            delivery, attempts: delivery.attempts - 1, status: nil, error: reason, until: retryAt, at: now, in: db)
    }

    /// The delivery failed for good: a permanent refusal (no accepted context, A9xx, Cxxx).
    public static func bury(
        _ delivery: Delivery, status: UInt16? = nil, reason: String, at now: Date, in db: Database
    ) throws {
        try requireHeld(delivery, to: .deadLetter, in: db)
        try bury(rowID: delivery.id, status: status, reason: reason, at: now, in: db)
        try settled(delivery, at: now, in: db)
    }

    /// Takes deliveries back from senders that died. Whether the destination got the object is unknown: it is sent again.
    ///
    /// The attempt counts: an object that kills its sender every time becomes a dead letter instead of an endless crash.
    /// - Parameter all: takes every lease, as at start-up, when no sender of the last run is alive.
    /// - Returns: how many were released.
    public static func releaseExpiredLeases(
        at now: Date, all: Bool = false, maximumAttempts: Int, in db: Database
    ) throws -> Int {
        let expired = try db.rows(
            Delivery.selection + " WHERE delivery.state = 'leased' AND (? OR leaseUntil <= ?)",
            [all, now.milliseconds]
        ).map(Delivery.init(row:))
        for delivery in expired {
            try fail(
                delivery, reason: "the sender stopped in mid-delivery", retryAt: now,
                maximumAttempts: maximumAttempts, at: now, in: db)
        }
        return expired.count
    }

    /// When a destination's next delivery is due, its circuit breaker taken into account; `nil` when none waits.
    public static func nextDueTime(for destination: String, in db: Database) throws -> Date? {
        try db.row(
            """
            SELECT max(min(notBefore), coalesce(
                (SELECT probeAt FROM destination AS breaker WHERE breaker.id = destinationID), 0)) AS due
            FROM delivery JOIN destination ON destination.id = destinationID
            WHERE delivery.state = 'pending' AND destination.name = ?
            """,
            [destination]
        ).flatMap { row in row.date("due") }
    }

    static func bury(rowID: Int64, status: UInt16?, reason: String, at now: Date, in db: Database) throws {
        try db.run(
            """
            UPDATE delivery SET state = 'deadLetter', deadLetterReason = ?1, lastError = ?1,
                lastStatus = coalesce(?2, lastStatus), leaseOwner = NULL, leaseUntil = NULL, commitDeadline = NULL,
                updatedAt = ?3, settledAt = ?3
            WHERE id = ?4
            """,
            [reason, status, now.milliseconds, rowID])
    }

    /// Carries a settled delivery's state over to its work item and its study.
    static func settled(_ delivery: Delivery, at now: Date, in db: Database) throws {
        if let itemID = delivery.workItemID {
            try WorkQueue.settle(itemID: itemID, at: now, in: db)
        }
        try StudyStates.advance(studyID: delivery.studyID, at: now, in: db)
    }

    private static func release(
        _ delivery: Delivery, attempts: Int, status: UInt16?, error: String?, until retryAt: Date, at now: Date,
        in db: Database
    ) throws {
        try db.run(
            """
            UPDATE delivery SET state = 'pending', attempts = ?, lastStatus = coalesce(?, lastStatus), lastError = ?,
                notBefore = ?, leaseOwner = NULL, leaseUntil = NULL, updatedAt = ?
            WHERE id = ?
            """,
            [attempts, status, error, retryAt.milliseconds, now.milliseconds, delivery.id])
    }

    private static func requireHeld(_ delivery: Delivery, to state: DeliveryState, in db: Database) throws {
        let present = try Delivery.fetch(id: delivery.id, in: db)
        guard present.leaseCount == delivery.leaseCount, present.state != .pending else {
            throw WorklistError.leaseLost(item: delivery.name, owner: delivery.leaseOwner ?? "nobody")
        }
        guard present.state == .leased else {
            throw WorklistError.illegalTransition(
                item: delivery.name, from: present.state.rawValue, to: state.rawValue)
        }
    }
}
