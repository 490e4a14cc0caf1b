import ArgumentParser
import Audit
import Foundation
import GRDB
import Worklist

/// Which database a worklist command looks at: the configured gateway's, or a named file.
struct DatabaseOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway's database file, instead of the configured one.", valueName: "path"))
    var database: String?

    @OptionGroup var configuration: ConfigurationOptions

    /// Repeats the choice on another command line.
    var arguments: String {
        if let database { return " --database \(database)" }
        return configuration.config.map { " --config \($0)" } ?? ""
    }

    func path() throws -> String {
        try database ?? configuration.load().storage.databasePath
    }

    /// Reads beside a running gateway; nothing is created or changed.
    func read<Value>(_ query: (Database) throws -> Value) throws -> Value {
        try WorklistDatabase.openReadOnly(at: path()).read(query)
    }

    /// Changes an existing database, or shows what names patients: together with an audit record of who did it. The
    /// first line refuses a file that is none, instead of making one of it.
    func write<Value>(recording event: AuditEvent, _ change: (Database) throws -> Value) throws -> Value {
        _ = try WorklistDatabase.openReadOnly(at: path())
        let pool = try WorklistDatabase.open(at: path()) { AuditSchema.registerMigrations(in: &$0) }
        return try pool.write { db in
            let value = try change(db)
            try AuditLog.append(event, in: db)
            return value
        }
    }
}

/// Which part of a long listing is shown.
struct PageOptions: ParsableArguments {
    @Option(name: .long, help: "Show at most so many rows.")
    var limit = 50

    @Option(name: .long, help: "Leave out so many rows first.")
    var offset = 0

    var page: Page { Page(limit: limit, offset: offset) }

    func validate() throws {
        guard limit > 0, offset >= 0 else {
            throw ValidationError("--limit must be at least 1 and --offset at least 0.")
        }
    }
}

extension StudyState: ExpressibleByArgument {}
extension WorkState: ExpressibleByArgument {}
extension DeliveryState: ExpressibleByArgument {}

struct StudiesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "studies",
        abstract: "Lists the studies: when received, analysed, sent and committed.",
        discussion: "Shows patient names. The latest received comes first.")

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var pages: PageOptions

    @Option(name: .long, help: "Only studies in this state (may be given several times).")
    var state: [StudyState] = []

    @Argument(help: "A Patient ID, Accession Number or Study Instance UID, or the beginning of a patient's name.")
    var search: String?

    func run() throws {
        let event = AuditEvent(
            .queryAnswered, description: "Listed studies.", person: Operator.person(),
            objects: search.map { [ParticipantObject(.query, identifier: $0)] } ?? [])
        let studies = try database.write(recording: event) { db in
            try Listings.studies(states: state, search: search, page: pages.page, in: db)
        }
        var table = Table(
            [
                .init("studyInstanceUID", "STUDY INSTANCE UID"), .init("patientID", "PATIENT ID", maximumWidth: 16),
                .init("patientName", "PATIENT", maximumWidth: 24),
                .init("accessionNumber", "ACCESSION", maximumWidth: 16), .init("state", "STATE"),
                .init("priority", "PRIORITY"), .init("revision", "REV"), .init("instances", "IMAGES"),
                .init("quarantined", "QUARANTINED", isRare: true), .init("results", "RESULTS", isRare: true),
                .init("receivedAt", "RECEIVED"),
                .init("analysedAt", "ANALYSED"), .init("sentAt", "SENT"), .init("committedAt", "COMMITTED"),
                .init("demographicsDiffer", "PATIENT DIFFERS"), .init("reason", "REASON", maximumWidth: 60),
            ], emptyNote: "No studies.")
        for study in studies {
            table.add([
                .text(study.studyInstanceUID), .text(study.patientID), .text(study.patientName),
                .text(study.accessionNumber), .text(study.state.rawValue), .text(study.priority),
                .integer(study.revision), .integer(study.instances), .integer(study.quarantined),
                .integer(study.results), .time(study.receivedAt), .time(study.analysedAt), .time(study.sentAt),
                .time(study.committedAt), .flag(study.demographicsDiffer), .text(study.reason),
            ])
        }
        print(table.text(as: output))
    }
}

struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Lists the work items: open ones in the order of work, then the settled ones, latest first.")

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var pages: PageOptions

    @Option(name: .long, help: "Only items in this state (may be given several times).")
    var state: [WorkState] = []

    @Option(name: .long, help: ArgumentHelp("Only items of this study.", valueName: "study-uid"))
    var study: String?

    func run() throws {
        let items = try database.read { db in
            try Listings.queue(states: state, studyInstanceUID: study, page: pages.page, in: db)
        }
        var table = Table(
            [
                .init("id", "ITEM"), .init("kind", "KIND"), .init("state", "STATE"), .init("priority", "PRIORITY"),
                .init("revision", "REV"), .init("attempts", "ATTEMPTS"), .init("createdAt", "QUEUED"),
                .init("notBefore", "NOT BEFORE", isRare: true), .init("startedAt", "STARTED"),
                .init("finishedAt", "FINISHED", isRare: true),
                .init("settledAt", "SETTLED"), .init("leaseOwner", "WORKER"),
                .init("leaseUntil", "LEASED UNTIL", isRare: true),
                .init("studyInstanceUID", "STUDY INSTANCE UID"), .init("reason", "REASON", maximumWidth: 60),
            ], emptyNote: "No work items.")
        for item in items {
            table.add([
                .integer(Int(item.id)), .text(item.kind), .text(item.state.rawValue), .text(item.priority),
                .integer(item.revision), .integer(item.attempts), .time(item.createdAt), .time(item.notBefore),
                .time(item.startedAt), .time(item.finishedAt), .time(item.settledAt), .text(item.leaseOwner),
                .time(item.leaseUntil), .text(item.studyInstanceUID), .text(item.reason),
            ])
        }
        print(table.text(as: output))
    }
}

struct DeliveriesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliveries", abstract: "Lists the deliveries, the latest change first.")

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var pages: PageOptions

    @Option(name: .long, help: "Only deliveries in this state (may be given several times).")
    var state: [DeliveryState] = []

    @Option(name: .long, help: ArgumentHelp("Only deliveries to this destination.", valueName: "name"))
    var destination: String?

    @Option(name: .long, help: ArgumentHelp("Only deliveries of this study.", valueName: "study-uid"))
    var study: String?

    func run() throws {
        let deliveries = try database.read { db in
            try Listings.deliveries(
                states: state, destination: destination, studyInstanceUID: study, page: pages.page, in: db)
        }
        var table = Table(
            [
                .init("id", "DELIVERY"), .init("destination", "DESTINATION"), .init("state", "STATE"),
                .init("priority", "PRIORITY", isRare: true), .init("attempts", "ATTEMPTS"),
                .init("lastStatus", "STATUS"),
                .init("createdAt", "QUEUED", isRare: true), .init("notBefore", "NOT BEFORE", isRare: true),
                .init("sentAt", "SENT"),
                .init("committedAt", "COMMITTED"), .init("studyInstanceUID", "STUDY INSTANCE UID"),
                .init("sopInstanceUID", "SOP INSTANCE UID"), .init("reason", "REASON", maximumWidth: 60),
            ], emptyNote: "No deliveries.")
        for delivery in deliveries {
            table.add([
                .integer(Int(delivery.id)), .text(delivery.destination), .text(delivery.state.rawValue),
                .text(delivery.priority), .integer(delivery.attempts), .text(delivery.lastStatus.map(statusText)),
                .time(delivery.createdAt), .time(delivery.notBefore), .time(delivery.sentAt),
                .time(delivery.committedAt), .text(delivery.studyInstanceUID), .text(delivery.sopInstanceUID),
                .text(delivery.reason),
            ])
        }
        print(table.text(as: output))
    }

    /// DICOM's way to write a status: four hexadecimal digits and H.
    private func statusText(_ status: UInt16) -> String {
        String(format: "%04X", Int(status)) + "H"
    }
}

struct QuarantineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: "Lists what was received and set aside, and why; the latest comes first.")

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var pages: PageOptions

    func run() throws {
        let entries = try database.read { db in try Listings.quarantine(page: pages.page, in: db) }
        var table = Table(
            [
                .init("receivedAt", "RECEIVED"), .init("aeTitle", "SOURCE"), .init("address", "ADDRESS"),
                .init("byteCount", "BYTES"), .init("reason", "REASON", maximumWidth: 60),
                .init("sopInstanceUID", "SOP INSTANCE UID"), .init("studyInstanceUID", "STUDY INSTANCE UID"),
                .init("path", "PATH", maximumWidth: 250),
            ], emptyNote: "Nothing is quarantined.")
        for entry in entries {
            table.add([
                .time(entry.receivedAt), .text(entry.aeTitle), .text(entry.address), .integer(Int(entry.byteCount)),
                .text(entry.reason), .text(entry.sopInstanceUID), .text(entry.studyInstanceUID), .text(entry.path),
            ])
        }
        print(table.text(as: output))
    }
}

struct RetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Gives dead letters a second chance.",
        discussion: "Choose exactly one of --item, --delivery, --study, --destination and --all.")

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    @Option(name: .long, help: ArgumentHelp("One work item, by its number in `queue`.", valueName: "number"))
    var item: Int64?

    @Option(name: .long, help: ArgumentHelp("One delivery, by its number in `deliveries`.", valueName: "number"))
    var delivery: Int64?

    @Option(
        name: .long, help: ArgumentHelp("Every dead work item and delivery of a study.", valueName: "study-uid"))
    var study: String?

    @Option(name: .long, help: ArgumentHelp("Every dead delivery to a destination.", valueName: "name"))
    var destination: String?

    @Flag(name: .long, help: "Every dead work item and delivery.")
    var all = false

    private var selections: [RetrySelection] {
        [
            item.map(RetrySelection.workItem), delivery.map(RetrySelection.delivery),
            study.map { RetrySelection.study(studyInstanceUID: $0) }, destination.map(RetrySelection.destination),
            all ? .everything : nil,
        ].compactMap { $0 }
    }

    func validate() throws {
        guard selections.count == 1 else {
            throw ValidationError("Choose exactly one of --item, --delivery, --study, --destination and --all.")
        }
    }

    func run() throws {
        guard let selection = selections.first else { return }
        let event = AuditEvent(
            .deliveryRetried, description: "An operator asked for another try: \(selection).",
            person: Operator.person())
        let report = try database.write(recording: event) { db in
            try OperatorRetry.retry(selection, at: Date(), in: db)
        }
        var table = Table([.init("kind", "REVIVED"), .init("id", "NUMBER")], emptyNote: "No dead letters.")
        for id in report.workItems { table.add([.text("work item"), .integer(Int(id))]) }
        for id in report.deliveries { table.add([.text("delivery"), .integer(Int(id))]) }
        print(table.text(as: output))
    }
}
