import Foundation
import GRDB

/// Records received instances and answers what is kept. Every function works inside the caller's transaction.
public enum StudyStore {
    /// Makes the row of a received instance whose file is already durable, and brings study, series, source, priority and
    /// quiet period up to date.
    ///
    /// Two senders of the same instance are put in order by the write transaction: the second one is a duplicate.
    /// - Throws: ``WorklistError/invalid(_:)`` for an empty UID or path, or a digest that is not 64 digits.
    @discardableResult
    public static func record(_ instance: ReceivedInstance, at now: Date, in db: Database) throws -> RecordedInstance {
        try check(instance)
        let known = try db.rows(
            "SELECT id, studyID, sha256, path, disposition, quarantineReason, revision, missingSince, purgedAt FROM instance WHERE sopInstanceUID = ?",
            [instance.sopInstanceUID])
        let current = known.first { row in row["disposition"] as String != "quarantined" }
        if let twin = known.first(where: { row in row["sha256"] as String == instance.sha256 }) {
            return try recordAgain(
                instance, twin: twin, hasOtherCurrent: current.map { $0["id"] != twin["id"] as Int64 } ?? false,
                at: now, in: db)
        }

        var disposition = instance.disposition
        var outcome = RecordOutcome.new
        if current != nil {
            outcome = .conflict
            disposition = .quarantined(reason: "other bytes are current under this SOP Instance UID")
        } else if try db.row("SELECT 1 FROM result WHERE sopInstanceUID = ?", [instance.sopInstanceUID]) != nil {
            disposition = .ownResult
        }

        let sourceID = try recordSource(instance.source, instances: 1, bytes: instance.byteCount, at: now, in: db)
        let study = try recordStudy(instance, disposition: disposition, at: now, in: db)
        let seriesID = try recordSeries(instance, studyID: study.id, in: db)
        try db.run(
            """
            INSERT INTO instance (seriesID, studyID, sourceID, sopInstanceUID, sopClassUID, transferSyntaxUID,
                instanceNumber, path, byteCount, sha256, disposition, quarantineReason, receivedAt)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                seriesID, study.id, sourceID, instance.sopInstanceUID, instance.sopClassUID,
                instance.transferSyntaxUID, instance.instanceNumber, instance.path, instance.byteCount,
                instance.sha256, disposition.name, disposition.reason, now.milliseconds,
            ])
        let instanceID = db.lastInsertedRowID
        if let association = instance.association, disposition == .toRead || disposition == .storedOnly {
            try Assembly.hold(studyID: study.id, by: association, in: db)
        }
        return RecordedInstance(
            outcome: outcome, instanceID: instanceID, studyID: study.id, path: instance.path, disposition: disposition,
            isNewStudy: study.isNew, demographicsDiffer: study.demographicsDiffer)
    }

    /// Notes that a source spoke to us (an association, an echo), without an instance.
    public static func recordContact(_ source: Source, at now: Date, in db: Database) throws {
        _ = try recordSource(source, instances: 0, bytes: 0, at: now, in: db)
    }

    /// Keeps account of a file that could not be parsed and therefore belongs to no study; the same file sent again only
    /// renews the time and the reason.
    public static func recordQuarantinedFile(
        path: String, byteCount: Int64, sha256: String, reason: String, source: Source, at now: Date, in db: Database
    ) throws {
        let sourceID = try recordSource(source, instances: 0, bytes: 0, at: now, in: db)
        try db.run(
            """
            INSERT INTO quarantinedFile (sourceID, path, byteCount, sha256, reason, receivedAt)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET sourceID = excluded.sourceID, reason = excluded.reason,
                receivedAt = excluded.receivedAt
            """,
            [sourceID, path, byteCount, sha256, reason, now.milliseconds])
    }

    /// The current instances of a study (nothing quarantined), in the order of arrival.
    public static func instances(ofStudy studyID: Int64, in db: Database) throws -> [Instance] {
        try db.rows(
            Instance.selection + " WHERE instance.studyID = ? AND disposition <> 'quarantined' ORDER BY instance.id",
            [studyID]
        ).map(Instance.init(row:))
    }

    /// The current instance with this UID.
    public static func instance(sopInstanceUID: String, in db: Database) throws -> Instance? {
        try db.row(
            Instance.selection + " WHERE instance.sopInstanceUID = ? AND disposition <> 'quarantined'", [sopInstanceUID]
        ).map(Instance.init(row:))
    }

    /// Sets an instance aside after it was accepted (for example when decoding shows that it must not be used).
    public static func quarantine(instanceID: Int64, reason: String, in db: Database) throws {
        try db.run(
            "UPDATE instance SET disposition = 'quarantined', quarantineReason = ?, revision = NULL WHERE id = ?",
            [reason, instanceID])
        guard db.changesCount == 1 else { throw WorklistError.noSuchInstance(instanceID) }
    }

    private static func check(_ instance: ReceivedInstance) throws {
        let digits = "0123456789abcdef"
        guard instance.sha256.count == 64, instance.sha256.allSatisfy(digits.contains) else {
            throw WorklistError.invalid("The digest '\(instance.sha256)' is not 64 lower-case hexadecimal digits.")
        }
        for (name, value) in [
            ("Study Instance UID", instance.studyInstanceUID), ("Series Instance UID", instance.seriesInstanceUID),
            ("SOP Instance UID", instance.sopInstanceUID), ("SOP Class UID", instance.sopClassUID),
            ("Transfer Syntax UID", instance.transferSyntaxUID), ("path", instance.path),
        ] where value.isEmpty {
            throw WorklistError.invalid("A received instance has no \(name).")
        }
    }

    /// The same bytes once more: only a missing file makes a difference.
    private static func recordAgain(
        _ instance: ReceivedInstance, twin: Row, hasOtherCurrent: Bool, at now: Date, in db: Database
    ) throws -> RecordedInstance {
        let instanceID: Int64 = twin["id"]
        let studyID: Int64 = twin["studyID"]
        let disposition = try Disposition(row: twin)
        let isOnDisk = twin["missingSince"] as Int64? == nil && twin["purgedAt"] as Int64? == nil
        if !isOnDisk {
            try db.run(
                "UPDATE instance SET missingSince = NULL, purgedAt = NULL, path = ? WHERE id = ?",
                [instance.path, instanceID])
            if disposition == .toRead, twin["revision"] as Int64? == nil {
                try Assembly.postpone(studyID: studyID, until: now.advanced(by: instance.quietPeriod), at: now, in: db)
            } else {
                try StudyStates.advance(studyID: studyID, at: now, in: db)
            }
        }
        return RecordedInstance(
            outcome: !isOnDisk ? .restored : hasOtherCurrent ? .conflict : .duplicate, instanceID: instanceID,
            studyID: studyID, path: isOnDisk ? twin["path"] : instance.path, disposition: disposition,
            isNewStudy: false, demographicsDiffer: false)
    }

    private static func recordSource(
        _ source: Source, instances: Int, bytes: Int64, at now: Date, in db: Database
    ) throws -> Int64 {
        let known = try db.row(
            """
            UPDATE source SET lastSeenAt = ?, instanceCount = instanceCount + ?, byteCount = byteCount + ?
            WHERE aeTitle = ? AND address = ? RETURNING id
            """,
            [now.milliseconds, instances, bytes, source.aeTitle, source.address])
        if let known { return known["id"] }
        try db.run(
            """
            INSERT INTO source (aeTitle, address, firstSeenAt, lastSeenAt, instanceCount, byteCount)
            VALUES (?1, ?2, ?3, ?3, ?4, ?5)
            """,
            [source.aeTitle, source.address, now.milliseconds, instances, bytes])
        return db.lastInsertedRowID
    }

    private struct StudyChange {
        let id: Int64
        let isNew: Bool
        let demographicsDiffer: Bool
    }

    private static func recordStudy(
        _ instance: ReceivedInstance, disposition: Disposition, at now: Date, in db: Database
    ) throws -> StudyChange {
        guard let study = try Study.fetch(studyInstanceUID: instance.studyInstanceUID, in: db) else {
            let id = try insertStudy(instance, disposition: disposition, at: now, in: db)
            return StudyChange(id: id, isNew: true, demographicsDiffer: false)
        }
        if disposition.reason != nil {
            return StudyChange(id: study.id, isNew: false, demographicsDiffer: false)
        }
        let differs = study.attributes.contradicts(instance.study)
        let attributes = instance.study
        try db.run(
            """
            UPDATE study SET lastReceivedAt = ?, demographicsDiffer = max(demographicsDiffer, ?),
                patientID = coalesce(patientID, ?), patientName = coalesce(patientName, ?),
                patientBirthDate = coalesce(patientBirthDate, ?), patientSex = coalesce(patientSex, ?),
                accessionNumber = coalesce(accessionNumber, ?), studyDate = coalesce(studyDate, ?),
                studyTime = coalesce(studyTime, ?), studyDescription = coalesce(studyDescription, ?)
            WHERE id = ?
            """,
            [
                now.milliseconds, differs, attributes.patientID, attributes.patientName, attributes.patientBirthDate,
                attributes.patientSex, attributes.accessionNumber, attributes.studyDate, attributes.studyTime,
                attributes.studyDescription, study.id,
            ])
        if disposition != .ownResult, instance.priority < study.priority {
            try raisePriority(studyID: study.id, to: instance.priority, in: db)
        }
        // A late report or presentation state must not reopen a study that is done with.
        if disposition == .toRead || (disposition == .storedOnly && study.state == .assembling) {
            let quietAt = now.advanced(by: instance.quietPeriod)
            try Assembly.postpone(studyID: study.id, until: quietAt, at: now, in: db)
        }
        return StudyChange(id: study.id, isNew: false, demographicsDiffer: differs)
    }

    private static func insertStudy(
        _ instance: ReceivedInstance, disposition: Disposition, at now: Date, in db: Database
    ) throws -> Int64 {
        let assembles = disposition == .toRead || disposition == .storedOnly
        let state: StudyState = assembles ? .assembling : .stored
        let attributes = instance.study
        try db.run(
            """
            INSERT INTO study (studyInstanceUID, patientID, patientName, patientBirthDate, patientSex, accessionNumber,
                studyDate, studyTime, studyDescription, priority, state, stateSince, quietAt, firstReceivedAt,
                lastReceivedAt)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                instance.studyInstanceUID, attributes.patientID, attributes.patientName, attributes.patientBirthDate,
                attributes.patientSex, attributes.accessionNumber, attributes.studyDate, attributes.studyTime,
                attributes.studyDescription, instance.priority.rawValue, state.rawValue, now.milliseconds,
                assembles ? now.advanced(by: instance.quietPeriod).milliseconds : nil, now.milliseconds,
                now.milliseconds,
            ])
        let id = db.lastInsertedRowID
        try StudyStates.note(state, ofStudy: id, revision: 0, at: now, in: db)
        return id
    }

    private static func recordSeries(_ instance: ReceivedInstance, studyID: Int64, in db: Database) throws -> Int64 {
        let known = try db.row(
            "SELECT id FROM series WHERE studyID = ? AND seriesInstanceUID = ?", [studyID, instance.seriesInstanceUID])
        if let known { return known["id"] }
        let series = instance.series
        try db.run(
            """
            INSERT INTO series (studyID, seriesInstanceUID, modality, seriesNumber, seriesDescription, bodyPartExamined)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                studyID, instance.seriesInstanceUID, series.modality, series.seriesNumber, series.seriesDescription,
                series.bodyPartExamined,
            ])
        return db.lastInsertedRowID
    }

    /// Makes a study more urgent, and with it what of it already waits.
    public static func raisePriority(studyID: Int64, to priority: Priority, in db: Database) throws {
        for statement in [
            "UPDATE study SET priority = ?1 WHERE id = ?2 AND priority > ?1",
            "UPDATE workItem SET priority = ?1 WHERE studyID = ?2 AND priority > ?1 AND state IN ('ready', 'leased')",
            "UPDATE delivery SET priority = ?1 WHERE studyID = ?2 AND priority > ?1 AND state IN ('pending', 'leased')",
        ] {
            try db.run(statement, [priority.rawValue, studyID])
        }
    }
}
