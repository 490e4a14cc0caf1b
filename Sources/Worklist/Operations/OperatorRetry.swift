import Foundation
import GRDB

/// Which dead letters an operator gives a second chance.
public enum RetrySelection: Sendable, Equatable {
    case workItem(Int64)
    case delivery(Int64)
    /// Work items and deliveries of one study.
    case study(studyInstanceUID: String)
    /// Deliveries to one destination.
    case destination(String)
    case everything
}

/// What an operator's retry revived.
public struct RetryReport: Sendable, Equatable, Codable {
    public var workItems: [Int64] = []
    public var deliveries: [Int64] = []

    public var isEmpty: Bool { workItems.isEmpty && deliveries.isEmpty }
}

/// An operator's second chance for dead letters.
public enum OperatorRetry {
    /// Makes the selected dead letters wait for work again, with a fresh count of attempts; everything else is left alone.
    /// - Throws: a `noSuch…` error for a name that does not exist, and
    ///   ``WorklistError/illegalTransition(item:from:to:)`` for one item or delivery that is not a dead letter.
    public static func retry(_ selection: RetrySelection, at now: Date, in db: Database) throws -> RetryReport {
        var report = RetryReport()
        switch selection {
        case .workItem(let id):
            let item = try WorkItem.fetch(id: id, in: db)
            if item.state == .deadLetter, item.outcome != nil {
                report.deliveries = try revive(deliveriesWhere: "workItemID = ?", [id], at: now, in: db)
            } else {
                try WorkQueue.retry(itemID: id, at: now, in: db)
                report.workItems = [id]
            }
        case .delivery(let id):
            let delivery = try Delivery.fetch(id: id, in: db)
            guard delivery.state == .deadLetter else {
                throw WorklistError.illegalTransition(
                    item: delivery.name, from: delivery.state.rawValue, to: DeliveryState.pending.rawValue)
            }
            report.deliveries = try revive(deliveriesWhere: "id = ?", [id], at: now, in: db)
        case .study(let uid):
            guard let study = try Study.fetch(studyInstanceUID: uid, in: db) else {
                throw WorklistError.noSuchStudy(uid)
            }
            report.deliveries = try revive(deliveriesWhere: "studyID = ?", [study.id], at: now, in: db)
            report.workItems = try revive(itemsWhere: "studyID = ?", [study.id], at: now, in: db)
        case .destination(let name):
            let rowID = try Destinations.rowID(of: name, in: db)
            report.deliveries = try revive(deliveriesWhere: "destinationID = ?", [rowID], at: now, in: db)
        case .everything:
            report.deliveries = try revive(deliveriesWhere: "1", [], at: now, in: db)
            report.workItems = try revive(itemsWhere: "1", [], at: now, in: db)
        }
        return report
    }

    private static func revive(
        itemsWhere condition: String, _ arguments: StatementArguments, at now: Date, in db: Database
    ) throws -> [Int64] {
        let ids = try db.rows(
            "SELECT id FROM workItem WHERE state = 'deadLetter' AND outcome IS NULL AND \(condition) ORDER BY id",
            arguments
        ).map { row in row["id"] as Int64 }
        for id in ids { try WorkQueue.retry(itemID: id, at: now, in: db) }
        return ids
    }

    private static func revive(
        deliveriesWhere condition: String, _ arguments: StatementArguments, at now: Date, in db: Database
    ) throws -> [Int64] {
        let dead = try db.rows(
            "SELECT id, studyID, workItemID FROM delivery WHERE state = 'deadLetter' AND \(condition) ORDER BY id",
            arguments)
        for row in dead {
            try db.run(
                """
                UPDATE delivery SET state = 'pending', attempts = 0, commitAttempts = 0, notBefore = ?1,
                    deadLetterReason = NULL, sentAt = NULL, commitTransactionUID = NULL, settledAt = NULL,
                    updatedAt = ?1
                WHERE id = ?2
                """,
                [now.milliseconds, row["id"] as Int64])
            if let itemID = row["workItemID"] as Int64? { try WorkQueue.reopen(itemID: itemID, at: now, in: db) }
            try StudyStates.advance(studyID: row["studyID"], at: now, in: db)
        }
        return dead.map { row in row["id"] }
    }
}
