/// What happens to the matches of a split. Source: Hugging Face tokenizers, `SplitDelimiterBehavior`.
enum SplitBehavior: Sendable {
    case removed, isolated, mergedWithPrevious, mergedWithNext, contiguous

    init(_ name: String, file: String) throws {
        switch name {
        case "Removed": self = .removed
        case "Isolated": self = .isolated
        case "MergedWithPrevious": self = .mergedWithPrevious
        case "MergedWithNext": self = .mergedWithNext
        case "Contiguous": self = .contiguous
        default: throw CheckpointError.unsupported(what: "the split behaviour \(name)", file: file)
        }
    }
}

/// The patterns that text is split at: the published regular expressions as hand-written scanners, and simple classes.
enum SplitPattern: Sendable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// Llama 3's expression; Qwen2's is the same with single digits.
    case llama3(digits: Int)
    case literal([Unicode.Scalar])
    case number
    case punctuation
    case whitespace

    private static let gpt2Expression = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    private static let gpt2Grouped = #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    private static func llama3Expression(_ digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    init(_ json: JSONDocument?, file: String) throws {
        if let text = json?["String"]?.string, !text.isEmpty {
            self = .literal(Array(text.unicodeScalars))
            return
        }
        switch json?["Regex"]?.string {
        case Self.gpt2Expression, Self.gpt2Grouped: self = .gpt2
        case Self.llama3Expression(#"\p{N}"#): self = .llama3(digits: 1)
        case Self.llama3Expression(#"\p{N}{1,3}"#): self = .llama3(digits: 3)
        case #"\s"#, #"\s+"#: self = .whitespace
        case #"\d"#, #"\p{N}"#: self = .number
        case let expression:
            throw CheckpointError.unsupported(what: "the split expression \(expression ?? "(none)")", file: file)
        }
    }

    func apply(_ behavior: SplitBehavior, to text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        var result: [Range<Int>] = []
        let spans = spans(of: text)
        switch behavior {
        case .isolated: result = spans.map(\.range)
        case .removed: result = spans.filter { !$0.isMatch }.map(\.range)
        case .contiguous:
            var last: Bool?
            for span in spans {
                if span.isMatch == last, let tail = result.last {
                    result[result.count - 1] = tail.lowerBound..<span.range.upperBound
                } else {
                    result.append(span.range)
                }
                last = span.isMatch
            }
        case .mergedWithPrevious:
            var previousMatched = false
            for span in spans {
                if span.isMatch, !previousMatched, let tail = result.last {
                    result[result.count - 1] = tail.lowerBound..<span.range.upperBound
                } else {
                    result.append(span.range)
                }
                previousMatched = span.isMatch
            }
        case .mergedWithNext:
            var previousMatched = false
            for span in spans.reversed() {
                if span.isMatch, !previousMatched, let tail = result.last {
                    result[result.count - 1] = span.range.lowerBound..<tail.upperBound
                } else {
                    result.append(span.range)
                }
                previousMatched = span.isMatch
            }
            result.reverse()
        }
        return result.map { Array(text[$0]) }
    }

    /// The text cut into matches and what lies between them.
    private func spans(of text: [Unicode.Scalar]) -> [(range: Range<Int>, isMatch: Bool)] {
        var spans: [(range: Range<Int>, isMatch: Bool)] = []
        var position = 0
        var gap = 0
        while position < text.count {
            let end = matchEnd(in: text, at: position)
            if end > position {
                if gap < position { spans.append((gap..<position, false)) }
                spans.append((position..<end, true))
                gap = end
                position = end
            } else {
                position += 1
            }
        }
        if gap < text.count { spans.append((gap..<text.count, false)) }
        return spans
    }

    /// Where the match that begins at `start` ends; `start` where none does.
    private func matchEnd(in text: [Unicode.Scalar], at start: Int) -> Int {
        switch self {
        case .literal(let pattern):
            let end = start + pattern.count
            return end <= text.count && text[start..<end].elementsEqual(pattern) ? end : start
        case .number: return text[start].isNumber ? start + 1 : start
        case .whitespace: return text[start].properties.isWhitespace ? start + 1 : start
        case .punctuation:
            let scalar = text[start]
            let isASCIISymbol = scalar.isASCII && scalar.value > 32 && scalar.value < 127 && !scalar.isLetter
            return scalar.isPunctuation || (isASCIISymbol && !scalar.isNumber) ? start + 1 : start
        case .gpt2: return WordScanner(text).gpt2(start)
        case .llama3(let digits): return WordScanner(text).llama3(start, digits: digits)
        }
    }
}

/// The alternatives of the published expressions, tried in their order.
private struct WordScanner {
    let text: [Unicode.Scalar]

    init(_ text: [Unicode.Scalar]) {
        self.text = text
    }

    private func run(_ start: Int, limit: Int = .max, while predicate: (Unicode.Scalar) -> Bool) -> Int {
        var end = start
        while end < text.count, end - start < limit, predicate(text[end]) { end += 1 }
        return end
    }

    private func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
    private func isNewline(_ scalar: Unicode.Scalar) -> Bool { scalar == "\r" || scalar == "\n" }
    private func isOther(_ scalar: Unicode.Scalar) -> Bool {
        !isSpace(scalar) && !scalar.isLetter && !scalar.isNumber
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`
    private func contraction(_ start: Int, ignoringCase: Bool) -> Int? {
        guard text[start] == "'", start + 1 < text.count else { return nil }
        func letter(_ index: Int) -> Unicode.Scalar? {
            guard index < text.count else { return nil }
            guard ignoringCase else { return text[index] }
            // U+017F (long s) folds to s.
            return text[index] == "\u{17F}" ? "s" : text[index].properties.lowercaseMapping.unicodeScalars.first
        }
        switch (letter(start + 1), letter(start + 2)) {
        case ("s", _), ("t", _), ("m", _), ("d", _): return start + 2
        case ("r", "e"), ("v", "e"), ("l", "l"): return start + 3
        default: return nil
        }
    }

    /// `\s+(?!\S)|\s+`
    private func whitespace(_ start: Int) -> Int {
        let end = run(start, while: isSpace)
        return end == text.count || end - start == 1 ? end : end - 1
    }

    func gpt2(_ start: Int) -> Int {
        if let end = contraction(start, ignoringCase: false) { return end }
        let body = text[start] == " " ? start + 1 : start
        for predicate in [\.isLetter, \.isNumber, isOther] as [(Unicode.Scalar) -> Bool] {
            let end = run(body, while: predicate)
            if end > body { return end }
        }
        return whitespace(start)
    }

    func llama3(_ start: Int, digits: Int) -> Int {
        if let end = contraction(start, ignoringCase: true) { return end }
        let first = text[start]
        let body = first.isLetter || first.isNumber || isNewline(first) ? start : start + 1
        let letters = run(body, while: \.isLetter)
        if letters > body { return letters }
        if first.isNumber { return run(start, limit: digits, while: \.isNumber) }
        let symbols = first == " " ? start + 1 : start
        let symbolEnd = run(symbols, while: isOther)
        if symbolEnd > symbols { return run(symbolEnd, while: isNewline) }
        let end = run(start, while: isSpace)
        if let newline = text[start..<end].lastIndex(where: isNewline) { return newline + 1 }
        return whitespace(start)
    }
}
