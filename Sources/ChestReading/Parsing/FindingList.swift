import Evaluation
import Findings
import Foundation

/// The names that the answer to a list's prompt gives.
struct FindingList {
    /// Names that mean a finding, each finding once.
    private(set) var findings: [(key: String, name: String)] = []
    /// Names that mean none.
    private(set) var unknown: [String] = []

    /// `The following abnormalities are present: a, b and c.`, the names alone, or one on each line.
    init(_ answer: String, _ extractor: FindingExtractor) {
        let lines = BoxedText.clean(answer).split(separator: "\n").map { plainLine(String($0)) }
        // "No abnormality is present."
        guard lines.first?.lowercased().hasPrefix("no ") != true else { return }
        for line in lines {
            let names = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).last ?? ""
            let parts = names.replacingOccurrences(of: " and ", with: ",").split { ",;.".contains($0) }
            for part in parts { add(Self.bare(part), extractor) }
        }
    }

    /// Without list marks, numbers and articles.
    private static func bare(_ part: Substring) -> String {
        let name = SentenceSplitter.trimmed(part.drop { !$0.isLetter })
        let article = ["a ", "an ", "the "].first { name.lowercased().hasPrefix($0) }
        return String(name.dropFirst(article?.count ?? 0))
    }

    private mutating func add(_ name: String, _ extractor: FindingExtractor) {
        guard !name.isEmpty else { return }
        // The extractor first: the same words must mean the same as in a report.
        let told = extractor.statements(in: name).first { $0.polarity != .absent }?.finding
        guard let key = told ?? Terminology.standard.finding(named: name)?.key,
            let term = Terminology.standard.finding(key)
        else { return unknown.append(name) }
        guard term.group != .normality, !findings.contains(where: { $0.key == key }) else { return }
        findings.append((key, name))
    }
}
