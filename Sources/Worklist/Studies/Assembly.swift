import Foundation
import GRDB

/// Brings the instances of a study together across associations, and decides when they become work.
///
/// A study is quiet when no open association holds it and its quiet period is over. Quiet is not complete: an image that
/// comes later makes the next revision.
public enum Assembly {
    /// Says that an open association has sent instances of the study. ``StudyStore/record(_:at:in:)`` does so by itself.
    static func hold(studyID: Int64, by association: String, in db: Database) throws {
        try db.run("INSERT OR IGNORE INTO hold (association, studyID) VALUES (?, ?)", [association, studyID])
    }

    /// Ends the holds of an association that was released, aborted or lost.
    public static func release(association: String, in db: Database) throws {
        try db.run("DELETE FROM hold WHERE association = ?", [association])
    }

    /// Starts or prolongs the quiet period.
    static func postpone(studyID: Int64, until quietAt: Date, at now: Date, in db: Database) throws {
        try db.run(
            "UPDATE study SET quietAt = max(coalesce(quietAt, 0), ?) WHERE id = ?", [quietAt.milliseconds, studyID])
        try StudyStates.advance(studyID: studyID, at: now, in: db)
    }

    /// Ends the assembly of every study that is quiet, and makes work items of their unprocessed instances.
    /// - Parameters:
    ///   - kinds: one work item of each is made; none leaves the instances unprocessed and the study `stored`.
    ///   - limit: at most so many studies, so that one transaction stays short.
    /// - Returns: the items, the more urgent first. A study with nothing to work on makes none and becomes `stored`.
    public static func studiesBecomingQuiet(
        at now: Date, kinds: [WorkKind] = [.read], limit: Int = 100, in db: Database
    ) throws -> [WorkItem] {
        let quiet = try db.rows(
            """
            SELECT id FROM study
            WHERE quietAt IS NOT NULL AND quietAt <= ? AND NOT EXISTS (SELECT 1 FROM hold WHERE studyID = study.id)
            ORDER BY priority, quietAt LIMIT ?
            """,
            [now.milliseconds, limit])
        return try quiet.flatMap { row -> [WorkItem] in
            let studyID: Int64 = row["id"]
            if !kinds.isEmpty, try hasUnprocessedInstances(studyID: studyID, in: db) {
                return try start(studyID: studyID, kinds: kinds, at: now, in: db)
            }
            try db.run("UPDATE study SET quietAt = NULL WHERE id = ?", [studyID])
            try StudyStates.advance(studyID: studyID, at: now, in: db)
            return []
        }
    }

    /// Whether instances of the study have not been made work of.
    public static func hasUnprocessedInstances(studyID: Int64, in db: Database) throws -> Bool {
        try db.row(
            """
            SELECT 1 FROM instance
            WHERE studyID = ? AND revision IS NULL AND disposition = 'toRead' AND missingSince IS NULL
            """,
            [studyID]) != nil
    }

    /// When the next study that nobody holds ends its quiet period; `nil` when none is assembling.
    public static func nextQuietTime(in db: Database) throws -> Date? {
        try db.row(
            """
            SELECT min(quietAt) AS quietAt FROM study
            WHERE quietAt IS NOT NULL AND NOT EXISTS (SELECT 1 FROM hold WHERE studyID = study.id)
            """
        ).flatMap { row in row.date("quietAt") }
    }

    /// Makes work of a study's unprocessed instances now, quiet or not (a frontal view is read before the lateral comes).
    ///
    /// Items that nobody has begun take the new instances in; otherwise they make the next revision. Without new instances
    /// the next revision works on the known ones again.
    /// - Parameter endingAssembly: false when more may come: the quiet period runs on.
    @discardableResult
    public static func start(
        studyID: Int64, kinds: [WorkKind] = [.read], endingAssembly: Bool = true, at now: Date, in db: Database
    ) throws -> [WorkItem] {
        let study = try Study.fetch(id: studyID, in: db)
        let untouched = try db.rows(
            """
            SELECT * FROM workItem WHERE studyID = ?1 AND revision = ?2 AND NOT EXISTS (
                SELECT 1 FROM workItem WHERE studyID = ?1 AND revision = ?2 AND (leaseCount > 0 OR state <> 'ready'))
            """,
            [studyID, study.revision]
        ).map(WorkItem.init(row:))
        let absorbs = !untouched.isEmpty && Set(untouched.map(\.kind)) == Set(kinds)
        let revision = absorbs ? study.revision : study.revision + 1
        try db.run(
            """
            UPDATE instance SET revision = ?
            WHERE studyID = ? AND revision IS NULL AND disposition = 'toRead' AND missingSince IS NULL
            """,
            [revision, studyID])
        try db.run(
            "UPDATE study SET revision = ?, quietAt = CASE WHEN ? THEN NULL ELSE quietAt END WHERE id = ?",
            [revision, endingAssembly, studyID])
        let items =
            absorbs
            ? untouched
            : try kinds.map { kind in
                try WorkQueue.insert(
                    kind: kind, studyID: studyID, revision: revision, priority: study.priority, at: now, in: db)
            }
        try StudyStates.advance(studyID: studyID, at: now, in: db)
        return items
    }
}
