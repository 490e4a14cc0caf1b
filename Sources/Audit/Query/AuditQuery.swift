import Foundation
import GRDB

/// What to look for in the log. Everything given must hold.
public struct AuditQuery: Sendable, Equatable {
    /// Where a page ended, for asking for the next one.
    public struct Cursor: Sendable, Equatable, CustomStringConvertible {
        /// The last record's time in microseconds.
        public let time: Int64
        /// The last record's number.
        public let sequence: Int64

        init(time: Int64, sequence: Int64) {
            self.time = time
            self.sequence = sequence
        }

        /// Reads ``description`` back.
        public init?(_ text: String) {
            let parts = text.split(separator: "-").compactMap { Int64($0) }
            guard parts.count == 2 else { return nil }
            self.init(time: parts[0], sequence: parts[1])
        }

        public var description: String { "\(time)-\(sequence)" }
    }

    /// Patient ID.
    public var patient: String?
    /// Study Instance UID.
    public var study: String?
    /// Accession Number.
    public var accession: String?
    /// An AE title, as source or as destination.
    public var aeTitle: String?
    /// The account of a person.
    public var person: String?
    /// Event types, any of them; empty for all.
    public var kinds: [EventKind]
    /// Outcomes, any of them; empty for all.
    public var outcomes: [EventOutcome]
    /// From this instant on.
    public var from: AuditTime?
    /// Before this instant.
    public var until: AuditTime?
    /// Words that must all occur; `"…"` for words in a row, `word*` for a beginning.
    public var text: String?
    /// Whether the newest come first.
    public var newestFirst: Bool
    /// Records in a page.
    public var limit: Int
    /// Where the page before ended.
    public var after: Cursor?

    /// Looks for everything, to be narrowed.
    public init(
        patient: String? = nil, study: String? = nil, accession: String? = nil, aeTitle: String? = nil,
        person: String? = nil, kinds: [EventKind] = [], outcomes: [EventOutcome] = [], from: AuditTime? = nil,
        until: AuditTime? = nil, text: String? = nil, newestFirst: Bool = true, limit: Int = 50, after: Cursor? = nil
    ) {
        self.patient = patient
        self.study = study
        self.accession = accession
        self.aeTitle = aeTitle
        self.person = person
        self.kinds = kinds
        self.outcomes = outcomes
        self.from = from
        self.until = until
        self.text = text
        self.newestFirst = newestFirst
        self.limit = limit
        self.after = after
    }

    /// The criteria, by name: what the record of this query says was asked for.
    public var criteria: [String: String] {
        var criteria: [String: String] = [:]
        criteria["patient"] = patient
        criteria["study"] = study
        criteria["accession"] = accession
        criteria["ae"] = aeTitle
        criteria["person"] = person
        criteria["text"] = text
        criteria["from"] = from?.iso8601()
        criteria["until"] = until?.iso8601()
        if !kinds.isEmpty { criteria["events"] = kinds.map(\.definition.name).joined(separator: ",") }
        if !outcomes.isEmpty { criteria["outcomes"] = outcomes.map(\.name).joined(separator: ",") }
        return criteria
    }
}

/// One page of an answer.
public struct AuditPage: Sendable {
    /// The records, in the order asked for.
    public let records: [AuditRecord]
    /// Where the next page begins; nil when this was the last.
    public let next: AuditQuery.Cursor?
}

extension AuditQuery {
    /// SQL and what to bind to it.
    struct SQL {
        var text: String
        var arguments: StatementArguments
    }

    /// One way into the records: an index, and the condition that it answers.
    private struct Arm {
        var index: String
        var condition: String
        var arguments: StatementArguments = []
    }

    /// The most selective way in that the criteria allow. Each arm yields its records in time order, and SQLite merges
    /// arms without sorting.
    private var arms: [Arm] {
        if let study { return [Arm(index: "audit_by_study", condition: "study_uid = ?", arguments: [study])] }
        if let accession {
            return [Arm(index: "audit_by_accession", condition: "accession = ?", arguments: [accession])]
        }
        if let patient { return [Arm(index: "audit_by_patient", condition: "patient_id = ?", arguments: [patient])] }
        if let person { return [Arm(index: "audit_by_person", condition: "person = ?", arguments: [person])] }
        if let aeTitle {
            return [
                Arm(index: "audit_by_source", condition: "source_ae = ?", arguments: [aeTitle]),
                Arm(
                    index: "audit_by_destination", condition: "destination_ae = ? AND source_ae IS NOT ?",
                    arguments: [aeTitle, aeTitle]),
            ]
        }
        if !outcomes.isEmpty, !outcomes.contains(.success) {
            // A partial index is only used when the condition names the value itself.
            return outcomes.map { Arm(index: "audit_by_failure", condition: "outcome = \($0.rawValue)") }
        }
        if !kinds.isEmpty {
            return kinds.map { Arm(index: "audit_by_event", condition: "event = \($0.rawValue)") }
        }
        return [Arm(index: "audit_by_time", condition: "1")]
    }

    /// Conditions that hold on every record of the answer, whichever way in was taken.
    private func filter(through last: Int64) -> SQL {
        var conditions = ["sequence <= ?"]
        var arguments: StatementArguments = [last]
        func add(_ condition: String, _ values: StatementArguments) {
            conditions.append(condition)
            arguments += values
        }
        if let from { add("time >= ?", [from.microseconds]) }
        if let until { add("time < ?", [until.microseconds]) }
        if let patient { add("patient_id = ?", [patient]) }
        if let study { add("study_uid = ?", [study]) }
        if let accession { add("accession = ?", [accession]) }
        if let person { add("person = ?", [person]) }
        if let aeTitle { add("(source_ae = ? OR destination_ae = ?)", [aeTitle, aeTitle]) }
        if !kinds.isEmpty { add("event IN (\(kinds.map { String($0.rawValue) }.joined(separator: ",")))", []) }
        if !outcomes.isEmpty { add("outcome IN (\(outcomes.map { String($0.rawValue) }.joined(separator: ",")))", []) }
        return SQL(text: conditions.joined(separator: " AND "), arguments: arguments)
    }

    /// The records of one page and one more, as `columns`, which must begin with `sequence, time`.
    func page(columns: String = AuditRecord.columns, through last: Int64) throws -> SQL {
        guard limit > 0 else { throw AuditError.badQuery(reason: "a page of \(limit) records holds nothing") }
        let direction = newestFirst ? "DESC" : "ASC"
        let comparison = newestFirst ? "<" : ">"
        let filter = filter(through: last)
        if let match = try match {
            var sql = SQL(
                text: "SELECT \(columns) FROM audit_text CROSS JOIN audit_record ON sequence = audit_text.rowid "
                    + "WHERE audit_text MATCH ? AND \(filter.text)",
                arguments: [match] + filter.arguments)
            if let after {
                sql.text += " AND audit_text.rowid \(comparison) ?"
                sql.arguments += [after.sequence]
            }
            sql.text += " ORDER BY audit_text.rowid \(direction) LIMIT \(limit + 1)"
            return sql
        }
        var sql = SQL(text: "", arguments: [])
        for arm in arms {
            if !sql.text.isEmpty { sql.text += " UNION ALL " }
            sql.text +=
                "SELECT \(columns) FROM audit_record INDEXED BY \(arm.index) WHERE \(arm.condition) AND \(filter.text)"
            sql.arguments += arm.arguments + filter.arguments
            if let after {
                sql.text += " AND (time, sequence) \(comparison) (?, ?)"
                sql.arguments += [after.time, after.sequence]
            }
        }
        sql.text += " ORDER BY time \(direction), sequence \(direction) LIMIT \(limit + 1)"
        return sql
    }

    /// All records of the answer, as `columns`, in no order.
    func all(columns: String, through last: Int64) throws -> SQL {
        let filter = filter(through: last)
        guard let match = try match else {
            return SQL(text: "SELECT \(columns) FROM audit_record WHERE \(filter.text)", arguments: filter.arguments)
        }
        return SQL(
            text: """
                SELECT \(columns) FROM audit_record
                WHERE \(filter.text) AND sequence IN (SELECT rowid FROM audit_text WHERE audit_text MATCH ?)
                """,
            arguments: filter.arguments + [match])
    }

    /// The text criterion as an FTS5 expression: every word quoted, so that none of its characters is an operator.
    private var match: String? {
        get throws {
            guard let text else { return nil }
            var terms: [String] = []
            for (index, part) in text.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
                if index % 2 == 1 {
                    terms.append("\"\(part)\"")
                } else {
                    terms += part.split(whereSeparator: \.isWhitespace).map { word in
                        word.hasSuffix("*") ? "\"\(word.dropLast())\"*" : "\"\(word)\""
                    }
                }
            }
            guard terms.contains(where: { $0.contains(where: { $0.isLetter || $0.isNumber }) }) else {
                throw AuditError.badQuery(reason: "the text to look for has no letter or digit")
            }
            return terms.joined(separator: " ")
        }
    }
}
