import Foundation
import GRDB

/// A study's entry into a state.
public struct StudyTransition: Sendable, Equatable, Codable {
    public let state: StudyState
    public let enteredAt: Date
    public let revision: Int
}

/// Writes a study's state and its history whenever its instances, work items or deliveries change.
public enum StudyStates {
    /// The states that a study went through, oldest first.
    public static func history(ofStudy studyID: Int64, in db: Database) throws -> [StudyTransition] {
        try db.rows("SELECT state, enteredAt, revision FROM studyTransition WHERE studyID = ? ORDER BY id", [studyID])
            .map { row in
                try StudyTransition(
                    state: row.value("state"), enteredAt: row.time("enteredAt"), revision: row["revision"])
            }
    }

    /// Stores the state that follows from what is open in the study; work comes before assembly, assembly before delivery.
    static func advance(studyID: Int64, at now: Date, in db: Database) throws {
        guard
            let row = try db.row(
                """
                SELECT state, quietAt, revision,
                    EXISTS (SELECT 1 FROM workItem WHERE studyID = study.id AND state = 'leased') AS isLeased,
                    EXISTS (SELECT 1 FROM workItem WHERE studyID = study.id AND state = 'ready') AS isReady,
                    EXISTS (SELECT 1 FROM workItem WHERE studyID = study.id AND state = 'delivering')
                    OR EXISTS (SELECT 1 FROM delivery WHERE studyID = study.id
                               AND state IN ('pending', 'leased', 'commitRequested'))
                    OR EXISTS (SELECT 1 FROM delivery WHERE studyID = study.id AND state = 'sent'
                               AND demandsCommitment = 1) AS isDelivering,
                    EXISTS (SELECT 1 FROM delivery WHERE studyID = study.id AND state = 'deadLetter') AS hasDeadDelivery,
                    EXISTS (SELECT 1 FROM delivery WHERE studyID = study.id) AS hasDelivery,
                    (SELECT state FROM workItem WHERE studyID = study.id ORDER BY revision DESC, id DESC LIMIT 1)
                        AS outcome
                FROM study WHERE id = ?
                """,
                [studyID])
        else { throw WorklistError.noSuchStudy("\(studyID)") }
        let state: StudyState =
            if row["isLeased"] as Bool {
                .working
            } else if row["isReady"] as Bool {
                .queued
            } else if row["quietAt"] as Int64? != nil {
                .assembling
            } else if row["isDelivering"] as Bool {
                .delivering
            } else if row["hasDeadDelivery"] as Bool {
                .deadLetter
            } else if row["outcome"] as String? != nil {
                try row.value("outcome")
            } else if row["hasDelivery"] as Bool {
                .delivered
            } else {
                .stored
            }
        guard state.rawValue != row["state"] as String else { return }
        try enter(state, studyID: studyID, revision: row["revision"], at: now, in: db)
    }

    /// Writes a state whatever the rows say; ``advance(studyID:at:in:)`` is the usual way.
    static func enter(_ state: StudyState, studyID: Int64, revision: Int, at now: Date, in db: Database) throws {
        try db.run(
            "UPDATE study SET state = ?, stateSince = ? WHERE id = ?", [state.rawValue, now.milliseconds, studyID])
        try note(state, ofStudy: studyID, revision: revision, at: now, in: db)
    }

    static func note(
        _ state: StudyState, ofStudy studyID: Int64, revision: Int, at now: Date, in db: Database
    ) throws {
        try db.run(
            "INSERT INTO studyTransition (studyID, state, enteredAt, revision) VALUES (?, ?, ?, ?)",
            [studyID, state.rawValue, now.milliseconds, revision])
    }
}
