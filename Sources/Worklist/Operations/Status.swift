import Foundation
import GRDB

/// A destination with its line of deliveries.
public struct DestinationSummary: Sendable, Equatable, Codable {
    public let destination: Destination
    /// Deliveries in each state; a state without any is absent.
    public let deliveries: [String: Int]
    /// Sent or asked for, and not committed yet though it is demanded.
    public let awaitingCommitment: Int
    /// Sent where that suffices, or committed.
    public let settled: Int
    /// When the longest waiting delivery was queued.
    public let oldestPendingAt: Date?

    /// Deliveries in a state.
    public func count(_ state: DeliveryState) -> Int { deliveries[state.rawValue] ?? 0 }
}

/// A source with what it sent.
public struct SourceSummary: Sendable, Equatable, Codable {
    public let aeTitle: String
    public let address: String
    public let firstSeenAt: Date
    public let lastSeenAt: Date
    public let instanceCount: Int
    public let byteCount: Int64
}

/// The state of the whole store.
public struct WorklistStatus: Sendable, Equatable, Codable {
    /// Studies in each state; a state without any is absent.
    public let studies: [String: Int]
    /// Work items in each state; a state without any is absent.
    public let workItems: [String: Int]
    public let destinations: [DestinationSummary]
    public let sources: [SourceSummary]
    /// Kept instances whose files are on disk, and their bytes.
    public let instances: Int
    public let byteCount: Int64
    /// Instances and unparsable files that wait for the administrator.
    public let quarantined: Int
    /// Rows whose file the last start-up check did not find.
    public let missing: Int
    /// Studies whose instances disagree about the patient.
    public let demographicsDiffer: Int
    /// When the longest waiting work item was queued.
    public let oldestReadyAt: Date?

    /// Whether a person has to look: a dead letter, a missing file, or an open circuit.
    public var needsAttention: Bool {
        studies[StudyState.deadLetter.rawValue] ?? 0 > 0 || workItems[WorkState.deadLetter.rawValue] ?? 0 > 0
            || missing > 0 || demographicsDiffer > 0
            || destinations.contains { $0.destination.circuit != .closed || $0.count(.deadLetter) > 0 }
    }

    /// Counts everything in one read.
    public static func fetch(in db: Database) throws -> WorklistStatus {
        func counts(_ table: String) throws -> [String: Int] {
            try db.rows("SELECT state, count(*) AS number FROM \(table) GROUP BY state")
                .reduce(into: [:]) { counts, row in counts[row["state"]] = row["number"] }
        }
        let stored = try db.row(
            """
            SELECT count(*) AS number, coalesce(sum(byteCount), 0) AS bytes FROM instance
            WHERE missingSince IS NULL AND purgedAt IS NULL
            """)
        return WorklistStatus(
            studies: try counts("study"), workItems: try counts("workItem"), destinations: try destinations(in: db),
            sources: try sources(in: db), instances: stored?["number"] ?? 0, byteCount: stored?["bytes"] ?? 0,
            quarantined: try db.int("SELECT count(*) FROM instance WHERE disposition = 'quarantined'")
                + db.int("SELECT count(*) FROM quarantinedFile"),
            missing: try db.int("SELECT count(*) FROM instance WHERE missingSince IS NOT NULL")
                + db.int("SELECT count(*) FROM result WHERE missingSince IS NOT NULL"),
            demographicsDiffer: try db.int("SELECT count(*) FROM study WHERE demographicsDiffer"),
            oldestReadyAt: try db.row("SELECT min(createdAt) AS oldest FROM workItem WHERE state = 'ready'")
                .flatMap { row in row.date("oldest") })
    }

    /// Every destination with its line, by name.
    public static func destinations(in db: Database) throws -> [DestinationSummary] {
        try db.rows("SELECT * FROM destination ORDER BY name").map { row in
            let counts = try db.rows(
                "SELECT state, count(*) AS number FROM delivery WHERE destinationID = ? GROUP BY state",
                [row["id"] as Int64])
            let line = try db.row(
                """
                SELECT min(CASE WHEN state = 'pending' THEN createdAt END) AS oldest,
                    coalesce(sum(state IN ('sent', 'commitRequested') AND settledAt IS NULL), 0) AS awaiting,
                    coalesce(sum(state <> 'deadLetter' AND settledAt IS NOT NULL), 0) AS settled
                FROM delivery WHERE destinationID = ?
                """,
                [row["id"] as Int64])
            return DestinationSummary(
                destination: try Destination(row: row),
                deliveries: counts.reduce(into: [:]) { counts, row in counts[row["state"]] = row["number"] },
                awaitingCommitment: line?["awaiting"] ?? 0, settled: line?["settled"] ?? 0,
                oldestPendingAt: line?.date("oldest"))
        }
    }

    /// Every source, the latest seen first.
    public static func sources(in db: Database) throws -> [SourceSummary] {
        try db.rows("SELECT * FROM source ORDER BY lastSeenAt DESC, aeTitle").map { row in
            SourceSummary(
                aeTitle: row["aeTitle"], address: row["address"], firstSeenAt: row.time("firstSeenAt"),
                lastSeenAt: row.time("lastSeenAt"), instanceCount: row["instanceCount"], byteCount: row["byteCount"])
        }
    }
}
