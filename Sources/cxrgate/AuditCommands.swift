import ArgumentParser
import Audit
import Cryptography
import Foundation
import GRDB

/// Reading, checking and keeping the audit log.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read, verify, export and keep the audit log. Each reading is recorded in it.",
        subcommands: [
            AuditQueryCommand.self, AuditShowCommand.self, AuditCountCommand.self, AuditTurnaroundCommand.self,
            AuditVerifyCommand.self, AuditHeadCommand.self, AuditExportCommand.self, AuditKeyCommand.self,
            AuditRetentionCommand.self, AuditRepositoryCommand.self, AuditReindexCommand.self,
        ])
}

struct AuditQueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "query", abstract: "Find records.")

    @OptionGroup var options: AuditOptions
    @OptionGroup var filter: AuditFilter
    @Option(help: "Records in a page.")
    var limit = 50
    @Option(help: "Where the page before ended, as it said.")
    var after: String?
    @Flag(help: "The oldest first.")
    var oldestFirst = false
    @Option(help: "table, json, jsonl or csv.")
    var format = AuditFormat.table

    func run() throws {
        var query = try filter.query(options)
        query.limit = limit
        query.newestFirst = !oldestFirst
        if let after {
            guard let cursor = AuditQuery.Cursor(after) else {
                throw ValidationError("--after \(after) is not what a page ended with.")
            }
            query.after = cursor
        }
        let page = try options.reader().records(matching: query)
        print(try AuditRecordTable.rendered(page.records, format, options), terminator: "")
        note("\(page.records.count) records, times in \(options.zoneName).")
        if let next = page.next { note("There are more: --after \(next)") }
    }
}

struct AuditShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Tell the whole story of a study, in order.")

    @OptionGroup var options: AuditOptions
    @Argument(help: "Study Instance UID or Accession Number.")
    var study: String
    @Option(help: "table or json.")
    var format = AuditFormat.table

    func run() throws {
        let story = try options.reader().story(of: study)
        switch format {
        case .table, .csv: print(story.text(in: options.zone), terminator: "")
        case .json, .jsonl: print(try story.json(zone: options.documentZone), terminator: "")
        }
        if story.records.isEmpty { throw ExitCode(1) }
    }
}

struct AuditCountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "count", abstract: "Count records.")

    @OptionGroup var options: AuditOptions
    @OptionGroup var filter: AuditFilter
    @Option(help: "event, outcome, source, destination, patient, person or day.")
    var by = AuditReader.Dimension.event
    @Option(help: "table, json, jsonl or csv.")
    var format = AuditFormat.table

    func run() throws {
        let counts = try options.reader().counts(by: by, matching: try filter.query(options), zone: options.zone)
        let rows = counts.map { [$0.value, String($0.count)] }
        print(try AuditTable(headings: [by.rawValue, "records"], rows: rows).rendered(format), terminator: "")
        if by == .day { note("Days in \(options.zoneName).") }
    }
}

extension AuditReader.Dimension: ExpressibleByArgument {}

struct AuditTurnaroundCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "turnaround",
        abstract: "How long studies took from the first instance received to the first result delivered.")

    @OptionGroup var options: AuditOptions
    @Option(help: "Studies received from this time on.")
    var from: String?
    @Option(help: "Studies received before this time.")
    var until: String?
    @Option(help: "table, json, jsonl or csv.")
    var format = AuditFormat.table

    func run() throws {
        let summaries = try options.reader().turnaround(
            from: try options.time(from, "--from"), until: try options.time(until, "--until"), zone: options.zone)
        func seconds(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "" }
        let rows = summaries.map {
            [
                $0.day, $0.source, String($0.received), String($0.delivered), seconds($0.p50Seconds),
                seconds($0.p95Seconds),
            ]
        }
        let headings = ["day", "source", "received", "delivered", "p50_seconds", "p95_seconds"]
        print(try AuditTable(headings: headings, rows: rows).rendered(format), terminator: "")
        note("Days in \(options.zoneName).")
    }
}

struct AuditReindexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reindex", abstract: "Build the text index anew from the records.")

    @OptionGroup var options: AuditOptions

    func run() throws {
        try AuditTextIndex.rebuild(try options.open())
    }
}
