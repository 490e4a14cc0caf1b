/// What an answer must look like; tokens that would break it are not chosen.
public enum DecodingConstraint: Sendable, Equatable {
    /// Exactly one of these texts (a space before it is allowed).
    case choices([String])
    /// One or several boxes in a family's syntax, and nothing else.
    case boxes(BoxSyntax, maximum: Int)
    /// Any sequence of tokens with these numbers, of this length (image codes).
    case tokens(Range<Int>, count: Int)
}

/// How a family writes boxes.
public enum BoxSyntax: String, Sendable, Equatable {
    /// RadVLM and the reference model: `[0.1, 0.55, 0.42, 0.86]`, joined by `, ` and ` and `.
    case normalizedList
    /// MAIRA-2: `<box><x10><y55><x42><y86></box>`, one after the other, 100 bins.
    case binTokens
}

/// Whether a text can still become, or already is, what is wanted.
enum GrammarVerdict: Equatable {
    case impossible
    /// A beginning.
    case partial
    /// Whole, and more may follow.
    case complete
    /// Whole, and nothing may follow.
    case final
}

/// Applies a constraint to a vocabulary while an answer grows.
struct ConstraintState {
    private let constraint: DecodingConstraint
    private let candidates: [(id: Int, bytes: [UInt8])]
    private let endTokens: [Int]
    private var text: [UInt8] = []
    private var count = 0

    init(_ constraint: DecodingConstraint, tokenizer: Tokenizer, vocabularySize: Int, endTokens: Set<Int>) {
        self.constraint = constraint
        self.endTokens = endTokens.sorted()
        switch constraint {
        case .tokens(let range, _):
            candidates = range.clamped(to: 0..<vocabularySize).map { ($0, []) }
        case .choices(let choices):
            let alphabet = Set(choices.joined().utf8).union([UInt8(ascii: " ")])
            candidates = Self.tokens(of: tokenizer, vocabularySize, in: alphabet, except: endTokens)
        case .boxes:
            candidates = Self.tokens(
                of: tokenizer, vocabularySize, in: Set("[]0123456789., andboxy<>/".utf8), except: endTokens)
        }
    }

    private static func tokens(
        of tokenizer: Tokenizer, _ vocabularySize: Int, in alphabet: Set<UInt8>, except ends: Set<Int>
    ) -> [(id: Int, bytes: [UInt8])] {
        (0..<vocabularySize).compactMap { id in
            guard !ends.contains(id), let bytes = tokenizer.bytes(of: id), !bytes.isEmpty,
                bytes.allSatisfy(alphabet.contains)
            else { return nil }
            return (id, bytes)
        }
    }

    /// The tokens that may come next; empty where the vocabulary cannot go on.
    func allowed() -> [Int] {
        if case .tokens(_, let wanted) = constraint { return count < wanted ? candidates.map(\.id) : [] }
        var allowed = candidates.filter { verdict(text + $0.bytes) != .impossible }.map(\.id)
        if verdict(text) == .complete { allowed += endTokens }
        return allowed
    }

    /// Takes note of a chosen token.
    ///
    /// - Returns: whether the answer is whole and nothing may follow.
    mutating func accept(_ id: Int) -> Bool {
        count += 1
        if case .tokens(_, let wanted) = constraint { return count >= wanted }
        text += candidates.first { $0.id == id }?.bytes ?? []
        return verdict(text) == .final
    }

    private func verdict(_ text: [UInt8]) -> GrammarVerdict {
        let body = text.first == UInt8(ascii: " ") ? text.dropFirst() : text[...]
        switch constraint {
        case .choices(let choices):
            let fitting = choices.map { Array($0.utf8) }.filter { $0.starts(with: body) }
            guard !fitting.isEmpty else { return .impossible }
            guard fitting.contains(where: { $0.count == body.count }) else { return .partial }
            return fitting.count == 1 ? .final : .complete
        case .boxes(let syntax, let maximum):
            return BoxGrammar(syntax: syntax, maximum: maximum).verdict(body)
        case .tokens: return .partial
        }
    }
}

/// Recognises lists of boxes byte by byte.
struct BoxGrammar {
    let syntax: BoxSyntax
    /// The most boxes of one answer.
    let maximum: Int

    func verdict(_ text: ArraySlice<UInt8>) -> GrammarVerdict {
        var position = text.startIndex
        var boxes = 0
        while true {
            if boxes > 0 {
                if position == text.endIndex { return boxes >= maximum ? .final : .complete }
                guard boxes < maximum else { return .impossible }
                switch expectAny(separators, in: text, at: &position) {
                case .final: break
                case let other: return other
                }
            }
            for part in 0..<9 {
                let verdict =
                    part.isMultiple(of: 2)
                    ? expectAny([brackets[part / 2]], in: text, at: &position)
                    : expectNumber(in: text, at: &position)
                guard verdict == .final else { return verdict }
            }
            boxes += 1
        }
    }

    private var brackets: [String] {
        syntax == .normalizedList
            ? ["[", ", ", ", ", ", ", "]"] : ["<box><x", "><y", "><x", "><y", "></box>"]
    }

    private var separators: [String] { syntax == .normalizedList ? [", ", " and "] : [""] }

    /// `.final` where one of the literals was read, `.partial` where the text ends inside one.
    private func expectAny(
        _ literals: [String], in text: ArraySlice<UInt8>, at position: inout Int
    ) -> GrammarVerdict {
        let rest = text[position...]
        for literal in literals where rest.starts(with: literal.utf8) {
            position += literal.utf8.count
            return .final
        }
        return literals.contains { Array($0.utf8).starts(with: rest) } ? .partial : .impossible
    }

    /// A coordinate: 0 to 1 with up to two decimals, or a bin from 0 to 99.
    private func expectNumber(in text: ArraySlice<UInt8>, at position: inout Int) -> GrammarVerdict {
        func digit(_ index: Int) -> Bool {
            text.indices.contains(index) && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index])
        }
        guard position < text.endIndex else { return .partial }
        guard digit(position) else { return .impossible }
        if syntax == .binTokens {
            position += digit(position + 1) ? 2 : 1
            return position < text.endIndex ? .final : .partial
        }
        guard text[position] <= UInt8(ascii: "1") else { return .impossible }
        let isOne = text[position] == UInt8(ascii: "1")
        position += 1
        guard position < text.endIndex else { return .partial }
        guard text[position] == UInt8(ascii: ".") else { return .final }
        position += 1
        guard position < text.endIndex else { return .partial }
        guard digit(position), !isOne || text[position] == UInt8(ascii: "0") else { return .impossible }
        position += 1
        if digit(position), !isOne { position += 1 }
        return position < text.endIndex ? .final : .partial
    }
}

extension Tokenizer {
    /// What a token contributes to the text in the middle of an answer, as bytes; nil for numbers not in use.
    func bytes(of id: Int) -> [UInt8]? {
        if let token = added.byID[id] { return Array(token.content.utf8) }
        guard let token = self.token(of: id) else { return nil }
        if case .byteLevel? = decoder {
            return token.unicodeScalars.flatMap { scalar in
                ByteAlphabet.bytes[scalar].map { [$0] } ?? Array(String(scalar).utf8)
            }
        }
        let spelling = Array(token.utf8)
        if spelling.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">"),
            let byte = UInt8(String(decoding: spelling[3..<5], as: UTF8.self), radix: 16)
        {
            return [byte]
        }
        return Array(String(token.unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }).utf8)
    }
}
