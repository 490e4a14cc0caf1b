import Evaluation
import Findings
import Foundation

/// Gathers what sentences say into findings, and settles what contradicts.
///
/// Statements on the same finding, side and site become one. Where one says present and another absent, the finding is
/// undetermined: a person decides. A general denial ("the lungs are clear", "no acute abnormality") beside a specific
/// abnormality is left out instead, since what was seen weighs more. Every such case is recorded.
struct FindingAssembly {
    private(set) var findings: [Finding] = []
    private(set) var dropped: [ReadingRecord.Dropped] = []
    private var counter = 0

    mutating func drop(_ text: String, _ reason: String) {
        dropped.append(ReadingRecord.Dropped(text: text, reason: reason))
    }

    /// Takes a statement in.
    ///
    /// - Parameter sentence: the words, for the record.
    /// - Returns: the finding's id, or nil when a reading can hold no more.
    mutating func add(_ statement: Statement, sentence: String) -> String? {
        let concept = FindingConcept.term(statement.finding)
        if let index = findings.firstIndex(where: { Self.isSame($0, concept, statement) }) {
            merge(statement, into: index, sentence: sentence)
            return findings[index].id
        }
        guard findings.count < Reading.Limits.findings / 2 else {
            drop(sentence, "there are more findings than a reading can hold")
            return nil
        }
        counter += 1
        let finding = Finding(
            id: "f\(counter)", concept: concept, polarity: statement.polarity,
            certainty: statement.polarity == .undetermined ? .possible : statement.certainty,
            laterality: statement.laterality, site: statement.site, severity: statement.severity)
        findings.append(finding)
        return finding.id
    }

    /// Adds a finding that no sentence states.
    mutating func add(_ concept: FindingConcept, _ polarity: Polarity, certainty: Certainty?) -> String {
        counter += 1
        findings.append(Finding(id: "f\(counter)", concept: concept, polarity: polarity, certainty: certainty))
        return "f\(counter)"
    }

    /// Changes the finding with this id.
    mutating func update(_ id: String, _ change: (inout Finding) -> Void) {
        guard let index = findings.firstIndex(where: { $0.id == id }) else { return }
        change(&findings[index])
    }

    /// Makes a finding undetermined and records why.
    mutating func contradict(_ id: String, sentence: String, _ reason: String) {
        update(id) {
            $0.polarity = .undetermined
            $0.certainty = .possible
        }
        drop(sentence, reason)
    }

    /// Puts a region on a finding, once.
    mutating func attach(_ region: ImageRegion, to id: String) {
        let total = findings.reduce(0) { $0 + $1.regions.count }
        guard total < Reading.Limits.regions else {
            return drop("\(region.region)", "there are more regions than a reading can hold")
        }
        update(id) { if !$0.regions.contains(region) { $0.regions.append(region) } }
    }

    /// Whether a statement speaks of what a finding already is.
    private static func isSame(_ finding: Finding, _ concept: FindingConcept, _ statement: Statement) -> Bool {
        guard finding.concept == concept else { return false }
        func agree<Value: Equatable>(_ one: Value?, _ other: Value?) -> Bool {
            one == nil || other == nil || one == other
        }
        // "No left effusion" says nothing of an effusion whose side was not told.
        let denial = statement.polarity == .absent ? (statement.laterality, finding.laterality) : nil
        let earlierDenial = finding.polarity == .absent ? (finding.laterality, statement.laterality) : nil
        if statement.polarity != finding.polarity, let (denied, told) = denial ?? earlierDenial {
            guard denied == nil || denied == told else { return false }
        }
        return agree(finding.laterality, statement.laterality) && agree(finding.site, statement.site)
    }

    private mutating func merge(_ statement: Statement, into index: Int, sentence: String) {
        let polarities = Set([findings[index].polarity, statement.polarity])
        if polarities.count == 2, polarities.contains(.absent) {
            contradict(findings[index].id, sentence: sentence, "it contradicts an earlier sentence")
        } else if polarities.count == 2 {
            // Plainly told once and guarded once: present, but no more than probable.
            findings[index].polarity = .present
            findings[index].certainty = .probable
        }
        findings[index].laterality = findings[index].laterality ?? statement.laterality
        findings[index].site = findings[index].site ?? statement.site
        // The worst that is told.
        findings[index].severity = [findings[index].severity, statement.severity].compactMap { $0 }.max()
    }

    /// Leaves out general denials that a specific finding contradicts.
    mutating func settle() {
        let terminology = Terminology.standard
        var positive: Set<String> = []
        var isAbnormal = false
        for finding in findings where finding.polarity != .absent {
            guard case .term(let key) = finding.concept else {
                isAbnormal = true
                continue
            }
            if terminology.finding(key)?.group == .abnormality { isAbnormal = true }
            // A large heart says nothing of the mediastinum, though the one is part of the other's silhouette.
            let lineage = terminology.lineage(of: key).dropFirst().map(\.key)
            positive.formUnion(lineage.filter { $0 != "enlarged_cardiomediastinum" })
        }
        var kept: [Finding] = []
        for finding in findings {
            guard case .term(let key) = finding.concept else {
                kept.append(finding)
                continue
            }
            let isNormality = terminology.finding(key)?.group == .normality
            if isNormality && finding.polarity != .absent && isAbnormal
                || finding.polarity == .absent && positive.contains(key)
            {
                drop(terminology.finding(key)?.name ?? key, "a specific finding contradicts this general statement")
            } else if !(isNormality && finding.polarity == .absent) {
                // "No finding: absent" would say that something is there without saying what.
                kept.append(finding)
            }
        }
        findings = kept
    }
}
