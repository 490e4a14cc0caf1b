import Foundation
import GRDB

/// What is to be done with a study. Further kinds may be added by the caller without a migration.
public struct WorkKind: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }

    /// A reading: images to report, results and their delivery.
    public static let read = WorkKind(rawValue: "read")
    /// The received instances, unchanged, to other destinations.
    public static let forward = WorkKind(rawValue: "forward")
}

/// The states of a work item; ``WorkQueue`` lists the legal steps.
public enum WorkState: String, Sendable, Codable, CaseIterable {
    /// Waits for a worker (perhaps until a time: a retry).
    case ready
    /// A worker holds it until its lease runs out.
    case leased
    /// The work is done and its results are kept; their deliveries are still open.
    case delivering
    /// Terminal: every result is at its destinations (committed where demanded).
    case delivered
    /// Terminal: as `delivered`, and the result says "not analysed" with the reason.
    case abstained
    /// Terminal until an operator retries it: it failed, and the reason is kept.
    case deadLetter

    /// Whether nothing happens any more without an operator.
    public var isTerminal: Bool { self == .delivered || self == .abstained || self == .deadLetter }
}

/// What finished work came to.
public enum WorkOutcome: Sendable, Hashable {
    case delivered
    case abstained(reason: String)

    var state: WorkState {
        switch self {
        case .delivered: .delivered
        case .abstained: .abstained
        }
    }
}

/// One thing to do for one revision of one study.
public struct WorkItem: Sendable, Equatable, Identifiable {
    public let id: Int64
    public let studyID: Int64
    public let kind: WorkKind
    public let revision: Int
    public let priority: Priority
    public let state: WorkState
    /// What the work came to, once it is done; its deliveries may still be open or dead.
    public let outcome: WorkOutcome?
    public let deadLetterReason: String?
    /// Leases that ended without success, the present one included.
    public let attempts: Int
    /// How many times it was leased in its life: tells one lease from the next.
    public let leaseCount: Int
    public let leaseOwner: String?
    public let leaseUntil: Date?
    public let notBefore: Date
    public let lastError: String?
    public let createdAt: Date
    public let updatedAt: Date
    /// First lease.
    public let startedAt: Date?
    /// End of the work itself ("analysed").
    public let finishedAt: Date?
    /// Entry into the terminal state.
    public let settledAt: Date?

    init(row: Row) throws {
        id = row["id"]
        studyID = row["studyID"]
        kind = WorkKind(rawValue: row["kind"])
        revision = row["revision"]
        priority = Priority(rawValue: row["priority"]) ?? .routine
        state = try row.value("state")
        outcome =
            switch row["outcome"] as String? {
            case "abstained": .abstained(reason: row["abstentionReason"] ?? "")
            case "delivered": .delivered
            default: nil
            }
        deadLetterReason = row["deadLetterReason"]
        attempts = row["attempts"]
        leaseCount = row["leaseCount"]
        leaseOwner = row["leaseOwner"]
        leaseUntil = row.date("leaseUntil")
        notBefore = row.time("notBefore")
        lastError = row["lastError"]
        createdAt = row.time("createdAt")
        updatedAt = row.time("updatedAt")
        startedAt = row.date("startedAt")
        finishedAt = row.date("finishedAt")
        settledAt = row.date("settledAt")
    }

    /// The item with this row number.
    /// - Throws: ``WorklistError/noSuchWorkItem(_:)``.
    public static func fetch(id: Int64, in db: Database) throws -> WorkItem {
        guard let row = try db.row("SELECT * FROM workItem WHERE id = ?", [id]) else {
            throw WorklistError.noSuchWorkItem(id)
        }
        return try WorkItem(row: row)
    }

    /// The items of a study, oldest first.
    public static func fetchAll(ofStudy studyID: Int64, in db: Database) throws -> [WorkItem] {
        try db.rows("SELECT * FROM workItem WHERE studyID = ? ORDER BY id", [studyID]).map(WorkItem.init(row:))
    }
}

/// The right to work on one item until a time.
public struct WorkLease: Sendable, Equatable {
    /// The item as it was leased.
    public let item: WorkItem
    public let owner: String

    var name: String { "work item \(item.id)" }
}
