import Foundation
import GRDB

/// How long studies of one source took on one day, from the first instance received to the first result delivered.
public struct Turnaround: Sendable, Equatable, Encodable {
    /// The source's AE title.
    public let source: String
    /// The day of reception in the time zone asked for, `2026-03-01`.
    public let day: String
    /// Studies received.
    public let received: Int
    /// Studies of these with a result delivered.
    public let delivered: Int
    /// The median, in seconds; nil when nothing was delivered.
    public let p50Seconds: Double?
    /// The 95th percentile, in seconds; nil when nothing was delivered.
    public let p95Seconds: Double?

    static func summaries(
        from: AuditTime?, until: AuditTime?, zone: TimeZone, in db: Database
    ) throws -> [Turnaround] {
        struct Group: Hashable {
            var source: String
            var day: String
        }
        // A study counts on the day of its first instance, even where later ones fall into the range as well.
        let rows = try Row.fetchCursor(
            db,
            sql: """
                WITH studies AS (
                    SELECT DISTINCT study_uid FROM audit_record
                    WHERE event = :received AND outcome = 0 AND study_uid IS NOT NULL AND time >= :from AND time < :until
                ), first AS (
                    SELECT study_uid,
                        (SELECT sequence FROM audit_record r WHERE r.study_uid = studies.study_uid
                            AND r.event = :received AND r.outcome = 0 ORDER BY time, sequence LIMIT 1) AS sequence,
                        (SELECT min(time) FROM audit_record d WHERE d.study_uid = studies.study_uid
                            AND d.event = :delivered AND d.outcome = 0) AS delivered
                    FROM studies
                )
                SELECT coalesce(r.source_ae, '-'), r.time, first.delivered
                FROM first JOIN audit_record r ON r.sequence = first.sequence
                WHERE r.time >= :from AND r.time < :until
                """,
            arguments: [
                "received": EventKind.instanceReceived.rawValue, "delivered": EventKind.resultDelivered.rawValue,
                "from": from?.microseconds ?? Int64.min, "until": until?.microseconds ?? Int64.max,
            ])
        var groups: [Group: (received: Int, seconds: [Double])] = [:]
        while let row = try rows.next() {
            let received: Int64 = row[1]
            let group = Group(source: row[0], day: AuditTime(microseconds: received).day(in: zone))
            groups[group, default: (0, [])].received += 1
            if let delivered = row[2] as Int64? {
                groups[group]?.seconds.append(Double(delivered - received) / 1_000_000)
            }
        }
        return groups.map { group, value in
            let seconds = value.seconds.sorted()
            return Turnaround(
                source: group.source, day: group.day, received: value.received, delivered: seconds.count,
                p50Seconds: percentile(0.5, of: seconds), p95Seconds: percentile(0.95, of: seconds))
        }.sorted { ($0.day, $0.source) < ($1.day, $1.source) }
    }

    /// The nearest-rank percentile of ascending values.
    static func percentile(_ fraction: Double, of sorted: [Double]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        return sorted[max(0, Int((fraction * Double(sorted.count)).rounded(.up)) - 1)]
    }
}
