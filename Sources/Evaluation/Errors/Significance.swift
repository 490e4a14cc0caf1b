import Findings
import Foundation

/// Which errors matter: the first row of `significance.json` that fits decides.
struct SignificanceTable: Sendable {
    /// A row. Conditions that are left out fit everything.
    struct Row: Codable, Sendable {
        let kinds: [ReportErrorKind]
        let findings: [String]?
        let polarities: [Polarity]?
        let severities: [Severity]?
        /// Fits comparisons that report one of these.
        let comparisons: [Temporality]?
        /// Fits a difference of side (`side`) or of zone only (`zone`).
        let location: LocationDifference?
        /// Fits severities at least this many steps apart.
        let steps: Int?
        let significant: Bool
        let reason: String
        let example: Example
    }

    struct Example: Codable, Sendable {
        let reference: String
        let candidate: String
        /// The error and "significant" or "minor".
        let expect: String
    }

    private struct File: Codable {
        let rows: [Row]
    }

    let rows: [Row]

    init() throws {
        rows = try loadResource("significance", as: File.self).rows
    }

    func decide(
        _ kind: ReportErrorKind, _ statement: Statement, location: LocationDifference? = nil, steps: Int = 0
    ) -> Row? {
        rows.first { row in
            row.kinds.contains(kind)
                && (row.findings?.contains(statement.finding) ?? true)
                && (row.polarities?.contains(statement.polarity) ?? true)
                && (row.severities.map { list in statement.severity.map(list.contains) ?? false } ?? true)
                && (row.comparisons.map { list in statement.temporality.map(list.contains) ?? false } ?? true)
                && (row.location.map { $0 == location } ?? true)
                && steps >= (row.steps ?? 0)
        }
    }
}

/// How two statements of the same finding differ in place.
enum LocationDifference: String, Codable, Sendable {
    case side, zone
}

/// Which site names speak of overlapping parts of the lung: naming the base for the lower lobe is no error.
enum SiteOverlap {
    private static let groups: [Set<String>] = [
        ["lower_zone", "lower_lobe"], ["lower_zone", "right_middle_lobe"], ["middle_zone", "right_middle_lobe"],
        ["middle_zone", "hilum"], ["middle_zone", "lower_lobe"], ["middle_zone", "upper_lobe"],
        ["upper_zone", "upper_lobe"], ["upper_zone", "apex"], ["upper_lobe", "apex"],
    ]

    static func overlap(_ one: String, _ other: String) -> Bool {
        one == other || groups.contains { $0.contains(one) && $0.contains(other) }
    }
}
