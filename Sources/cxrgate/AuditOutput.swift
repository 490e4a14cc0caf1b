import ArgumentParser
import Audit
import Foundation

/// The forms of an answer.
enum AuditFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json, jsonl, csv
}

/// Rows under headings, for people or for spreadsheets.
struct AuditTable {
    let headings: [String]
    var rows: [[String]] = []

    /// Columns as wide as their widest cell.
    var text: String {
        let cells = ([headings] + rows).map { $0.map { TerminalText.line($0) } }
        let widths = headings.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            let padded = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return padded.joined(separator: "  ").replacing(/\ +$/, with: "") + "\n"
        }.joined()
    }

    /// RFC 4180.
    var csv: String { ([headings] + rows).map { Self.csvLine($0) }.joined() }

    static func csvLine(_ cells: [String]) -> String {
        cells.map { cell in
            cell.contains(where: { ",\"\r\n".contains($0) || $0 == "\r\n" })
                ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
        }.joined(separator: ",") + "\r\n"
    }

    /// An array of objects, or an object a line.
    func json(_ format: AuditFormat) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let lines = try rows.map { row in
            String(
                decoding: try encoder.encode(Dictionary(uniqueKeysWithValues: zip(headings, row))), as: UTF8.self)
        }
        return format == .jsonl
            ? lines.map { $0 + "\n" }.joined() : "[" + lines.joined(separator: ",\n") + "]\n"
    }

    func rendered(_ format: AuditFormat) throws -> String {
        switch format {
        case .table: text
        case .csv: csv
        case .json, .jsonl: try json(format)
        }
    }
}

/// Records as rows.
enum AuditRecordTable {
    static let csvHeadings = [
        "sequence", "time", "event", "event_id", "outcome", "patient_id", "patient_name", "study_uid", "accession",
        "source_ae", "source_host", "destination_ae", "destination_host", "person", "description", "hash",
    ]

    static func csvRow(_ record: AuditRecord, zone: TimeZone?) -> [String] {
        let event = record.event
        let cells: [String?] = [
            String(record.sequence), record.time.iso8601(in: zone), event.kind.definition.name,
            event.kind.definition.identifier.rawValue, event.outcome.name, event.patient?.identifier,
            event.patient?.name, event.study?.uid, event.study?.accession, event.source?.aeTitle, event.source?.host,
            event.destination?.aeTitle, event.destination?.host, event.person?.user, event.description,
            record.hash.hex,
        ]
        return cells.map { $0 ?? "" }
    }

    static func rendered(_ records: [AuditRecord], _ format: AuditFormat, _ options: AuditOptions) throws -> String {
        switch format {
        case .table: return table(records, zone: options.zone).text
        case .csv:
            let rows = records.map { csvRow($0, zone: options.documentZone) }
            return AuditTable(headings: csvHeadings, rows: rows).csv
        case .json, .jsonl:
            let lines = try records.map { try RecordDocument($0, zone: options.documentZone).json() }
            return format == .json ? "[\(lines.joined(separator: ",\n"))]\n" : lines.map { $0 + "\n" }.joined()
        }
    }

    private static func table(_ records: [AuditRecord], zone: TimeZone) -> AuditTable {
        var table = AuditTable(headings: [
            "NUMBER", "TIME", "EVENT", "OUTCOME", "PATIENT", "ACCESSION", "FROM", "TO", "PERSON", "DESCRIPTION",
            "STUDY",
        ])
        for record in records {
            let event = record.event
            let time = String(record.time.iso8601(in: zone).prefix(23)).replacing("T", with: " ")
            let cells: [String?] = [
                String(record.sequence), time, event.kind.definition.name, event.outcome.name,
                event.patient?.identifier, event.study?.accession, event.source?.aeTitle ?? event.source?.host,
                event.destination?.aeTitle ?? event.destination?.host, event.person?.user, event.description,
                event.study?.uid,
            ]
            table.rows.append(cells.map { $0 ?? "" })
        }
        return table
    }
}

/// What people read beside the answer goes to the standard error stream, so that a pipe gets the answer alone.
func note(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
