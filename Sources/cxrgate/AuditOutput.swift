import Audit
import Foundation

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

    /// Records in a format, without the last line's end; in JSON with all that they hold.
    static func rendered(_ records: [AuditRecord], _ format: OutputFormat, _ options: AuditOptions) throws -> String {
        switch format {
        case .table: table(records, zone: options.zone).aligned()
        case .csv:
            ([csvHeadings] + records.map { csvRow($0, zone: options.documentZone) }).map(Table.csvLine)
                .joined(separator: "\r\n")
        case .json: "[\(try documents(records, options).joined(separator: ",\n"))]"
        case .jsonl: try documents(records, options).joined(separator: "\n")
        }
    }

    private static func documents(_ records: [AuditRecord], _ options: AuditOptions) throws -> [String] {
        try records.map { try RecordDocument($0, zone: options.documentZone).json() }
    }

    private static func table(_ records: [AuditRecord], zone: TimeZone) -> Table {
        var table = Table(
            [
                .init("number", "NUMBER"), .init("time", "TIME"), .init("event", "EVENT"), .init("outcome", "OUTCOME"),
                .init("patient", "PATIENT"), .init("accession", "ACCESSION"), .init("from", "FROM"), .init("to", "TO"),
                .init("person", "PERSON"), .init("description", "DESCRIPTION", maximumWidth: 400),
                .init("study", "STUDY"),
            ], emptyNote: "No record matches.")
        for record in records {
            let event = record.event
            let time = String(record.time.iso8601(in: zone).prefix(23)).replacing("T", with: " ")
            table.add([
                .integer(Int(record.sequence)), .text(time), .text(event.kind.definition.name),
                .text(event.outcome.name), .text(event.patient?.identifier), .text(event.study?.accession),
                .text(event.source?.aeTitle ?? event.source?.host),
                .text(event.destination?.aeTitle ?? event.destination?.host), .text(event.person?.user),
                .text(event.description), .text(event.study?.uid),
            ])
        }
        return table
    }
}

/// What people read beside the answer goes to the standard error stream, so that a pipe gets the answer alone.
func note(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
