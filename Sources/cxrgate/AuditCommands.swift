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
    var format = OutputFormat.table

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
        print(try AuditRecordTable.rendered(page.records, format, options))
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
    var format = OutputFormat.table

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
    @OptionGroup var output: OutputOptions
    @Option(help: "event, outcome, source, destination, patient, person or day.")
    var by = AuditReader.Dimension.event

    func run() throws {
        let counts = try options.reader().counts(by: by, matching: try filter.query(options), zone: options.zone)
        var table = Table([.init(by.rawValue, by.rawValue.uppercased()), .init("records", "RECORDS")])
        for count in counts { table.add([.text(count.value), .integer(count.count)]) }
        print(table.text(as: output))
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
    @OptionGroup var output: OutputOptions

    func run() throws {
        let summaries = try options.reader().turnaround(
            from: try options.time(from, "--from"), until: try options.time(until, "--until"), zone: options.zone)
        var table = Table([
            .init("day", "DAY"), .init("source", "SOURCE"), .init("received", "RECEIVED"),
            .init("delivered", "DELIVERED"), .init("p50_seconds", "P50 SECONDS"), .init("p95_seconds", "P95 SECONDS"),
        ])
        for summary in summaries {
            table.add([
                .text(summary.day), .text(summary.source), .integer(summary.received), .integer(summary.delivered),
                .decimal(summary.p50Seconds, places: 3), .decimal(summary.p95Seconds, places: 3),
            ])
        }
        print(table.text(as: output))
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
