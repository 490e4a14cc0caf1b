/// A word or a mark of punctuation.
struct Token {
    enum Kind: UInt8 {
        case word, comma, slash, question
        /// Ends a clause: semicolon, long dash, parenthesis.
        case clauseEnd
        case colon
        case sentenceEnd
    }

    var kind: Kind
    /// The word's number in the phrase table.
    var word: Int32
    /// Where it stands in the text, in UTF-8 bytes.
    var start: Int32
    var end: Int32
}

/// Cuts UTF-8 text into tokens and sentences in one pass, by hand: this is the hot path of a whole site's year.
struct Tokenizer {
    private let text: UnsafeBufferPointer<UInt8>
    private let phrases: PhraseTable
    private var position = 0
    private var lineStart = 0
    private var buffer = [UInt8](repeating: 0, count: PhraseTable.longestWord)

    init(_ text: UnsafeBufferPointer<UInt8>, phrases: PhraseTable) {
        self.text = text
        self.phrases = phrases
    }

    /// Appends all tokens of the text; sentence ends are tokens too.
    mutating func tokenize(into tokens: inout [Token]) {
        while position < text.count {
            let byte = text[position]
            if isWord(byte) {
                word(&tokens)
            } else {
                punctuation(byte, &tokens)
            }
        }
        append(.sentenceEnd, 0, &tokens)
    }

    private mutating func word(_ tokens: inout [Token]) {
        let start = position
        while position < text.count {
            let byte = text[position]
            if let width = separatorWidth(at: position) {
                guard width == 0 else { break }
            } else if byte == UInt8(ascii: "'"), position + 1 < text.count, isWord(text[position + 1]) {
                position += 1
                continue
            } else if byte == UInt8(ascii: "."), position > start, isDigit(text[position - 1]),
                position + 1 < text.count, isDigit(text[position + 1])
            {
                position += 1
                continue
            } else if !isWord(byte) {
                break
            }
            position += 1
        }
        // A separator of several bytes (a dash, a no-break space) stands where a word would begin.
        if position == start { return skipSeparator(&tokens) }
        let slice = UnsafeBufferPointer(rebasing: text[start..<position])
        let length = normalize(slice, into: &buffer)
        let id =
            length == 0
            ? PhraseTable.unknown
            : buffer.withUnsafeBufferPointer {
                phrases.lookUp(UnsafeBufferPointer(rebasing: $0[0..<length]))
            }
        tokens.append(Token(kind: .word, word: id, start: Int32(start), end: Int32(position)))
    }

    private mutating func punctuation(_ byte: UInt8, _ tokens: inout [Token]) {
        switch byte {
        case UInt8(ascii: "."):
            if endsSentence(tokens) { append(.sentenceEnd, 1, &tokens) }
        case UInt8(ascii: "!"): append(.sentenceEnd, 1, &tokens)
        case UInt8(ascii: "?"): append(isBeforeWord() ? .question : .sentenceEnd, 1, &tokens)
        case UInt8(ascii: ","): append(.comma, 1, &tokens)
        case UInt8(ascii: "/"): append(.slash, 1, &tokens)
        case UInt8(ascii: ":"): append(.colon, 1, &tokens)
        case UInt8(ascii: ";"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"):
            append(.clauseEnd, 1, &tokens)
        case UInt8(ascii: "\n"):
            if lineBreakEndsSentence() { append(.sentenceEnd, 1, &tokens) }
            lineStart = position + 1
        default: break
        }
        position += 1
    }

    private mutating func skipSeparator(_ tokens: inout [Token]) {
        let width = separatorWidth(at: position) ?? 1
        if width == 3, text[position + 1] == 0x80, text[position + 2] == 0x94 { append(.clauseEnd, 3, &tokens) }
        if width == 3, text[position + 2] == 0xA2 { append(.sentenceEnd, 3, &tokens) }
        position += max(width, 1)
    }

    private func append(_ kind: Token.Kind, _ width: Int, _ tokens: inout [Token]) {
        if kind == .sentenceEnd, tokens.last?.kind == .sentenceEnd { return }
        tokens.append(
            Token(kind: kind, word: PhraseTable.unknown, start: Int32(position), end: Int32(position + width)))
    }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte >= 0x80
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// The width of a multi-byte separator here (no-break space, typographic quote or dash, bullet), nil when there is
    /// none. The typographic apostrophe inside a word counts as a letter: width 0.
    private func separatorWidth(at index: Int) -> Int? {
        guard text[index] >= 0x80 else { return nil }
        if text[index] == 0xC2, index + 1 < text.count, text[index + 1] == 0xA0 { return 2 }
        guard text[index] == 0xE2, index + 2 < text.count, text[index + 1] == 0x80 else { return nil }
        return switch text[index + 2] {
        case 0x90...0x95, 0x98, 0x99, 0x9C, 0x9D, 0xA2, 0xA8, 0xA9, 0xAF: 3
        default: nil
        }
    }

    /// A period ends a sentence unless it stands in a number or after an abbreviation.
    private func endsSentence(_ tokens: [Token]) -> Bool {
        guard position + 1 < text.count else { return true }
        let next = text[position + 1]
        if !isSpace(next), next != UInt8(ascii: "\""), next != UInt8(ascii: ")") {
            return (0x41...0x5A).contains(next) && !lastWordIsShort(tokens)
        }
        return !isAbbreviation(tokens)
    }

    private func lastWordIsShort(_ tokens: [Token]) -> Bool {
        guard let last = tokens.last, last.kind == .word, Int(last.end) == position else { return false }
        return last.end - last.start == 1
    }

    private func isAbbreviation(_ tokens: [Token]) -> Bool {
        guard let last = tokens.last, last.kind == .word, Int(last.end) == position, last.end - last.start <= 6 else {
            return false
        }
        let word = text[Int(last.start)..<Int(last.end)].map { $0 | 0x20 }
        return Self.abbreviations.contains(String(decoding: word, as: UTF8.self))
    }

    private static let abbreviations: Set<String> = [
        "dr", "vs", "approx", "mr", "mrs", "ms", "e", "g", "i", "cf", "fig",
    ]

    private func isBeforeWord() -> Bool {
        var index = position + 1
        while index < text.count, text[index] == 0x20 { index += 1 }
        return index < text.count && index - position <= 2 && (0x61...0x7A).contains(text[index])
    }

    /// Reports are wrapped at some column, so a line break alone says little: an empty line, a list mark or a line
    /// that was cut short before a capital letter ends a sentence.
    private func lineBreakEndsSentence() -> Bool {
        var index = position + 1
        while index < text.count, isSpace(text[index]) {
            if text[index] == UInt8(ascii: "\n") { return true }
            index += 1
        }
        guard index < text.count else { return true }
        let next = text[index]
        if next == UInt8(ascii: "-") || next == UInt8(ascii: "*") || next == 0xE2 { return true }
        if isDigit(next), index + 1 < text.count,
            text[index + 1] == UInt8(ascii: ".") || text[index + 1] == UInt8(ascii: ")")
        {
            return true
        }
        return (0x41...0x5A).contains(next) && position - lineStart < 50
    }
}
