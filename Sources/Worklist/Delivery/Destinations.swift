import Foundation
import GRDB

/// The states of a destination's circuit breaker.
public enum CircuitState: String, Sendable, Codable, CaseIterable {
    /// Deliveries flow.
    case closed
    /// The destination failed too often in a row: nothing is sent until the probe time.
    case open
    /// One delivery is on its way to see whether the destination is back.
    case halfOpen
}

/// A destination's row: its name and how it has behaved. Address and options live in the configuration.
public struct Destination: Sendable, Equatable, Codable {
    public let name: String
    public let circuit: CircuitState
    public let circuitSince: Date
    /// When an open circuit lets a probe through, or a probe without an answer is given up; `nil` when closed.
    public let probeAt: Date?
    public let consecutiveFailures: Int
    public let lastSuccessAt: Date?
    public let lastFailureAt: Date?
    public let lastError: String?

    init(row: Row) throws {
        name = row["name"]
        circuit = try row.value("circuit")
        circuitSince = row.time("circuitSince")
        probeAt = row.date("probeAt")
        consecutiveFailures = row["consecutiveFailures"]
        lastSuccessAt = row.date("lastSuccessAt")
        lastFailureAt = row.date("lastFailureAt")
        lastError = row["lastError"]
    }
}

/// The destinations and their circuit breakers, so that one that is down is not hammered, also across a restart.
public enum Destinations {
    /// Makes a destination known; its history is kept if it is known already.
    public static func register(_ name: String, at now: Date, in db: Database) throws {
        guard !name.isEmpty else { throw WorklistError.invalid("A destination has no name.") }
        try db.run(
            "INSERT INTO destination (name, circuitSince) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            [name, now.milliseconds])
    }

    /// The destination with this name.
    /// - Throws: ``WorklistError/noSuchDestination(_:)``.
    public static func fetch(_ name: String, in db: Database) throws -> Destination {
        guard let row = try db.row("SELECT * FROM destination WHERE name = ?", [name]) else {
            throw WorklistError.noSuchDestination(name)
        }
        return try Destination(row: row)
    }

    /// The destination was reached: its circuit is closed.
    public static func recordSuccess(_ name: String, at now: Date, in db: Database) throws {
        try db.run(
            """
            UPDATE destination SET circuitSince = CASE circuit WHEN 'closed' THEN circuitSince ELSE ?1 END,
                circuit = 'closed', probeAt = NULL, consecutiveFailures = 0, lastSuccessAt = ?1
            WHERE name = ?2
            """,
            [now.milliseconds, name])
        guard db.changesCount == 1 else { throw WorklistError.noSuchDestination(name) }
    }

    /// The destination could not be reached, or did not answer.
    ///
    /// After `threshold` failures in a row (or a failed probe) the circuit opens until `probeAt`.
    @discardableResult
    public static func recordFailure(
        _ name: String, reason: String, threshold: Int, probeAt: Date, at now: Date, in db: Database
    ) throws -> CircuitState {
        let destination = try fetch(name, in: db)
        let opens = destination.circuit != .closed || destination.consecutiveFailures + 1 >= threshold
        let state: CircuitState = opens ? .open : .closed
        try db.run(
            """
            UPDATE destination SET circuit = ?1, circuitSince = ?2, probeAt = ?3, lastFailureAt = ?4, lastError = ?5,
                consecutiveFailures = consecutiveFailures + 1
            WHERE name = ?6
            """,
            [
                state.rawValue, (state == destination.circuit ? destination.circuitSince : now).milliseconds,
                opens ? probeAt.milliseconds : nil, now.milliseconds, reason, name,
            ])
        return state
    }

    static func rowID(of name: String, in db: Database) throws -> Int64 {
        guard let row = try db.row("SELECT id FROM destination WHERE name = ?", [name]) else {
            throw WorklistError.noSuchDestination(name)
        }
        return row["id"]
    }

    /// How many deliveries may be given out.
    static func allowance(of rowID: Int64, wanting limit: Int, at now: Date, in db: Database) throws -> Int {
        let probeAt = try db.row("SELECT probeAt FROM destination WHERE id = ?", [rowID]).flatMap { $0.date("probeAt") }
        guard let probeAt else { return limit }
        return probeAt <= now ? min(1, limit) : 0
    }

    /// Lets a probe out when the circuit is not closed; until `deadline` nothing else goes out.
    static func beginProbe(of rowID: Int64, until deadline: Date, at now: Date, in db: Database) throws {
        try db.run(
            """
            UPDATE destination SET circuitSince = CASE circuit WHEN 'halfOpen' THEN circuitSince ELSE ?1 END,
                circuit = 'halfOpen', probeAt = ?2
            WHERE id = ?3 AND circuit <> 'closed'
            """,
            [now.milliseconds, deadline.milliseconds, rowID])
    }
}
