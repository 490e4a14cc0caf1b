import Foundation
import GRDB

/// What start-up found left over from the last run.
public struct RecoveryReport: Sendable, Equatable, Codable {
    /// Associations' holds that nobody will release any more.
    public var holdsCleared = 0
    /// Work items that a dead worker held: waiting again.
    public var workItemsReleased = 0
    /// Work items that a dead worker held once too often: dead letters now.
    public var workItemsDeadLettered = 0
    public var deliveriesReleased = 0
}

/// How rows and files agree.
public struct ReconciliationReport: Sendable, Equatable, Codable {
    /// Files seen on disk.
    public var filesSeen = 0
    /// Paths of rows whose file is gone: marked missing, left out of work until the same bytes arrive again.
    public var rowsWithoutFile: [String] = []
    /// Paths of rows that were marked missing and whose file is back.
    public var rowsWithFileAgain: [String] = []
    /// Files that no row speaks of. The caller adopts one by recording it with ``StudyStore/record(_:at:in:)``.
    public var filesWithoutRow: [String] = []
    /// Files that a purge gave up and did not come to remove: the caller removes them.
    public var purgedFiles: [String] = []

    /// Rows and files agree.
    public var isClean: Bool {
        rowsWithoutFile.isEmpty && rowsWithFileAgain.isEmpty && filesWithoutRow.isEmpty && purgedFiles.isEmpty
    }
}

/// Puts the store in order at start-up, before the first association and the first worker.
public enum Recovery {
    /// Takes back what the last run held: holds of its associations, leases of its workers and senders.
    public static func releaseEverything(
        at now: Date, maximumWorkAttempts: Int, maximumDeliveryAttempts: Int, in db: Database
    ) throws -> RecoveryReport {
        var report = RecoveryReport()
        report.holdsCleared = try db.int("SELECT count(*) FROM hold")
        try db.run("DELETE FROM hold")
        let items = try WorkQueue.releaseExpiredLeases(
            at: now, all: true, maximumAttempts: maximumWorkAttempts, in: db)
        report.workItemsReleased = items.filter { $0.state == .ready }.count
        report.workItemsDeadLettered = items.filter { $0.state == .deadLetter }.count
        report.deliveriesReleased = try DeliveryQueue.releaseExpiredLeases(
            at: now, all: true, maximumAttempts: maximumDeliveryAttempts, in: db)
        return report
    }

    /// Compares rows with the files on disk; must not run while instances are being received.
    ///
    /// A file without a row is what a crash between rename and commit leaves: its sender was never told success.
    /// - Parameter paths: every file of the store (studies, results, quarantine), relative to the storage root; consumed
    ///   as a stream.
    public static func reconcile(
        paths: some Sequence<String>, at now: Date, in db: Database
    ) throws -> ReconciliationReport {
        try db.execute(sql: "CREATE TEMP TABLE fileOnDisk (path TEXT PRIMARY KEY) WITHOUT ROWID")
        let report = Swift.Result { try compare(paths: paths, at: now, in: db) }
        try db.execute(sql: "DROP TABLE temp.fileOnDisk")
        return try report.get()
    }

    private static func compare(
        paths: some Sequence<String>, at now: Date, in db: Database
    ) throws -> ReconciliationReport {
        var report = ReconciliationReport()
        let insert = try db.makeStatement(sql: "INSERT OR IGNORE INTO fileOnDisk (path) VALUES (?)")
        for path in paths {
            try insert.execute(arguments: [path])
            report.filesSeen += 1
        }
        for table in ["instance", "result"] {
            report.rowsWithoutFile += try String.fetchAll(
                db,
                sql: """
                    UPDATE \(table) SET missingSince = ? WHERE missingSince IS NULL AND purgedAt IS NULL
                        AND path NOT IN (SELECT path FROM fileOnDisk) RETURNING path
                    """,
                arguments: [now.milliseconds])
            report.rowsWithFileAgain += try String.fetchAll(
                db,
                sql: """
                    UPDATE \(table) SET missingSince = NULL WHERE missingSince IS NOT NULL
                        AND path IN (SELECT path FROM fileOnDisk) RETURNING path
                    """)
        }
        report.filesWithoutRow = try String.fetchAll(
            db,
            sql: """
                SELECT path FROM fileOnDisk
                EXCEPT SELECT path FROM instance EXCEPT SELECT path FROM result EXCEPT SELECT path FROM quarantinedFile
                ORDER BY path
                """)
        report.purgedFiles = try String.fetchAll(
            db,
            sql: """
                SELECT path FROM instance WHERE purgedAt IS NOT NULL AND path IN (SELECT path FROM fileOnDisk)
                UNION SELECT path FROM result WHERE purgedAt IS NOT NULL AND path IN (SELECT path FROM fileOnDisk)
                ORDER BY path
                """)
        report.rowsWithoutFile.sort()
        report.rowsWithFileAgain.sort()
        return report
    }
}
