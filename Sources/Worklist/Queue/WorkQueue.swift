import Foundation
import GRDB

/// The queue of work items. Every function works inside the caller's transaction.
///
///     ready -> leased -> delivering -> delivered | abstained | deadLetter
///       ^        |-> delivered | abstained    (nothing to deliver, or delivered already)
///       |        |-> deadLetter               (failed for good, or too often)
///       |<-------|                            (failed, released, or its worker died)
///     deadLetter -> ready | delivering        (an operator retries the work, or its deliveries)
///
/// Any other step throws ``WorklistError/illegalTransition(item:from:to:)`` and changes nothing.
public enum WorkQueue {
    static func insert(
        kind: WorkKind, studyID: Int64, revision: Int, priority: Priority, at now: Date, in db: Database
    ) throws -> WorkItem {
        try db.run(
            """
            INSERT INTO workItem (studyID, kind, revision, priority, state, notBefore, createdAt, updatedAt)
            VALUES (?1, ?2, ?3, ?4, 'ready', ?5, ?5, ?5)
            """,
            [studyID, kind.rawValue, revision, priority.rawValue, now.milliseconds])
        return try WorkItem.fetch(id: db.lastInsertedRowID, in: db)
    }

    /// Gives the most urgent waiting item to a worker: STAT first, then by priority, then the oldest.
    ///
    /// A study has one leased item at most, and an item waits for those of earlier revisions, also for one that failed and
    /// is to be tried again: revisions are worked on one after the other, so that each can name the one before.
    /// - Returns: `nil` when nothing is due.
    public static func leaseNext(
        kinds: [WorkKind] = [.read], owner: String, for duration: Duration, at now: Date, in db: Database
    ) throws -> WorkLease? {
        let places = Array(repeating: "?", count: kinds.count).joined(separator: ", ")
        let next = try db.row(
            """
            SELECT id, studyID FROM workItem
            WHERE state = 'ready' AND notBefore <= ? AND kind IN (\(places)) AND NOT EXISTS (
                SELECT 1 FROM workItem AS other WHERE other.studyID = workItem.studyID AND (other.state = 'leased'
                    OR (other.state = 'ready' AND other.kind = workItem.kind AND other.revision < workItem.revision)))
            ORDER BY priority, createdAt, id LIMIT 1
            """,
            StatementArguments([now.milliseconds]) + StatementArguments(kinds.map(\.rawValue)))
        guard let next else { return nil }
        let id: Int64 = next["id"]
        try db.run(
            """
            UPDATE workItem SET state = 'leased', leaseOwner = ?1, leaseUntil = ?2, attempts = attempts + 1,
                leaseCount = leaseCount + 1, startedAt = coalesce(startedAt, ?3), updatedAt = ?3
            WHERE id = ?4
            """,
            [owner, now.advanced(by: duration).milliseconds, now.milliseconds, id])
        try StudyStates.advance(studyID: next["studyID"], at: now, in: db)
        return WorkLease(item: try WorkItem.fetch(id: id, in: db), owner: owner)
    }

    /// Prolongs a lease (the worker's heartbeat).
    /// - Throws: ``WorklistError/leaseLost(item:owner:)``.
    public static func extend(_ lease: WorkLease, for duration: Duration, at now: Date, in db: Database) throws {
        try requireHeld(lease, to: .leased, in: db)
        try db.run(
            "UPDATE workItem SET leaseUntil = ?, updatedAt = ? WHERE id = ?",
            [now.advanced(by: duration).milliseconds, now.milliseconds, lease.item.id])
    }

    /// Ends the work: its results are kept and their deliveries queued, in this same transaction.
    ///
    /// The item is `delivering` while a delivery of it is open, and becomes terminal with the last one.
    /// - Returns: the item's state.
    /// - Throws: ``WorklistError/leaseLost(item:owner:)``, or ``WorklistError/illegalTransition(item:from:to:)``.
    @discardableResult
    public static func finish(
        _ lease: WorkLease, as outcome: WorkOutcome, at now: Date, in db: Database
    ) throws -> WorkState {
        try requireHeld(lease, to: outcome.state, in: db)
        var reason: String?
        if case .abstained(let text) = outcome { reason = text }
        try db.run(
            """
            UPDATE workItem SET state = 'delivering', outcome = ?1, abstentionReason = ?2, finishedAt = ?3,
                leaseOwner = NULL, leaseUntil = NULL, updatedAt = ?3, lastError = NULL
            WHERE id = ?4
            """,
            [outcome.state.rawValue, reason, now.milliseconds, lease.item.id])
        let state = try settle(itemID: lease.item.id, at: now, in: db)
        try StudyStates.advance(studyID: lease.item.studyID, at: now, in: db)
        return state
    }

    /// Ends a lease without success: the item waits until `retryAt`, or is dead after `maximumAttempts` of them.
    /// - Returns: `.ready` or `.deadLetter`.
    @discardableResult
    public static func fail(
        _ lease: WorkLease, reason: String, retryAt: Date, maximumAttempts: Int, at now: Date, in db: Database
    ) throws -> WorkState {
        if lease.item.attempts >= maximumAttempts {
            try bury(lease, reason: reason, at: now, in: db)
            return .deadLetter
        }
        try requireHeld(lease, to: .ready, in: db)
        try db.run(
            """
            UPDATE workItem SET state = 'ready', notBefore = ?, lastError = ?, leaseOwner = NULL, leaseUntil = NULL,
                updatedAt = ?
            WHERE id = ?
            """,
            [retryAt.milliseconds, reason, now.milliseconds, lease.item.id])
        try StudyStates.advance(studyID: lease.item.studyID, at: now, in: db)
        return .ready
    }

    /// Ends a lease for good: trying again cannot help.
    public static func bury(_ lease: WorkLease, reason: String, at now: Date, in db: Database) throws {
        try requireHeld(lease, to: .deadLetter, in: db)
        try db.run(
            """
            UPDATE workItem SET state = 'deadLetter', deadLetterReason = ?1, lastError = ?1, leaseOwner = NULL,
                leaseUntil = NULL, updatedAt = ?2, settledAt = ?2
            WHERE id = ?3
            """,
            [reason, now.milliseconds, lease.item.id])
        try StudyStates.advance(studyID: lease.item.studyID, at: now, in: db)
    }

    /// Gives an unfinished item back without counting the attempt (the service is shutting down).
    public static func putBack(_ lease: WorkLease, at now: Date, in db: Database) throws {
        try requireHeld(lease, to: .ready, in: db)
        try db.run(
            """
            UPDATE workItem SET state = 'ready', attempts = attempts - 1, leaseOwner = NULL, leaseUntil = NULL,
                updatedAt = ?
            WHERE id = ?
            """,
            [now.milliseconds, lease.item.id])
        try StudyStates.advance(studyID: lease.item.studyID, at: now, in: db)
    }

    /// Takes items back from workers that died.
    ///
    /// The attempt counts: an item that kills its worker every time becomes a dead letter instead of an endless crash.
    /// - Parameter all: takes every lease, as at start-up, when no worker of the last run is alive.
    /// - Returns: the items in their new states.
    public static func releaseExpiredLeases(
        at now: Date, all: Bool = false, maximumAttempts: Int, in db: Database
    ) throws -> [WorkItem] {
        let expired = try db.rows(
            "SELECT * FROM workItem WHERE state = 'leased' AND (? OR leaseUntil <= ?)", [all, now.milliseconds]
        ).map(WorkItem.init(row:))
        return try expired.map { item in
            let lease = WorkLease(item: item, owner: item.leaseOwner ?? "")
            let reason = "the lease of \(lease.owner) ran out in attempt \(item.attempts)"
            try fail(lease, reason: reason, retryAt: now, maximumAttempts: maximumAttempts, at: now, in: db)
            return try WorkItem.fetch(id: item.id, in: db)
        }
    }

    /// The instances that an item works on: those of its revision and of the earlier ones, in the order of arrival.
    public static func instances(of item: WorkItem, in db: Database) throws -> [Instance] {
        try db.rows(
            Instance.selection
                + " WHERE instance.studyID = ? AND disposition = 'toRead' AND revision <= ? ORDER BY instance.id",
            [item.studyID, item.revision]
        ).map(Instance.init(row:))
    }

    /// An operator's second chance for a dead item whose work failed; a dead delivery is retried by ``DeliveryQueue``.
    public static func retry(itemID: Int64, at now: Date, in db: Database) throws {
        let item = try WorkItem.fetch(id: itemID, in: db)
        guard item.state == .deadLetter, item.outcome == nil else {
            throw WorklistError.illegalTransition(
                item: "work item \(itemID)", from: item.state.rawValue, to: WorkState.ready.rawValue)
        }
        try db.run(
            """
            UPDATE workItem SET state = 'ready', attempts = 0, notBefore = ?1, deadLetterReason = NULL,
                settledAt = NULL, updatedAt = ?1
            WHERE id = ?2
            """,
            [now.milliseconds, itemID])
        try StudyStates.advance(studyID: item.studyID, at: now, in: db)
    }

    /// How many items are in each state; a state without items is absent.
    public static func counts(in db: Database) throws -> [WorkState: Int] {
        let rows = try db.rows("SELECT state, count(*) AS number FROM workItem GROUP BY state")
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in (try row.value("state"), row["number"] as Int) })
    }

    /// When the next waiting item is due; `nil` when none waits.
    public static func nextDueTime(in db: Database) throws -> Date? {
        try db.row("SELECT min(notBefore) AS due FROM workItem WHERE state = 'ready'").flatMap { $0.date("due") }
    }

    /// Makes an item terminal whose deliveries are all settled.
    @discardableResult
    static func settle(itemID: Int64, at now: Date, in db: Database) throws -> WorkState {
        let item = try WorkItem.fetch(id: itemID, in: db)
        guard item.state == .delivering, let outcome = item.outcome else { return item.state }
        guard
            let counts = try db.row(
                """
                SELECT count(*) AS number, coalesce(sum(settledAt IS NULL), 0) AS open,
                    coalesce(sum(state = 'deadLetter'), 0) AS dead
                FROM delivery WHERE workItemID = ?
                """,
                [itemID])
        else { return item.state }
        guard counts["open"] as Int == 0 else { return .delivering }
        let dead: Int = counts["dead"]
        let state = dead > 0 ? WorkState.deadLetter : outcome.state
        let reason = dead > 0 ? "\(dead) of \(counts["number"] as Int) deliveries failed" : nil
        try db.run(
            "UPDATE workItem SET state = ?1, deadLetterReason = ?2, settledAt = ?3, updatedAt = ?3 WHERE id = ?4",
            [state.rawValue, reason, now.milliseconds, itemID])
        return state
    }

    /// An operator revived a delivery of a dead item.
    static func reopen(itemID: Int64, at now: Date, in db: Database) throws {
        try db.run(
            """
            UPDATE workItem SET state = 'delivering', deadLetterReason = NULL, settledAt = NULL, updatedAt = ?
            WHERE id = ? AND state = 'deadLetter' AND outcome IS NOT NULL
            """,
            [now.milliseconds, itemID])
    }

    private static func requireHeld(_ lease: WorkLease, to state: WorkState, in db: Database) throws {
        let item = try WorkItem.fetch(id: lease.item.id, in: db)
        guard item.leaseCount == lease.item.leaseCount else {
            throw WorklistError.leaseLost(item: lease.name, owner: lease.owner)
        }
        guard item.state == .leased else {
            throw item.state.isTerminal || item.state == .delivering
                ? WorklistError.illegalTransition(item: lease.name, from: item.state.rawValue, to: state.rawValue)
                : WorklistError.leaseLost(item: lease.name, owner: lease.owner)
        }
    }
}
