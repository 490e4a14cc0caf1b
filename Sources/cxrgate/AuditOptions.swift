import ArgumentParser
import Audit
import Foundation
import GRDB

/// What every audit command takes: which log, and who asks.
struct AuditOptions: ParsableArguments {
    @OptionGroup var database: DatabaseOptions

    @Option(name: .customLong("as"), help: "The person on whose behalf the log is read; the OS user if not given.")
    var asking: String?

    @Option(
        help: "Time zone of times given and shown, for example Europe/Amsterdam; UTC if not given, 'local' for here.")
    var timeZone: String = "UTC"

    func validate() throws {
        guard timeZone == "local" || TimeZone(identifier: timeZone) != nil else {
            throw ValidationError(
                "There is no time zone \(timeZone); use a name such as Europe/Amsterdam, UTC or local.")
        }
    }

    func open() throws -> DatabasePool { try AuditDatabase.open(at: database.path()) }

    var zone: TimeZone { timeZone == "local" ? .current : TimeZone(identifier: timeZone) ?? .gmt }

    /// Nil for UTC, which is written `Z`.
    var documentZone: TimeZone? { timeZone == "UTC" ? nil : zone }

    /// How the output names the zone.
    var zoneName: String { timeZone == "UTC" ? "UTC" : zone.identifier }

    /// Who asks.
    var person: Person { Operator.person(asking) }

    func reader() throws -> AuditReader { AuditReader(pool: try open(), person: person) }

    func time(_ text: String?, _ option: String) throws -> AuditTime? {
        guard let text else { return nil }
        guard let time = AuditTime(text, in: zone) else {
            throw ValidationError(
                "\(option) \(text) is no time; write 2026-03-01, 2026-03-01T07:15 or 2026-03-01T07:15:30Z.")
        }
        return time
    }
}

/// What to look for.
struct AuditFilter: ParsableArguments {
    @Option(help: "Patient ID.")
    var patient: String?
    @Option(help: "Study Instance UID.")
    var study: String?
    @Option(help: "Accession Number.")
    var accession: String?
    @Option(help: "AE title, as source or as destination.")
    var ae: String?
    @Option(help: "Account of a person.")
    var user: String?
    @Option(
        name: .customLong("event"),
        help: "Event name (instance-received) or event ID (110104); may be given several times.")
    var events: [String] = []
    @Option(name: .customLong("outcome"), help: "success, minor-failure, serious-failure, major-failure, or failure.")
    var outcomes: [String] = []
    @Option(help: "From this time on.")
    var from: String?
    @Option(help: "Before this time.")
    var until: String?
    @Option(help: "Words that must occur; \"in quotes\" for words in a row, word* for a beginning.")
    var text: String?

    func query(_ options: AuditOptions) throws -> AuditQuery {
        AuditQuery(
            patient: patient, study: study, accession: accession, aeTitle: ae, person: user, kinds: try kinds(),
            outcomes: try selectedOutcomes(), from: try options.time(from, "--from"),
            until: try options.time(until, "--until"), text: text)
    }

    private func kinds() throws -> [EventKind] {
        try events.flatMap { name in
            let found = EventDefinition.table.filter { $0.name == name || $0.identifier.rawValue == name }
            guard !found.isEmpty else {
                let names = EventDefinition.table.map(\.name).joined(separator: ", ")
                throw ValidationError("There is no event \(name). Events are: \(names).")
            }
            return found.map(\.kind)
        }
    }

    private func selectedOutcomes() throws -> [EventOutcome] {
        try outcomes.flatMap { name in
            if name == "failure" { return EventOutcome.allCases.filter { $0 != .success } }
            guard let outcome = EventOutcome.allCases.first(where: { $0.name == name }) else {
                throw ValidationError("There is no outcome \(name).")
            }
            return [outcome]
        }
    }
}
