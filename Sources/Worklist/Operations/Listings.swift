import Foundation
import GRDB

/// A part of a listing.
public struct Page: Sendable, Equatable {
    public var limit: Int
    public var offset: Int

    public init(limit: Int = 50, offset: Int = 0) {
        self.limit = max(0, limit)
        self.offset = max(0, offset)
    }
}

/// A study with what came of it, end to end: received, analysed, sent, committed.
public struct StudySummary: Sendable, Equatable, Codable {
    public let studyInstanceUID: String
    public let patientID: String?
    public let patientName: String?
    public let accessionNumber: String?
    public let studyDate: String?
    public let state: StudyState
    public let stateSince: Date
    /// Term of (0040,1003).
    public let priority: String
    public let revision: Int
    /// Current instances (nothing quarantined).
    public let instances: Int
    public let quarantined: Int
    public let results: Int
    public let demographicsDiffer: Bool
    public let receivedAt: Date
    /// End of the latest work.
    public let analysedAt: Date?
    /// When the last object was sent; `nil` while one is still to be sent.
    public let sentAt: Date?
    /// When the last demanded commitment came; `nil` while one is missing, or none is demanded.
    public let committedAt: Date?
    /// Why it was not analysed, or why it needs an operator.
    public let reason: String?
}

/// A work item in the queue's listing.
public struct QueueEntry: Sendable, Equatable, Codable {
    public let id: Int64
    public let studyInstanceUID: String
    public let kind: String
    public let revision: Int
    public let priority: String
    public let state: WorkState
    public let attempts: Int
    public let createdAt: Date
    public let notBefore: Date
    public let startedAt: Date?
    public let finishedAt: Date?
    public let settledAt: Date?
    public let leaseOwner: String?
    public let leaseUntil: Date?
    /// The reason of an abstention or a dead letter, or the last attempt's error.
    public let reason: String?
}

/// A delivery in the listing.
public struct DeliveryEntry: Sendable, Equatable, Codable {
    public let id: Int64
    public let destination: String
    public let studyInstanceUID: String
    public let sopInstanceUID: String
    public let sopClassUID: String
    public let priority: String
    public let state: DeliveryState
    public let attempts: Int
    /// The last C-STORE status or commitment failure reason.
    public let lastStatus: UInt16?
    public let createdAt: Date
    public let notBefore: Date
    public let sentAt: Date?
    public let committedAt: Date?
    public let reason: String?
}

/// An object that was set aside: an instance, or a file that could not be parsed.
public struct QuarantineEntry: Sendable, Equatable, Codable {
    /// Relative to the storage root.
    public let path: String
    public let reason: String
    public let aeTitle: String
    public let address: String
    public let receivedAt: Date
    public let byteCount: Int64
    /// `nil` for a file that could not be parsed.
    public let studyInstanceUID: String?
    public let sopInstanceUID: String?
}

/// The queries behind `studies`, `queue`, `deliveries` and `quarantine`.
public enum Listings {
    /// Studies, the latest received first.
    /// - Parameters:
    ///   - states: empty for all.
    ///   - search: a Patient ID, Accession Number or Study Instance UID, or the beginning of a patient's name; empty for all.
    public static func studies(
        states: [StudyState] = [], search: String? = nil, page: Page = Page(), in db: Database
    ) throws -> [StudySummary] {
        var conditions = ["1"]
        var arguments = StatementArguments()
        restrict("study.state", to: states.map(\.rawValue), &conditions, &arguments)
        if let search, !search.isEmpty {
            conditions.append(
                """
                (patientID = ? OR accessionNumber = ? OR studyInstanceUID = ?
                 OR substr(lower(patientName), 1, length(?)) = lower(?))
                """)
            arguments += StatementArguments([search, search, search, search, search])
        }
        let sql = """
            SELECT study.*,
                (SELECT count(*) FROM instance WHERE studyID = study.id AND disposition <> 'quarantined') AS instances,
                (SELECT count(*) FROM instance WHERE studyID = study.id AND disposition = 'quarantined') AS quarantined,
                (SELECT count(*) FROM result WHERE studyID = study.id) AS results,
                (SELECT finishedAt FROM workItem WHERE studyID = study.id ORDER BY revision DESC, id DESC LIMIT 1)
                    AS analysedAt,
                (SELECT CASE WHEN count(*) = count(sentAt) THEN max(sentAt) END FROM delivery
                    WHERE studyID = study.id) AS sentAt,
                (SELECT CASE WHEN count(*) = count(committedAt) THEN max(committedAt) END FROM delivery
                    WHERE studyID = study.id AND demandsCommitment) AS committedAt,
                coalesce(
                    (SELECT destination.name || ': ' || deadLetterReason FROM delivery
                        JOIN destination ON destination.id = destinationID
                        WHERE studyID = study.id AND delivery.state = 'deadLetter' ORDER BY delivery.id DESC LIMIT 1),
                    (SELECT coalesce(deadLetterReason, abstentionReason) FROM workItem
                        WHERE studyID = study.id ORDER BY revision DESC, id DESC LIMIT 1)) AS reason
            FROM study WHERE \(conditions.joined(separator: " AND "))
            ORDER BY lastReceivedAt DESC, id DESC LIMIT ? OFFSET ?
            """
        arguments += StatementArguments([page.limit, page.offset])
        return try db.rows(sql, arguments).map { row in
            let study = try Study(row: row)
            return StudySummary(
                studyInstanceUID: study.studyInstanceUID, patientID: study.attributes.patientID,
                patientName: study.attributes.patientName, accessionNumber: study.attributes.accessionNumber,
                studyDate: study.attributes.studyDate, state: study.state, stateSince: study.stateSince,
                priority: study.priority.term, revision: study.revision, instances: row["instances"],
                quarantined: row["quarantined"], results: row["results"],
                demographicsDiffer: study.demographicsDiffer, receivedAt: study.lastReceivedAt,
                analysedAt: row.date("analysedAt"), sentAt: row.date("sentAt"), committedAt: row.date("committedAt"),
                reason: row["reason"])
        }
    }

    /// Work items: open ones in the order in which they will be worked on, then the settled ones, latest first.
    /// - Parameter states: empty for all.
    public static func queue(
        states: [WorkState] = [], studyInstanceUID: String? = nil, page: Page = Page(), in db: Database
    ) throws -> [QueueEntry] {
        var conditions = ["1"]
        var arguments = StatementArguments()
        restrict("workItem.state", to: states.map(\.rawValue), &conditions, &arguments)
        restrict("studyInstanceUID", to: studyInstanceUID.map { [$0] } ?? [], &conditions, &arguments)
        arguments += StatementArguments([page.limit, page.offset])
        let sql = """
            SELECT workItem.*, studyInstanceUID FROM workItem JOIN study ON study.id = studyID
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY CASE workItem.state WHEN 'leased' THEN 0 WHEN 'ready' THEN 1 WHEN 'delivering' THEN 2 ELSE 3 END,
                -settledAt, workItem.priority, createdAt, workItem.id
            LIMIT ? OFFSET ?
            """
        return try db.rows(sql, arguments).map { row in
            let item = try WorkItem(row: row)
            return QueueEntry(
                id: item.id, studyInstanceUID: row["studyInstanceUID"], kind: item.kind.rawValue,
                revision: item.revision, priority: item.priority.term, state: item.state, attempts: item.attempts,
                createdAt: item.createdAt, notBefore: item.notBefore, startedAt: item.startedAt,
                finishedAt: item.finishedAt, settledAt: item.settledAt, leaseOwner: item.leaseOwner,
                leaseUntil: item.leaseUntil, reason: item.deadLetterReason ?? row["abstentionReason"] ?? item.lastError)
        }
    }

    /// Deliveries, the latest change first.
    /// - Parameter states: empty for all.
    public static func deliveries(
        states: [DeliveryState] = [], destination: String? = nil, studyInstanceUID: String? = nil,
        page: Page = Page(), in db: Database
    ) throws -> [DeliveryEntry] {
        var conditions = ["1"]
        var arguments = StatementArguments()
        restrict("delivery.state", to: states.map(\.rawValue), &conditions, &arguments)
        restrict("destination.name", to: destination.map { [$0] } ?? [], &conditions, &arguments)
        restrict("studyInstanceUID", to: studyInstanceUID.map { [$0] } ?? [], &conditions, &arguments)
        arguments += StatementArguments([page.limit, page.offset])
        let sql = """
            SELECT delivery.*, destination.name AS destination, studyInstanceUID
            FROM delivery JOIN destination ON destination.id = destinationID JOIN study ON study.id = studyID
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY delivery.updatedAt DESC, delivery.id DESC LIMIT ? OFFSET ?
            """
        return try db.rows(sql, arguments).map { row in
            let delivery = try Delivery(row: row)
            return DeliveryEntry(
                id: delivery.id, destination: delivery.destination, studyInstanceUID: row["studyInstanceUID"],
                sopInstanceUID: delivery.object.sopInstanceUID, sopClassUID: delivery.object.sopClassUID,
                priority: delivery.priority.term, state: delivery.state, attempts: delivery.attempts,
                lastStatus: delivery.lastStatus, createdAt: delivery.createdAt, notBefore: delivery.notBefore,
                sentAt: delivery.sentAt, committedAt: delivery.committedAt,
                reason: delivery.deadLetterReason ?? delivery.lastError)
        }
    }

    /// What was set aside, the latest first.
    public static func quarantine(page: Page = Page(), in db: Database) throws -> [QuarantineEntry] {
        try db.rows(
            """
            SELECT path, quarantineReason AS reason, receivedAt, instance.byteCount, studyInstanceUID, sopInstanceUID,
                aeTitle, address
            FROM instance JOIN study ON study.id = studyID JOIN source ON source.id = sourceID
            WHERE disposition = 'quarantined'
            UNION ALL
            SELECT path, reason, receivedAt, quarantinedFile.byteCount, NULL, NULL, aeTitle, address
            FROM quarantinedFile JOIN source ON source.id = sourceID
            ORDER BY receivedAt DESC, path LIMIT ? OFFSET ?
            """,
            [page.limit, page.offset]
        ).map { row in
            QuarantineEntry(
                path: row["path"], reason: row["reason"], aeTitle: row["aeTitle"], address: row["address"],
                receivedAt: row.time("receivedAt"), byteCount: row["byteCount"],
                studyInstanceUID: row["studyInstanceUID"], sopInstanceUID: row["sopInstanceUID"])
        }
    }

    private static func restrict(
        _ column: String, to values: [String], _ conditions: inout [String], _ arguments: inout StatementArguments
    ) {
        guard !values.isEmpty else { return }
        conditions.append("\(column) IN (\(values.map { _ in "?" }.joined(separator: ", ")))")
        arguments += StatementArguments(values)
    }
}
