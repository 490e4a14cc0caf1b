import ArgumentParser
import Audit
import Cryptography
import Foundation
import GRDB

struct AuditExportCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case xml, syslog, jsonl, csv
    }

    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write records to a file, oldest first; the export is recorded.")

    @OptionGroup var options: AuditOptions
    @OptionGroup var filter: AuditFilter
    @Option(help: "xml (a DICOM PS3.15 message a line), syslog (RFC 5424 with octet counting), jsonl or csv.")
    var format = Format.xml
    @Option(help: "The file to write, which must not be there yet; '-' for the standard output.")
    var output: String
    @Option(help: "A file with 32 bytes or more: patients' identifiers are replaced by hashes under this key.")
    var pseudonymKey: String?
    @Option(help: "The name of this gateway as audit source.")
    var sourceID = "CXRGateway"

    func run() throws {
        var query = try filter.query(options)
        query.newestFirst = false
        query.limit = 1000
        let pseudonymiser = try pseudonymKey.map { path in
            guard let key = FileManager.default.contents(atPath: path) else {
                throw ValidationError("--pseudonym-key \(path) cannot be read.")
            }
            return try Pseudonymiser(key: [UInt8](key))
        }
        let pool = try options.open()
        let log = try pool.read { try AuditLog.identifier(in: $0) }
        let source = AuditSource.local(sourceID: sourceID)
        let handle = try openOutput()
        var count = 0
        var pending = Data()
        if format == .csv { pending += line(AuditRecordTable.csvHeadings) }
        try AuditReader(pool: pool, person: options.person).export(
            matching: query, to: output == "-" ? "standard output" : output, pseudonymised: pseudonymiser != nil
        ) { record in
            count += 1
            let shown = pseudonymiser.map { record.pseudonymised(by: $0) } ?? record
            switch format {
            case .xml: pending += Data((AuditMessage(shown, log: log, source: source).xml + "\n").utf8)
            case .syslog: pending += Data(SyslogMessage(shown, log: log, source: source).frame)
            case .jsonl: pending += Data((try RecordDocument(shown, zone: options.documentZone).json() + "\n").utf8)
            case .csv: pending += line(AuditRecordTable.csvRow(shown, zone: options.documentZone))
            }
            if pending.count > 1 << 18 {
                try handle.write(contentsOf: pending)
                pending.removeAll(keepingCapacity: true)
            }
        }
        try handle.write(contentsOf: pending)
        if output != "-" { try handle.synchronize() }
        note("\(count) records exported, times in \(options.zoneName).")
    }

    private func line(_ fields: [String]) -> Data { Data((Table.csvLine(fields) + "\r\n").utf8) }

    private func openOutput() throws -> FileHandle {
        if output == "-" { return .standardOutput }
        let descriptor = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw ValidationError("--output \(output) cannot be made: \(String(cString: strerror(errno))).")
        }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}

struct AuditRetentionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention", abstract: "Move old records to sealed segments, and list those.",
        subcommands: [Seal.self, Segments.self, Show.self])

    struct Seal: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move records older than a time to sealed segment files. The chain goes on verifying.")
        @OptionGroup var options: AuditOptions
        @Option(help: "Seal what is older than this time.")
        var before: String
        @Option(help: "The directory for segment files.")
        var segments: String
        @Option(help: "The private key that signs the log.")
        var signingKey: String
        @Option(help: "Records in a segment; the log is held for writing while one is sealed.")
        var recordsPerSegment: Int64 = 50_000

        func run() throws {
            guard let asked = try options.time(before, "--before") else { return }
            // Each seal is a new record; without this limit a time to come would have no end of them.
            let limit = min(asked, .now)
            let retention = AuditRetention(
                pool: try options.open(),
                key: try Ed25519.SigningKey(contentsOf: URL(fileURLWithPath: signingKey)),
                directory: URL(fileURLWithPath: segments))
            var count = 0
            while let segment = try retention.sealRecords(
                before: limit, maximumRecords: recordsPerSegment, person: options.person)
            {
                count += 1
                print(
                    "\(segment.fileName)  records \(segment.sequences.lowerBound) to \(segment.sequences.upperBound)  "
                        + "sha256 \(segment.fileSHA256)")
            }
            note("\(count) segments sealed.")
        }
    }

    struct Segments: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the sealed segments.")
        @OptionGroup var options: AuditOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            let segments = try options.open().read { try AuditRetention.segments(in: $0) }
            var table = Table([
                .init("number", "NUMBER"), .init("first", "FIRST"), .init("last", "LAST"), .init("from", "FROM"),
                .init("to", "TO"), .init("file", "FILE", maximumWidth: 200), .init("sha256", "SHA256"),
            ])
            for segment in segments {
                table.add([
                    .integer(Int(segment.number)), .integer(Int(segment.sequences.lowerBound)),
                    .integer(Int(segment.sequences.upperBound)),
                    .text(segment.times.lowerBound.iso8601(in: options.documentZone)),
                    .text(segment.times.upperBound.iso8601(in: options.documentZone)), .text(segment.fileName),
                    .text(segment.fileSHA256),
                ])
            }
            print(table.text(as: output))
        }
    }
}

extension AuditRetentionCommand {
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the records in a sealed segment's file.")
        @OptionGroup var options: AuditOptions
        @Argument(help: "The segment file.")
        var file: String
        @Option(help: "table, json, jsonl or csv.")
        var format = OutputFormat.jsonl

        func run() throws {
            var records: [AuditRecord] = []
            try options.reader().forEachRecord(inSegment: URL(fileURLWithPath: file)) { records.append($0) }
            print(try AuditRecordTable.rendered(records, format, options))
            note("\(records.count) records, times in \(options.zoneName).")
        }
    }
}

struct AuditRepositoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repository", abstract: "How the audit record repositories stand.",
        subcommands: [Status.self, SetAside.self, Forget.self], defaultSubcommand: Status.self)

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show each repository's place in the log.")
        @OptionGroup var options: AuditOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            var table = Table([
                .init("repository", "REPOSITORY"), .init("cursor", "CURSOR"), .init("waiting", "WAITING"),
                .init("state", "STATE"), .init("since_utc", "SINCE (UTC)"), .init("set_aside", "SET ASIDE"),
                .init("last_error", "LAST ERROR", maximumWidth: 200),
            ])
            for status in try options.open().read({ try ForwardQueue.statuses(in: $0) }) {
                table.add([
                    .text(status.repository), .integer(Int(status.cursor)), .integer(Int(status.waiting)),
                    .text(status.isReachable ? "reachable" : "lost"), .text(status.since),
                    .integer(Int(status.setAsideCount)), .text(status.lastError),
                ])
            }
            print(table.text(as: output))
        }
    }

    struct SetAside: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-aside", abstract: "List the records that a repository will not get, and why.")
        @OptionGroup var options: AuditOptions
        @OptionGroup var output: OutputOptions
        @Argument(help: "The repository's name.")
        var repository: String

        func run() throws {
            var table = Table([.init("record", "RECORD"), .init("reason", "REASON", maximumWidth: 200)])
            for item in try options.open().read({ try ForwardQueue(repository: repository).setAside(in: $0) }) {
                table.add([.integer(Int(item.sequence)), .text(item.reason)])
            }
            print(table.text(as: output))
        }
    }

    struct Forget: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget a repository that is no longer used, so that retention does not wait for it.")
        @OptionGroup var options: AuditOptions
        @Argument(help: "The repository's name.")
        var repository: String

        func run() throws {
            let forgotten = try options.open().write { db in
                try ForwardQueue(repository: repository).forget(person: options.person, in: db)
            }
            guard forgotten else {
                note("There is no repository \(repository) in this log.")
                throw ExitCode(1)
            }
        }
    }
}
