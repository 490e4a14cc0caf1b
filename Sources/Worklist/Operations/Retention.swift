import Foundation
import GRDB

/// A study whose files may go.
public struct RetentionCandidate: Sendable, Equatable {
    public let studyID: Int64
    public let studyInstanceUID: String
    public let state: StudyState
    public let settledAt: Date
    public let byteCount: Int64
}

/// Finds what the configured retention time allows to be removed, and forgets its files.
///
/// Never before everything of the study is delivered, and committed where that is demanded; never with a dead letter.
public enum Retention {
    /// Studies that came to rest before a time and have nothing open, the longest at rest first.
    public static func candidates(
        restingSince limitTime: Date, limit: Int = 100, in db: Database
    ) throws -> [RetentionCandidate] {
        try db.rows(
            """
            SELECT id, studyInstanceUID, state, stateSince,
                (SELECT coalesce(sum(byteCount), 0) FROM instance WHERE studyID = study.id)
                + (SELECT coalesce(sum(byteCount), 0) FROM result WHERE studyID = study.id) AS byteCount
            FROM study
            WHERE state IN ('delivered', 'abstained', 'stored') AND stateSince <= ?1 AND lastReceivedAt <= ?1
                AND \(nothingOpen)
            ORDER BY stateSince, id LIMIT ?2
            """,
            [limitTime.milliseconds, limit]
        ).map { row in
            try RetentionCandidate(
                studyID: row["id"], studyInstanceUID: row["studyInstanceUID"], state: row.value("state"),
                settledAt: row.time("stateSince"), byteCount: row["byteCount"])
        }
    }

    /// Marks the files of a study that is still a candidate as removed. All rows stay: what was read and what became of it
    /// can still be told, our results are still recognised, and the same images coming again are not read again.
    ///
    /// The caller removes the files once this is committed: a crash in between leaves files that
    /// ``Recovery/reconcile(paths:at:in:)`` reports as purged, and never a row that promises a file that is gone.
    /// - Returns: the paths of the files to remove, relative to the storage root.
    /// - Throws: ``WorklistError/illegalTransition(item:from:to:)`` when something of the study is open.
    public static func purge(studyID: Int64, at now: Date, in db: Database) throws -> [String] {
        let study = try Study.fetch(id: studyID, in: db)
        let rests = try db.row("SELECT 1 FROM study WHERE id = ? AND \(nothingOpen)", [studyID]) != nil
        guard rests, [.delivered, .abstained, .stored].contains(study.state) else {
            throw WorklistError.illegalTransition(
                item: "study \(study.studyInstanceUID)", from: study.state.rawValue, to: StudyState.purged.rawValue)
        }
        let paths = try ["instance", "result"].flatMap { table in
            try String.fetchAll(
                db,
                sql: """
                    UPDATE \(table) SET purgedAt = ? WHERE studyID = ? AND purgedAt IS NULL AND missingSince IS NULL
                    RETURNING path
                    """,
                arguments: [now.milliseconds, studyID])
        }
        try StudyStates.enter(.purged, studyID: studyID, revision: study.revision, at: now, in: db)
        return paths
    }

    private static let nothingOpen = """
        quietAt IS NULL
        AND NOT EXISTS (SELECT 1 FROM hold WHERE studyID = study.id)
        AND NOT EXISTS (SELECT 1 FROM workItem WHERE studyID = study.id
                        AND state NOT IN ('delivered', 'abstained'))
        AND NOT EXISTS (SELECT 1 FROM delivery WHERE studyID = study.id
                        AND (settledAt IS NULL OR state = 'deadLetter'))
        AND NOT EXISTS (SELECT 1 FROM instance WHERE studyID = study.id AND revision IS NULL
                        AND disposition = 'toRead' AND missingSince IS NULL)
        """
}
