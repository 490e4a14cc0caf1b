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

    /// How many phrases of doubt the report's own sections hold.
    func hedges(in report: String) -> Int {
        var text = report
        return text.withUTF8 { text in
            var count = 0
            forEachSentence(text) { tokens, start, end in
                var position = start
                while position < end {
                    let match = lexicon.phrases.longestMatch(tokens, from: position, upTo: end, in: .sentence)
                    if let match {
                        let entry = lexicon.entries[Int(match.entry)]
                        if entry.role == .cue, entry.effect == .undetermined || entry.effect == .probable { count += 1 }
                    }
                    position = match?.end ?? position + 1
                }
            }
            return count
        }
    }

    private func statements(inUTF8 text: UnsafeBufferPointer<UInt8>) -> [Statement] {
        var statements: [Statement] = []
        var sentence = SentenceAnalysis(lexicon: lexicon)
        forEachSentence(text) { tokens, start, end in
            sentence.analyse(tokens, from: start, to: end, into: &statements)
        }
        return statements
    }

    /// Calls `body` with the tokens of each sentence that is about this study.
    private func forEachSentence(_ text: UnsafeBufferPointer<UInt8>, _ body: ([Token], Int, Int) -> Void) {
        var tokens: [Token] = []
        tokens.reserveCapacity(text.count / 5)
        var tokenizer = Tokenizer(text, phrases: lexicon.phrases)
        tokenizer.tokenize(into: &tokens)
        var start = 0
        var isIgnored = false
        for end in tokens.indices where tokens[end].kind == .sentenceEnd {
            var first = start
            if let heading = heading(tokens, from: start, to: end) {
                isIgnored = !heading.isReport
                // The text after "LUNGS:" needs its heading: "clear" says nothing by itself.
                if isIgnored { first = heading.end }
            }
            if first < end, !isIgnored { body(tokens, first, end) }
            start = end + 1
        }
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
