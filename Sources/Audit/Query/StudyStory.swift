import Foundation
import GRDB

/// Everything the log knows of one study, in order.
public struct StudyStory: Sendable {
    /// What was asked for: a Study Instance UID or an accession number.
    public let identifier: String
    /// The records that concern the study, in the order of the chain, readings of the log left out.
    public let records: [AuditRecord]
    /// How often the log was read about this study.
    public let logReadCount: Int

    static func fetch(_ identifier: String, through last: Int64, in db: Database) throws -> StudyStory {
        var studies = try String.fetchSet(
            db, sql: "SELECT DISTINCT study_uid FROM audit_record WHERE accession = ? AND study_uid IS NOT NULL",
            arguments: [identifier])
        studies.insert(identifier)
        let marks = databaseQuestionMarks(count: studies.count)
        let records = try Row.fetchAll(
            db,
            sql: """
                SELECT \(AuditRecord.columns) FROM audit_record
                WHERE study_uid IN (\(marks)) AND sequence <= ? ORDER BY sequence
                """,
            arguments: StatementArguments(studies.sorted()) + [last]
        ).map(AuditRecord.init)
        let reads: Set<EventKind> = [.auditLogRead, .auditLogExported]
        return StudyStory(
            identifier: identifier, records: records.filter { !reads.contains($0.event.kind) },
            logReadCount: records.count { reads.contains($0.event.kind) })
    }

    /// The story for a person: a line for each event, with what it says beneath. Times are in `zone`.
    public func text(in zone: TimeZone) -> String {
        guard let first = records.first else {
            return "The audit log has no record of study or accession \(identifier).\n"
        }
        var lines: [String] = []
        let patient = records.lazy.compactMap(\.event.patient).first
        let study = records.lazy.compactMap(\.event.study).first
        lines.append("Study      \(study?.uid ?? identifier)")
        if let accession = study?.accession { lines.append("Accession  \(accession)") }
        if let patient { lines.append("Patient    \(patient.identifier)\(patient.name.map { "  \($0)" } ?? "")") }
        lines.append("Times      \(zone.identifier)")
        lines.append("")
        for record in records {
            let elapsed = Double(record.time.microseconds - first.time.microseconds) / 1_000_000
            let stamp = record.time.iso8601(in: zone).prefix(23).replacing("T", with: " ")
            let failure = record.event.outcome == .success ? "" : "  [\(record.event.outcome.name)]"
            lines.append(
                "\(stamp)  +\(Self.seconds(elapsed))  #\(record.sequence)  "
                    + "\(record.event.kind.definition.meaning)\(failure)")
            lines += Self.facts(of: record.event).map { "        \($0)" }
        }
        lines.append("")
        lines.append("\(records.count) records; the log was read \(logReadCount) times about this study before.")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func seconds(_ value: Double) -> String {
        String(format: "%.3f s", value)
    }

    private static func facts(of event: AuditEvent) -> [String] {
        var facts: [String] = []
        if let description = event.description { facts.append(description) }
        if let source = event.source { facts.append("from \(name(of: source))") }
        if let destination = event.destination { facts.append("to \(name(of: destination))") }
        if let person = event.person { facts.append("by \(person.user)\(person.name.map { " (\($0))" } ?? "")") }
        for item in event.study?.sopClasses ?? [] {
            facts.append("\(item.instanceCount) of SOP class \(item.uid)")
            facts += item.instances.map { "  \($0)" }
        }
        for object in event.objects {
            facts.append("\(object.sort.rawValue) \(object.identifier)\(object.name.map { " (\($0))" } ?? "")")
            facts += object.details.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
        }
        facts += event.details.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        if let provenance = event.provenance { facts += Self.facts(of: provenance) }
        return facts
    }

    private static func name(of participant: Participant) -> String {
        [participant.aeTitle, participant.host.map { "at \($0)" }, participant.process.map { "(\($0))" }]
            .compactMap { $0 }.joined(separator: " ")
    }

    private static func facts(of provenance: Provenance) -> [String] {
        var facts = [
            "model \(provenance.model.name) \(provenance.model.version), weights \(provenance.model.weightsSHA256)",
            "revision \(provenance.revision), took \(provenance.durationMilliseconds) ms",
        ]
        let settings = provenance.decoding.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let seed = provenance.seed.map { ["seed \($0)"] } ?? []
        facts.append("decoding: \((settings + seed).joined(separator: ", "))")
        facts += provenance.inputs.map { "input \($0.sopInstanceUID) \($0.view ?? "")  sha256 \($0.sha256)" }
        for turn in provenance.turns {
            facts.append("prompt: \(turn.prompt)")
            facts += turn.answer.split(separator: "\n", omittingEmptySubsequences: false).map { "| \($0)" }
        }
        facts += provenance.findings.map { finding in
            let probability = finding.probability.map { String(format: ", p=%.2f", $0) } ?? ""
            let box = finding.box.map { ", box \($0.map { String(format: "%.1f", $0) }.joined(separator: " "))" } ?? ""
            return "finding \(finding.term): \(finding.polarity)\(probability)\(box)"
        }
        facts += provenance.dropped.map { "dropped \"\($0.text)\": \($0.reason)" }
        facts += provenance.results.map { "result \($0.sopInstanceUID)  sha256 \($0.sha256)" }
        return facts
    }
}
