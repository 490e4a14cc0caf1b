import Foundation
import GRDB
import Worklist

/// What the database knows at the time of a scrape: the queues, their ages, the destinations.
///
/// Only open work is counted, through indexes that hold little else: a scrape costs the same after a year.
enum StoreGauges {
    /// - Parameter now: What ages are counted from.
    static func families(at now: Date, in db: Database) throws -> [MetricFamily] {
        try work(at: now, in: db) + deliveries(at: now, in: db) + circuits(in: db) + [audit(in: db)]
    }

    private static func work(at now: Date, in db: Database) throws -> [MetricFamily] {
        let open: [WorkState] = [.ready, .leased, .delivering, .deadLetter]
        let items = try open.flatMap { state in
            try counts(
                "SELECT priority, count(*) AS number FROM workItem WHERE state = ? GROUP BY priority",
                [state.rawValue], state: state.rawValue, in: db)
        }
        let oldest = try Int64.fetchOne(db, sql: "SELECT min(createdAt) FROM workItem WHERE state = 'ready'")
        let states: [StudyState] = [.assembling, .queued, .working, .delivering, .deadLetter]
        let studies = try states.map { state in
            MetricSample(
                [MetricLabel("state", state.rawValue)],
                try number("SELECT count(*) FROM study WHERE state = ?", [state.rawValue], in: db))
        }
        let quarantined =
            try number("SELECT count(*) FROM instance WHERE disposition = 'quarantined'", in: db)
            + number("SELECT count(*) FROM quarantinedFile", in: db)
        return [
            MetricFamily(
                "cxrgate_work_items", .gauge, help: "Work that is not done, by state and priority.", samples: items),
            MetricFamily(
                "cxrgate_work_oldest_age_seconds", .gauge,
                help: "Age of the work that waits longest; 0 when none waits.", value: age(oldest, at: now)),
            MetricFamily(
                "cxrgate_studies", .gauge, help: "Studies that are not done, by state.", samples: studies),
            MetricFamily(
                "cxrgate_quarantined_objects", .gauge,
                help: "Instances and unreadable files that wait for the administrator.", value: quarantined),
        ]
    }

    private static func deliveries(at now: Date, in db: Database) throws -> [MetricFamily] {
        var depths: [MetricSample] = []
        var ages: [MetricSample] = []
        for row in try Row.fetchAll(db, sql: "SELECT id, name FROM destination ORDER BY name") {
            let (identifier, name): (Int64, String) = (row["id"], row["name"])
            let destination = MetricLabel("destination", name)
            for state in [DeliveryState.pending, .leased, .commitRequested, .deadLetter] {
                depths += try counts(
                    """
                    SELECT priority, count(*) AS number FROM delivery WHERE destinationID = ? AND state = ?
                    GROUP BY priority
                    """,
                    [identifier, state.rawValue], state: state.rawValue, with: [destination], in: db)
            }
            let oldest = try Int64.fetchOne(
                db, sql: "SELECT min(createdAt) FROM delivery WHERE destinationID = ? AND state = 'pending'",
                arguments: [identifier])
            ages.append(MetricSample([destination], age(oldest, at: now)))
        }
        return [
            MetricFamily(
                "cxrgate_delivery_queue", .gauge,
                help: "Objects that are not delivered, by destination, state and priority.", samples: depths),
            MetricFamily(
                "cxrgate_delivery_oldest_age_seconds", .gauge,
                help: "Age of the delivery that waits longest, by destination; 0 when none waits.", samples: ages),
        ]
    }

    private static func circuits(in db: Database) throws -> [MetricFamily] {
        let rows = try Row.fetchAll(db, sql: "SELECT name, circuit, consecutiveFailures FROM destination ORDER BY name")
        return [
            MetricFamily(
                "cxrgate_destination_circuit", .gauge,
                help: "1 for the state that the destination's circuit breaker is in, else 0.",
                samples: rows.flatMap { row in
                    CircuitState.allCases.map { state in
                        MetricSample(
                            [MetricLabel("destination", row["name"]), MetricLabel("state", state.rawValue)],
                            state.rawValue == row["circuit"] ? 1 : 0)
                    }
                }),
            MetricFamily(
                "cxrgate_destination_consecutive_failures", .gauge,
                help: "Failures in a row to reach the destination.",
                samples: rows.map { row in
                    MetricSample([MetricLabel("destination", row["name"])], row["consecutiveFailures"])
                }),
        ]
    }

    private static func audit(in db: Database) throws -> MetricFamily {
        MetricFamily(
            "cxrgate_audit_records_total", .counter, help: "Records that the audit log has had.",
            value: try number("SELECT sequence FROM audit_head", in: db))
    }

    /// One sample for each priority, those without any included, so that no series comes and goes.
    private static func counts(
        _ sql: String, _ arguments: StatementArguments, state: String, with labels: [MetricLabel] = [],
        in db: Database
    ) throws -> [MetricSample] {
        let found = try Row.fetchAll(db, sql: sql, arguments: arguments)
            .reduce(into: [Int: Double]()) { counts, row in counts[row["priority"]] = row["number"] }
        return Priority.allCases.map { priority in
            MetricSample(
                labels + [MetricLabel("priority", "\(priority)"), MetricLabel("state", state)],
                found[priority.rawValue] ?? 0)
        }
    }

    private static func number(
        _ sql: String, _ arguments: StatementArguments = [], in db: Database
    ) throws -> Double {
        try Double.fetchOne(db, sql: sql, arguments: arguments) ?? 0
    }

    private static func age(_ milliseconds: Int64?, at now: Date) -> Double {
        milliseconds.map { max(0, now.timeIntervalSince1970 - Double($0) / 1000) } ?? 0
    }
}
