import Findings

/// Counts the six types of error by comparing what two reports state. Deterministic, explained, and the same today and
/// next year, which a language model as judge is not.
///
/// Positive statements (present or undetermined) of the same finding are matched, those that agree in side and zone
/// first; then broader with narrower terms ("opacity" with "consolidation"). What stays unmatched in the candidate is a
/// false finding, in the reference an omitted one. Matched pairs are compared in side, zone, severity and comparison; an
/// attribute that only one of the two names is no error, except the comparison. "Normal" statements are no findings.
public struct ErrorCounter: Sendable {
    private let extractor: FindingExtractor
    let significance: SignificanceTable
    private let lineages: [String: Set<String>]

    /// A counter over the module's data files. Throws ``LexiconFault``.
    public init(extractor: FindingExtractor) throws {
        self.extractor = extractor
        significance = try SignificanceTable()
        let terminology = Terminology.standard
        lineages = Dictionary(
            uniqueKeysWithValues: terminology.findings.map { term in
                (term.key, Set(terminology.lineage(of: term.key).map(\.key)))
            })
    }

    /// The errors of `candidate` against `reference`.
    public func count(reference: String, candidate: String) -> ReportErrorCount {
        count(reference: extractor.statements(in: reference), candidate: extractor.statements(in: candidate))
    }

    /// The errors between statements that were extracted before.
    public func count(reference: [Statement], candidate: [Statement]) -> ReportErrorCount {
        let wanted = merge(reference)
        let said = merge(candidate)
        let wantedPositive = wanted.filter(Self.isFinding)
        let saidPositive = said.filter(Self.isFinding)
        var errors: [ReportError] = []
        let pairs = match(wantedPositive, saidPositive)
        let matchedWanted = Set(pairs.map(\.wanted))
        let matchedSaid = Set(pairs.map(\.said))
        for index in saidPositive.indices where !matchedSaid.contains(index) {
            errors.append(falseFinding(saidPositive[index], reference: wanted))
        }
        for index in wantedPositive.indices where !matchedWanted.contains(index) {
            errors.append(omittedFinding(wantedPositive[index], candidate: said))
        }
        for pair in pairs {
            let wanted = wantedPositive[pair.wanted]
            let said = saidPositive[pair.said]
            let isPart =
                isWhole(wanted, of: said) && halves(saidPositive, of: wanted)
                || isWhole(said, of: wanted) && halves(wantedPositive, of: said)
            compare(wanted, said, isPart: isPart, &errors)
        }
        compareResolved(wanted, said, &errors)
        return ReportErrorCount(errors: errors, matchedFindings: pairs.count)
    }

    private static func isFinding(_ statement: Statement) -> Bool {
        statement.polarity != .absent && statement.finding != "no_finding"
    }

    /// One statement per finding, polarity and place: an impression that repeats the findings counts once. Later
    /// mentions add what earlier ones left open.
    private func merge(_ statements: [Statement]) -> [Statement] {
        var merged: [Statement] = []
        for statement in statements {
            let index = merged.firstIndex { other in
                other.finding == statement.finding && (other.polarity == .absent) == (statement.polarity == .absent)
                    && agree(other.laterality, statement.laterality, side)
                    && agree(other.site, statement.site, SiteOverlap.overlap)
            }
            guard let index else {
                merged.append(statement)
                continue
            }
            if statement.polarity == .present { merged[index].polarity = .present }
            merged[index].laterality = merged[index].laterality ?? statement.laterality
            merged[index].site = merged[index].site ?? statement.site
            merged[index].severity = merged[index].severity ?? statement.severity
            merged[index].temporality = merged[index].temporality ?? statement.temporality
        }
        return merged
    }

    private func agree<Value>(_ one: Value?, _ other: Value?, _ same: (Value, Value) -> Bool) -> Bool {
        guard let one, let other else { return true }
        return same(one, other)
    }

    private func side(_ one: Laterality, _ other: Laterality) -> Bool { one == other }

    private func match(_ wanted: [Statement], _ said: [Statement]) -> [(wanted: Int, said: Int)] {
        var candidates: [(score: Int, wanted: Int, said: Int)] = []
        for (first, one) in wanted.enumerated() {
            for (second, other) in said.enumerated() {
                let isSame = one.finding == other.finding
                guard isSame || isRelated(one.finding, other.finding) else { continue }
                var score = isSame ? 16 : 0
                if agree(one.laterality, other.laterality, side) { score += 4 }
                if one.laterality == other.laterality { score += 2 }
                if agree(one.site, other.site, SiteOverlap.overlap) { score += 1 }
                // A broader term on the other side is another thing, not the same one misplaced.
                if !isSame, !agree(one.laterality, other.laterality, side) { continue }
                candidates.append((score, first, second))
            }
        }
        candidates.sort { ($1.score, $0.wanted, $0.said) < ($0.score, $1.wanted, $1.said) }
        var pairs: [(wanted: Int, said: Int)] = []
        var usedWanted: Set<Int> = []
        var usedSaid: Set<Int> = []
        for candidate in candidates where !usedWanted.contains(candidate.wanted) && !usedSaid.contains(candidate.said) {
            usedWanted.insert(candidate.wanted)
            usedSaid.insert(candidate.said)
            pairs.append((candidate.wanted, candidate.said))
        }
        // "Bilateral effusions" against "left effusion" and "right effusion": the parts of a whole that is matched.
        for (index, statement) in said.enumerated() where !usedSaid.contains(index) {
            if let whole = wanted.firstIndex(where: { isWhole($0, of: statement) && halves(said, of: $0) }) {
                pairs.append((whole, index))
            }
        }
        for (index, statement) in wanted.enumerated() where !usedWanted.contains(index) {
            if let whole = said.firstIndex(where: { isWhole($0, of: statement) && halves(wanted, of: $0) }) {
                pairs.append((index, whole))
            }
        }
        return pairs.sorted { ($0.wanted, $0.said) < ($1.wanted, $1.said) }
    }

    private func isWhole(_ whole: Statement, of part: Statement) -> Bool {
        whole.finding == part.finding && whole.laterality == .bilateral
            && (part.laterality == .left || part.laterality == .right)
    }

    private func halves(_ statements: [Statement], of whole: Statement) -> Bool {
        let sides = Set(statements.filter { $0.finding == whole.finding }.compactMap(\.laterality))
        return sides.contains(.left) && sides.contains(.right)
    }

    private func isRelated(_ one: String, _ other: String) -> Bool {
        lineages[one]?.contains(other) == true || lineages[other]?.contains(one) == true
    }

    private func falseFinding(_ statement: Statement, reference: [Statement]) -> ReportError {
        let denial = reference.first { $0.finding == statement.finding && $0.polarity == .absent }
        let said = "The candidate says \(phrase(statement))"
        return error(
            .falseFinding, statement, reference: denial, candidate: statement,
            denial == nil ? "\(said); the reference does not mention it." : "\(said); the reference denies it.")
    }

    private func omittedFinding(_ statement: Statement, candidate: [Statement]) -> ReportError {
        let denial = candidate.first { $0.finding == statement.finding && $0.polarity == .absent }
        let wanted = "The reference says \(phrase(statement))"
        return error(
            .omittedFinding, statement, reference: statement, candidate: denial,
            denial == nil ? "\(wanted); the candidate does not mention it." : "\(wanted); the candidate denies it.")
    }

    private func compare(_ wanted: Statement, _ said: Statement, isPart: Bool, _ errors: inout [ReportError]) {
        if let one = wanted.laterality, let other = said.laterality, one != other, !isPart {
            errors.append(
                error(
                    .wrongLocation, wanted, reference: wanted, candidate: said,
                    "\(name(wanted)): \(one) in the reference, \(other) in the candidate.", location: .side))
        } else if let one = wanted.site, let other = said.site, !SiteOverlap.overlap(one, other) {
            errors.append(
                error(
                    .wrongLocation, wanted, reference: wanted, candidate: said,
                    "\(name(wanted)): \(siteName(one)) in the reference, \(siteName(other)) in the candidate.",
                    location: .zone))
        }
        if let one = wanted.severity, let other = said.severity, one != other {
            errors.append(
                error(
                    .wrongSeverity, wanted, reference: wanted, candidate: said,
                    "\(name(wanted)): \(one) in the reference, \(other) in the candidate.",
                    steps: abs(one.rank - other.rank)))
        }
        compareComparisons(wanted, said, &errors)
    }

    private func compareComparisons(_ wanted: Statement, _ said: Statement, _ errors: inout [ReportError]) {
        switch (wanted.temporality, said.temporality) {
        case (nil, let stated?):
            errors.append(
                error(
                    .comparisonNotInReference, said, reference: wanted, candidate: said,
                    "\(name(said)): the candidate calls it \(stated); the reference makes no comparison."))
        case (let stated?, nil):
            errors.append(
                error(
                    .omittedComparison, wanted, reference: wanted, candidate: said,
                    "\(name(wanted)): the reference calls it \(stated); the candidate makes no comparison."))
        case (let one?, let other?) where one != other:
            errors.append(
                error(
                    .comparisonNotInReference, said, reference: wanted, candidate: said,
                    "\(name(said)): the reference calls it \(one), the candidate \(other)."))
        default: break
        }
    }

    /// "Resolved" belongs to a finding that is no longer there, so no positive statement carries it.
    private func compareResolved(_ wanted: [Statement], _ said: [Statement], _ errors: inout [ReportError]) {
        func resolved(_ statements: [Statement]) -> [Statement] {
            statements.filter { $0.polarity == .absent && $0.temporality == .resolved }
        }
        for statement in resolved(said) where !resolved(wanted).contains(where: { $0.finding == statement.finding }) {
            errors.append(
                error(
                    .comparisonNotInReference, statement, reference: nil, candidate: statement,
                    "\(name(statement)): the candidate says that it has resolved; the reference does not."))
        }
        for statement in resolved(wanted) where !resolved(said).contains(where: { $0.finding == statement.finding }) {
            errors.append(
                error(
                    .omittedComparison, statement, reference: statement, candidate: nil,
                    "\(name(statement)): the reference says that it has resolved; the candidate does not."))
        }
    }

    private func error(
        _ kind: ReportErrorKind, _ decisive: Statement, reference: Statement?, candidate: Statement?,
        _ explanation: String, location: LocationDifference? = nil, steps: Int = 0
    ) -> ReportError {
        let row = significance.decide(kind, decisive, location: location, steps: steps)
        return ReportError(
            kind: kind, isSignificant: row?.significant ?? true, finding: decisive.finding, reference: reference,
            candidate: candidate, explanation: row.map { "\(explanation) (\($0.reason))" } ?? explanation)
    }

    private func name(_ statement: Statement) -> String {
        Terminology.standard.finding(statement.finding)?.name ?? statement.finding
    }

    private func siteName(_ key: String) -> String { Terminology.standard.site(key)?.name.lowercased() ?? key }

    private func phrase(_ statement: Statement) -> String {
        let words = [
            statement.polarity == .undetermined ? "possible" : nil, statement.severity?.rawValue,
            statement.laterality?.rawValue, name(statement).lowercased(),
        ]
        return "\"\(words.compactMap { $0 }.joined(separator: " "))\""
    }
}
