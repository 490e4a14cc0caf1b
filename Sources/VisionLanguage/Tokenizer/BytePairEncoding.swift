/// The merge step of byte-pair encoding: a word's symbols are joined pair by pair, the best-ranked pair first, the
/// leftmost of equals first. Source: Sennrich et al. 2016; Hugging Face tokenizers, `models/bpe`.
struct BytePairEncoding: Sendable {
    /// What becomes of a character that the vocabulary lacks.
    struct Fallback: Sendable {
        /// Spell it as `<0xNN>` tokens, one per UTF-8 byte.
        var bytes = false
        /// The token for what cannot be spelled.
        var unknown: Int?
        /// Whether a run of unknown characters is one token.
        var fusesUnknown = false
        /// Whether a word that is a token as a whole is taken as it is.
        var ignoresMerges = false
    }

    struct Merge: Sendable {
        let rank: Int32
        let result: Int32
    }

    /// The tokens' spellings by number; empty where a number is not used.
    let tokens: [String]
    /// Numbers by spelling in UTF-8.
    let ids: [[UInt8]: Int]
    private let characters: [Unicode.Scalar: Int32]
    private let merges: [UInt64: Merge]
    private let byteTokens: [Int32]?
    private let fallback: Fallback

    /// Prepares a vocabulary.
    ///
    /// - Parameters:
    ///   - vocabulary: spellings with their numbers.
    ///   - merges: pairs of token numbers with the number they make, best first.
    init(vocabulary: [(String, Int)], merges: [(Int, Int, Int)], fallback: Fallback) {
        var tokens = [String](repeating: "", count: (vocabulary.map(\.1).max() ?? -1) + 1)
        var ids: [[UInt8]: Int] = [:]
        var characters: [Unicode.Scalar: Int32] = [:]
        ids.reserveCapacity(vocabulary.count)
        for (token, id) in vocabulary {
            tokens[id] = token
            ids[Array(token.utf8)] = id
            let scalars = token.unicodeScalars
            if let first = scalars.first, scalars.index(after: scalars.startIndex) == scalars.endIndex {
                characters[first] = Int32(id)
            }
        }
        var table: [UInt64: Merge] = [:]
        table.reserveCapacity(merges.count)
        for (rank, (left, right, result)) in merges.enumerated() {
            let key = Self.key(Int32(left), Int32(right))
            if table[key] == nil { table[key] = Merge(rank: Int32(rank), result: Int32(result)) }
        }
        let digits = Array("0123456789ABCDEF".utf8)
        let byteTokens = (0..<256).compactMap { byte -> Int32? in
            let spelling = Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]] + Array(">".utf8)
            return ids[spelling].map(Int32.init)
        }
        self.tokens = tokens
        self.ids = ids
        self.characters = characters
        self.merges = table
        self.byteTokens = fallback.bytes && byteTokens.count == 256 ? byteTokens : nil
        self.fallback = fallback
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Appends the tokens of one word.
    func encode(_ word: [Unicode.Scalar], into result: inout [Int]) {
        guard !word.isEmpty else { return }
        if fallback.ignoresMerges {
            let spelling = word.flatMap { Array(UTF8.encode($0)!) }
            if let id = ids[spelling] {
                result.append(id)
                return
            }
        }
        var symbols = initialSymbols(word)
        merge(&symbols)
        result.append(contentsOf: symbols.map(Int.init))
    }

    private func initialSymbols(_ word: [Unicode.Scalar]) -> [Int32] {
        var symbols: [Int32] = []
        symbols.reserveCapacity(word.count)
        var previousWasUnknown = false
        for scalar in word {
            if let id = characters[scalar] {
                symbols.append(id)
                previousWasUnknown = false
            } else if let byteTokens {
                for byte in UTF8.encode(scalar)! { symbols.append(byteTokens[Int(byte)]) }
                previousWasUnknown = false
            } else if let unknown = fallback.unknown {
                if !(previousWasUnknown && fallback.fusesUnknown) { symbols.append(Int32(unknown)) }
                previousWasUnknown = true
            }
        }
        return symbols
    }

    private struct Candidate: Comparable {
        let rank: Int32
        let position: Int32
        let result: Int32

        static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.position) < (b.rank, b.position) }
    }

    private func merge(_ symbols: inout [Int32]) {
        guard symbols.count > 1 else { return }
        let count = symbols.count
        var next = (0..<count).map { Int32($0 + 1 < count ? $0 + 1 : -1) }
        var previous = (0..<count).map { Int32($0 - 1) }
        var alive = [Bool](repeating: true, count: count)
        var queue = BinaryHeap<Candidate>()

        func push(_ left: Int32) {
            guard left >= 0, next[Int(left)] >= 0 else { return }
            if let merge = merges[Self.key(symbols[Int(left)], symbols[Int(next[Int(left)])])] {
                queue.push(Candidate(rank: merge.rank, position: left, result: merge.result))
            }
        }
        for position in 0..<count { push(Int32(position)) }

        while let best = queue.pop() {
            let left = Int(best.position)
            guard alive[left], next[left] >= 0 else { continue }
            let right = Int(next[left])
            // The pair may have changed since it was queued.
            guard let merge = merges[Self.key(symbols[left], symbols[right])], merge.result == best.result else {
                continue
            }
            symbols[left] = best.result
            alive[right] = false
            next[left] = next[right]
            if next[right] >= 0 { previous[Int(next[right])] = Int32(left) }
            push(previous[left])
            push(Int32(left))
        }
        symbols = symbols.indices.filter { alive[$0] }.map { symbols[$0] }
    }
}

/// A binary heap, least first.
struct BinaryHeap<Element: Comparable> {
    private var elements: [Element] = []

    mutating func push(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard elements[child] < elements[parent] else { return }
            elements.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Element? {
        guard let top = elements.first else { return nil }
        let last = elements.removeLast()
        guard !elements.isEmpty else { return top }
        elements[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < elements.count && elements[child] < elements[least] { least = child }
            guard least != parent else { return top }
            elements.swapAt(least, parent)
            parent = least
        }
    }
}
