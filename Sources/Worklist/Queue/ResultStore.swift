import Foundation
import GRDB

/// A DICOM object that we made, whose file is already durable.
public struct NewResult: Sendable, Equatable {
    /// What it is to the pipeline, for example `sr`, `tid1500`, `gsps`, `overlay`, `kos`.
    public var kind: String
    public var sopInstanceUID: String
    public var sopClassUID: String
    public var transferSyntaxUID: String
    /// Relative to the storage root.
    public var path: String
    public var byteCount: Int64
    public var sha256: String

    public init(
        kind: String, sopInstanceUID: String, sopClassUID: String, transferSyntaxUID: String, path: String,
        byteCount: Int64, sha256: String
    ) {
        self.kind = kind
        self.sopInstanceUID = sopInstanceUID
        self.sopClassUID = sopClassUID
        self.transferSyntaxUID = transferSyntaxUID
        self.path = path
        self.byteCount = byteCount
        self.sha256 = sha256
    }
}

/// A kept result.
public struct StoredResult: Sendable, Equatable, Identifiable {
    public let id: Int64
    public let studyID: Int64
    public let workItemID: Int64
    /// The result of the same kind in the revision before, which this one replaces.
    public let predecessorID: Int64?
    public let revision: Int
    public let object: NewResult
    public let createdAt: Date
    public let missingSince: Date?
    public let purgedAt: Date?

    init(row: Row) {
        id = row["id"]
        studyID = row["studyID"]
        workItemID = row["workItemID"]
        predecessorID = row["predecessorID"]
        revision = row["revision"]
        object = NewResult(
            kind: row["kind"], sopInstanceUID: row["sopInstanceUID"], sopClassUID: row["sopClassUID"],
            transferSyntaxUID: row["transferSyntaxUID"], path: row["path"], byteCount: row["byteCount"],
            sha256: row["sha256"])
        createdAt = row.time("createdAt")
        missingSince = row.date("missingSince")
        purgedAt = row.date("purgedAt")
    }
}

/// Keeps account of the objects that we made: persisted once, never rewritten.
public enum ResultStore {
    /// Makes the row of a result, or returns the one that is there.
    ///
    /// The predecessor is the latest result of the same kind in an earlier revision of the study.
    /// - Throws: ``WorklistError/resultDiffers(sopInstanceUID:)`` when the UID is known with other bytes.
    public static func record(
        _ object: NewResult, for item: WorkItem, at now: Date, in db: Database
    ) throws -> StoredResult {
        if let known = try result(sopInstanceUID: object.sopInstanceUID, in: db) {
            guard known.object.sha256 == object.sha256 else {
                throw WorklistError.resultDiffers(sopInstanceUID: object.sopInstanceUID)
            }
            if known.missingSince != nil || known.purgedAt != nil {
                try db.run(
                    "UPDATE result SET missingSince = NULL, purgedAt = NULL, path = ? WHERE id = ?",
                    [object.path, known.id])
                return try result(sopInstanceUID: object.sopInstanceUID, in: db) ?? known
            }
            return known
        }
        try db.run(
            """
            INSERT INTO result (studyID, workItemID, predecessorID, kind, revision, sopInstanceUID, sopClassUID,
                transferSyntaxUID, path, byteCount, sha256, createdAt)
            VALUES (?1, ?2, (SELECT id FROM result WHERE studyID = ?1 AND kind = ?3 AND revision < ?4
                             ORDER BY revision DESC, id DESC LIMIT 1), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            """,
            [
                item.studyID, item.id, object.kind, item.revision, object.sopInstanceUID, object.sopClassUID,
                object.transferSyntaxUID, object.path, object.byteCount, object.sha256, now.milliseconds,
            ])
        guard let row = try db.row("SELECT * FROM result WHERE id = ?", [db.lastInsertedRowID]) else {
            throw WorklistError.invalid("The result \(object.sopInstanceUID) could not be recorded.")
        }
        return StoredResult(row: row)
    }

    /// The result with this UID: tells our own objects when they come back (loop guard).
    public static func result(sopInstanceUID: String, in db: Database) throws -> StoredResult? {
        try db.row("SELECT * FROM result WHERE sopInstanceUID = ?", [sopInstanceUID]).map(StoredResult.init(row:))
    }

    /// The results of a study, oldest revision first.
    public static func results(ofStudy studyID: Int64, in db: Database) throws -> [StoredResult] {
        try db.rows("SELECT * FROM result WHERE studyID = ? ORDER BY revision, id", [studyID])
            .map(StoredResult.init(row:))
    }

    /// The results of one work item (a worker that comes after a crash finds what is already kept).
    public static func results(ofWorkItem itemID: Int64, in db: Database) throws -> [StoredResult] {
        try db.rows("SELECT * FROM result WHERE workItemID = ? ORDER BY id", [itemID]).map(StoredResult.init(row:))
    }
}
