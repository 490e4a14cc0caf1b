/// A token that is found in the text before the model sees it.
struct AddedToken: Sendable {
    var id: Int
    var content: String
    /// Left out by `decode`.
    var special = false
    /// Matched in the normalised text rather than in the text itself.
    var normalized = false
    /// Only where no letter, digit or underscore touches it.
    var singleWord = false
    /// Swallows white space on its left.
    var stripsLeft = false
    /// Swallows white space on its right.
    var stripsRight = false
}

/// Finds added tokens, the longest at the leftmost place. Source: Hugging Face tokenizers, `added_vocabulary`.
struct AddedTokens: Sendable {
    enum Piece {
        case token(Int)
        /// Normalised text between tokens, and whether it begins the whole text.
        case text([Unicode.Scalar], isFirst: Bool)
    }

    let byID: [Int: AddedToken]
    private let raw: TokenTrie
    private let normalized: TokenTrie

    init(_ tokens: [AddedToken], normalizer: Normalizer) {
        var byID: [Int: AddedToken] = [:]
        var raw = TokenTrie()
        var normalized = TokenTrie()
        for var token in tokens where !token.content.isEmpty {
            let scalars = Array(token.content.unicodeScalars)
            if token.normalized {
                let clean = normalizer.normalize(scalars)
                token.content = String(clean)
                normalized.insert(clean, token)
            } else {
                raw.insert(scalars, token)
            }
            byID[token.id] = token
        }
        self.byID = byID
        self.raw = raw
        self.normalized = normalized
    }

    func split(_ text: [Unicode.Scalar], normalizer: Normalizer) -> [Piece] {
        var pieces: [Piece] = []
        for segment in raw.segments(of: text) {
            switch segment {
            case .token(let id): pieces.append(.token(id))
            case .range(let range):
                let clean = normalizer.normalize(Array(text[range]))
                for inner in normalized.segments(of: clean) {
                    switch inner {
                    case .token(let id): pieces.append(.token(id))
                    case .range(let innerRange):
                        let isFirst = range.lowerBound == 0 && innerRange.lowerBound == 0
                        pieces.append(.text(Array(clean[innerRange]), isFirst: isFirst))
                    }
                }
            }
        }
        return pieces
    }
}

/// A prefix tree over the scalars of the tokens.
private struct TokenTrie: Sendable {
    enum Segment {
        case token(Int)
        case range(Range<Int>)
    }

    private struct Node {
        var children: [Unicode.Scalar: Int] = [:]
        var token: AddedToken?
    }

    private var nodes = [Node()]

    mutating func insert(_ scalars: [Unicode.Scalar], _ token: AddedToken) {
        var node = 0
        for scalar in scalars {
            if let child = nodes[node].children[scalar] {
                node = child
            } else {
                nodes.append(Node())
                nodes[node].children[scalar] = nodes.count - 1
                node = nodes.count - 1
            }
        }
        if nodes[node].token == nil { nodes[node].token = token }
    }

    private func longestMatch(in text: [Unicode.Scalar], at start: Int) -> (AddedToken, end: Int)? {
        var node = 0
        var match: (AddedToken, end: Int)?
        var position = start
        while position < text.count, let child = nodes[node].children[text[position]] {
            node = child
            position += 1
            if let token = nodes[node].token { match = (token, position) }
        }
        return match
    }

    func segments(of text: [Unicode.Scalar]) -> [Segment] {
        guard !text.isEmpty else { return [] }
        guard nodes.count > 1 else { return [.range(0..<text.count)] }
        var segments: [Segment] = []
        var textStart = 0
        var position = 0
        while position < text.count {
            guard let (token, end) = longestMatch(in: text, at: position) else {
                position += 1
                continue
            }
            let touchesWord =
                (position > 0 && text[position - 1].isWordCharacter)
                || (end < text.count && text[end].isWordCharacter)
            if token.singleWord && touchesWord {
                position = end
                continue
            }
            var (low, high) = (position, end)
            if token.stripsLeft {
                while low > textStart, text[low - 1].properties.isWhitespace { low -= 1 }
            }
            if token.stripsRight {
                while high < text.count, text[high].properties.isWhitespace { high += 1 }
            }
            if low > textStart { segments.append(.range(textStart..<low)) }
            segments.append(.token(token.id))
            textStart = high
            position = high
        }
        if textStart < text.count { segments.append(.range(textStart..<text.count)) }
        return segments
    }
}

extension Unicode.Scalar {
    /// `\p{L}`
    var isLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// `\p{N}`
    var isNumber: Bool {
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }

    /// `\p{P}`
    var isPunctuation: Bool {
        switch properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            true
        default: false
        }
    }

    /// `\w`: letters, marks, decimal digits, connector punctuation.
    var isWordCharacter: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .connectorPunctuation: true
        default: isLetter || properties.isAlphabetic
        }
    }
}
