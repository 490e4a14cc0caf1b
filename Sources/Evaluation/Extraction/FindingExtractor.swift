import Findings

/// Reads the findings out of an English chest radiograph report.
///
/// The method is that of NegEx and ConText (Chapman 2001, Harkema 2009) with the mentions of the CheXpert labeler
/// (Irvin 2019): phrases from data files are matched word by word, longest first; cues deny or soften the findings in
/// their scope, which clauses, lists and conjunctions bound; modifiers go to the finding they stand with. Sections that
/// hold the clinical question or the history make no statements. Words and rules are in `Resources`, each with an example.
public struct FindingExtractor: Sendable {
    let lexicon: Lexicon

    /// An extractor over the module's data files. Throws ``LexiconFault`` when they are damaged.
    public init() throws {
        lexicon = try Lexicon()
    }

    /// All statements of a report, in the order of their mentions.
    public func statements(in report: String) -> [Statement] {
        var text = report
        return text.withUTF8 { statements(inUTF8: $0) }
    }

    private func statements(inUTF8 text: UnsafeBufferPointer<UInt8>) -> [Statement] {
        var tokens: [Token] = []
        tokens.reserveCapacity(text.count / 5)
        var tokenizer = Tokenizer(text, phrases: lexicon.phrases)
        tokenizer.tokenize(into: &tokens)
        var statements: [Statement] = []
        var sentence = SentenceAnalysis(lexicon: lexicon)
        var start = 0
        var isIgnored = false
        for end in tokens.indices where tokens[end].kind == .sentenceEnd {
            var first = start
            if let heading = heading(tokens, from: start, to: end) {
                isIgnored = !heading.isReport
                // The text after "LUNGS:" needs its heading: "clear" says nothing by itself.
                if isIgnored { first = heading.end }
            }
            if first < end, !isIgnored { sentence.analyse(tokens, from: first, to: end, into: &statements) }
            start = end + 1
        }
        return statements
    }

    /// A known heading before a colon, or alone in its sentence.
    private func heading(_ tokens: [Token], from start: Int, to end: Int) -> (isReport: Bool, end: Int)? {
        guard start < end, let match = lexicon.phrases.longestMatch(tokens, from: start, upTo: end, in: .heading) else {
            return nil
        }
        if match.end == end { return (match.entry == 1, end) }
        guard tokens[match.end].kind == .colon else { return nil }
        return (match.entry == 1, match.end + 1)
    }
}
