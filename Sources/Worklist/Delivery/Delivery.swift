import Foundation
import GRDB

/// The states of a delivery; ``DeliveryQueue`` lists the legal steps.
public enum DeliveryState: String, Sendable, Codable, CaseIterable {
    /// Waits to be sent (perhaps until a time: a retry).
    case pending
    /// Being sent.
    case leased
    /// The destination answered success. Settled, unless commitment is demanded.
    case sent
    /// Storage commitment was asked for; the answer is awaited.
    case commitRequested
    /// Settled: the destination took responsibility.
    case committed
    /// Settled until an operator retries it: failed, with status and reason.
    case deadLetter
}

/// A file to be delivered: a result, or a received instance.
public struct DeliverableObject: Sendable, Equatable {
    public var sopInstanceUID: String
    public var sopClassUID: String
    public var transferSyntaxUID: String
    /// Relative to the storage root.
    public var path: String
    public var sha256: String

    public init(
        sopInstanceUID: String, sopClassUID: String, transferSyntaxUID: String, path: String, sha256: String
    ) {
        self.sopInstanceUID = sopInstanceUID
        self.sopClassUID = sopClassUID
        self.transferSyntaxUID = transferSyntaxUID
        self.path = path
        self.sha256 = sha256
    }

    public init(_ instance: Instance) {
        self.init(
            sopInstanceUID: instance.sopInstanceUID, sopClassUID: instance.sopClassUID,
            transferSyntaxUID: instance.transferSyntaxUID, path: instance.path, sha256: instance.sha256)
    }

    public init(_ instance: ReceivedInstance) {
        self.init(
            sopInstanceUID: instance.sopInstanceUID, sopClassUID: instance.sopClassUID,
            transferSyntaxUID: instance.transferSyntaxUID, path: instance.path, sha256: instance.sha256)
    }

    public init(_ result: StoredResult) {
        self.init(
            sopInstanceUID: result.object.sopInstanceUID, sopClassUID: result.object.sopClassUID,
            transferSyntaxUID: result.object.transferSyntaxUID, path: result.object.path, sha256: result.object.sha256)
    }
}

/// One object on its way to one destination.
public struct Delivery: Sendable, Equatable, Identifiable {
    public let id: Int64
    public let destination: String
    public let studyID: Int64
    public let workItemID: Int64?
    public let object: DeliverableObject
    public let priority: Priority
    public let demandsCommitment: Bool
    public let state: DeliveryState
    public let deadLetterReason: String?
    /// The last C-STORE status, or the failure reason of the commitment.
    public let lastStatus: UInt16?
    public let lastError: String?
    /// Attempts to send it since it was queued, or queued again, the present one included.
    public let attempts: Int
    /// Commitment requests since it was queued, or retried by an operator.
    public let commitAttempts: Int
    /// How many times it was leased in its life: tells one lease from the next.
    public let leaseCount: Int
    public let leaseOwner: String?
    public let leaseUntil: Date?
    public let notBefore: Date
    public let commitTransactionUID: String?
    public let commitDeadline: Date?
    public let createdAt: Date
    public let sentAt: Date?
    public let committedAt: Date?
    public let settledAt: Date?

    static let selection = """
        SELECT delivery.*, destination.name AS destination
        FROM delivery JOIN destination ON destination.id = delivery.destinationID
        """

    var name: String { "delivery \(id)" }

    init(row: Row) throws {
        id = row["id"]
        destination = row["destination"]
        studyID = row["studyID"]
        workItemID = row["workItemID"]
        object = DeliverableObject(
            sopInstanceUID: row["sopInstanceUID"], sopClassUID: row["sopClassUID"],
            transferSyntaxUID: row["transferSyntaxUID"], path: row["path"], sha256: row["sha256"])
        priority = Priority(rawValue: row["priority"]) ?? .routine
        demandsCommitment = row["demandsCommitment"]
        state = try row.value("state")
        deadLetterReason = row["deadLetterReason"]
        lastStatus = row["lastStatus"]
        lastError = row["lastError"]
        attempts = row["attempts"]
        commitAttempts = row["commitAttempts"]
        leaseCount = row["leaseCount"]
        leaseOwner = row["leaseOwner"]
        leaseUntil = row.date("leaseUntil")
        notBefore = row.time("notBefore")
        commitTransactionUID = row["commitTransactionUID"]
        commitDeadline = row.date("commitDeadline")
        createdAt = row.time("createdAt")
        sentAt = row.date("sentAt")
        committedAt = row.date("committedAt")
        settledAt = row.date("settledAt")
    }

    /// The delivery with this row number.
    /// - Throws: ``WorklistError/noSuchDelivery(_:)``.
    public static func fetch(id: Int64, in db: Database) throws -> Delivery {
        guard let row = try db.row(selection + " WHERE delivery.id = ?", [id]) else {
            throw WorklistError.noSuchDelivery(id)
        }
        return try Delivery(row: row)
    }

    /// The deliveries of a study, oldest first.
    public static func fetchAll(ofStudy studyID: Int64, in db: Database) throws -> [Delivery] {
        try db.rows(selection + " WHERE delivery.studyID = ? ORDER BY delivery.id", [studyID]).map(Delivery.init(row:))
    }
}
