import ArgumentParser
import Foundation
import Worklist

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows what is kept, what waits, and what needs a person.",
        discussion: """
            In JSON it is one object. CSV has one line for each figure: its subject, name and value. Names of patients \
            are never shown.
            """)

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let status = try database.read { db in try WorklistStatus.fetch(in: db) }
        switch output.format {
        case .table: print(forPeople(status, at: Date()))
        case .json: print(try json(status))
        case .jsonl, .csv: print(figures(status).text(as: output))
        }
    }

    private func forPeople(_ status: WorklistStatus, at now: Date) -> String {
        let bytes = ByteCountFormatter.string(fromByteCount: status.byteCount, countStyle: .decimal)
        var sections = [
            """
            Studies      \(counts(status.studies, in: StudyState.allCases.map(\.rawValue)))
            Work items   \(counts(status.workItems, in: WorkState.allCases.map(\.rawValue)))
            Kept         \(status.instances) instances, \(bytes)
            """
        ]
        if let oldest = status.oldestReadyAt {
            sections[0] += "\nLongest wait \(Int(now.timeIntervalSince(oldest))) s"
        }
        var destinations = Table(
            [
                .init("destination", "DESTINATION"), .init("circuit", "CIRCUIT"), .init("pending", "PENDING"),
                .init("sending", "SENDING"), .init("uncommitted", "AWAITING COMMITMENT"), .init("done", "DONE"),
                .init("deadLetter", "DEAD LETTERS"), .init("oldest", "OLDEST PENDING"),
                .init("lastSuccess", "LAST SUCCESS"), .init("error", "LAST ERROR", maximumWidth: 40),
            ], emptyNote: "No destinations.")
        for line in status.destinations {
            destinations.add([
                .text(line.destination.name), .text(line.destination.circuit.rawValue),
                .integer(line.count(.pending)), .integer(line.count(.leased)), .integer(line.awaitingCommitment),
                .integer(line.settled), .integer(line.count(.deadLetter)), .time(line.oldestPendingAt),
                .time(line.destination.lastSuccessAt),
                .text(line.destination.circuit == .closed ? nil : line.destination.lastError),
            ])
        }
        sections.append(destinations.aligned(wide: output.wide))
        var sources = Table(
            [
                .init("aeTitle", "SOURCE"), .init("address", "ADDRESS"), .init("instances", "INSTANCES"),
                .init("lastSeen", "LAST SEEN"),
            ], emptyNote: "No sources yet.")
        for source in status.sources {
            sources.add([
                .text(source.aeTitle), .text(source.address), .integer(source.instanceCount), .time(source.lastSeenAt),
            ])
        }
        sections.append(sources.aligned(wide: output.wide))
        sections.append(attention(status))
        return sections.joined(separator: "\n\n")
    }

    private func counts(_ counts: [String: Int], in order: [String]) -> String {
        let parts = order.compactMap { name in counts[name].map { "\($0) \(name)" } }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    /// What a person should look at, and the command that shows it.
    private func attention(_ status: WorklistStatus) -> String {
        var lines: [String] = []
        func note(_ text: String, command: String? = nil) {
            lines.append("  " + text)
            if let command { lines.append("      cxrgate \(command)\(database.arguments)") }
        }
        if let dead = status.workItems[WorkState.deadLetter.rawValue] {
            note("dead work items: \(dead)", command: "queue --state deadLetter")
        }
        for line in status.destinations {
            let name = line.destination.name
            if line.count(.deadLetter) > 0 {
                note(
                    "dead deliveries to \(name): \(line.count(.deadLetter))",
                    command: "deliveries --state deadLetter --destination \(name)")
            }
            if line.destination.circuit != .closed {
                note("\(name) does not answer: \(line.destination.lastError ?? "no reason kept")")
            }
        }
        if status.missing > 0 { note("files missing from the store: \(status.missing)") }
        if status.quarantined > 0 { note("quarantined objects: \(status.quarantined)", command: "quarantine") }
        if status.demographicsDiffer > 0 {
            note("studies whose images name different patients: \(status.demographicsDiffer)", command: "studies")
        }
        return lines.isEmpty ? "Nothing needs attention." : "Needs attention:\n" + lines.joined(separator: "\n")
    }

    private func json(_ status: WorklistStatus) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        }
        return String(decoding: try encoder.encode(status), as: UTF8.self)
    }

    private func figures(_ status: WorklistStatus) -> Table {
        var table = Table([.init("subject", ""), .init("name", ""), .init("value", "")])
        func add(_ subject: String, _ name: String, _ value: Int) {
            table.add([.text(subject), .text(name), .integer(value)])
        }
        for state in StudyState.allCases { add("studies", state.rawValue, status.studies[state.rawValue] ?? 0) }
        for state in WorkState.allCases { add("workItems", state.rawValue, status.workItems[state.rawValue] ?? 0) }
        for line in status.destinations {
            for state in DeliveryState.allCases { add(line.destination.name, state.rawValue, line.count(state)) }
        }
        add("store", "instances", status.instances)
        add("store", "byteCount", Int(status.byteCount))
        add("store", "quarantined", status.quarantined)
        add("store", "missing", status.missing)
        add("store", "demographicsDiffer", status.demographicsDiffer)
        return table
    }
}
