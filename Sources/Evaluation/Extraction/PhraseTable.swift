/// Words as small numbers, and phrases of them as a trie: what makes matching thousands of phrases one look-up a word.
///
/// Words are stored in the normal form of ``normalize(_:into:)``, so that "Effusions" finds "effusion".
struct PhraseTable: Sendable {
    /// The number of a word that no phrase holds.
    static let unknown: Int32 = 0

    /// Words longer than this are in no phrase; it bounds the buffer on the hot path.
    static let longestWord = 40

    private var words: [[UInt8]: Int32] = [:]
    private var edges: [UInt64: Int32] = [:]
    /// The entry that ends at a node, or -1.
    private var ends: [Int32] = [-1, -1]
    // Open addressing over the words once `freeze()` was called: dictionary keys of bytes would cost an allocation each.
    private var slots: [Int32] = []
    private var bytes: [UInt8] = []
    private var offsets: [Int32] = [0, 0]
    private var firstNodes: [[Int32]] = []

    /// Two dictionaries over the same words: what may stand in a sentence, and what may head a section.
    enum Root: Int32, CaseIterable {
        case sentence, heading
    }

    /// Adds a phrase that means `entry`. Returns false when the phrase already means something else.
    mutating func insert(_ phrase: [[UInt8]], entry: Int32, in root: Root) -> Bool {
        var node = root.rawValue
        for word in phrase {
            let id = number(of: word)
            let key = Self.edge(node, id)
            if let next = edges[key] {
                node = next
            } else {
                node = Int32(ends.count)
                ends.append(-1)
                edges[key] = node
            }
        }
        guard ends[Int(node)] == -1 || ends[Int(node)] == entry else { return false }
        ends[Int(node)] = entry
        return true
    }

    /// The number of a word, adding it when it is new.
    mutating func number(of word: [UInt8]) -> Int32 {
        if let id = words[word] { return id }
        let id = Int32(words.count + 1)
        words[word] = id
        return id
    }

    /// Builds the look-up tables. Nothing is inserted afterwards.
    mutating func freeze() {
        var capacity = 64
        while capacity < words.count * 4 { capacity *= 2 }
        slots = Array(repeating: 0, count: capacity)
        let ordered = words.sorted { $0.value < $1.value }
        bytes = []
        offsets = [0, 0]
        for (word, id) in ordered {
            bytes += word
            offsets.append(Int32(bytes.count))
            var slot = Int(truncatingIfNeeded: Self.hash(word)) & (capacity - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (capacity - 1) }
            slots[slot] = id
        }
        firstNodes = Root.allCases.map { root in
            (0...Int32(words.count)).map { edges[Self.edge(root.rawValue, $0)] ?? -1 }
        }
    }

    /// The number of a normalised word, or ``unknown``.
    func lookUp(_ word: UnsafeBufferPointer<UInt8>) -> Int32 {
        var slot = Int(truncatingIfNeeded: Self.hash(word)) & (slots.count - 1)
        while slots[slot] != 0 {
            let id = Int(slots[slot])
            let start = Int(offsets[id])
            if Int(offsets[id + 1]) - start == word.count {
                var equal = true
                for index in 0..<word.count where bytes[start + index] != word[index] {
                    equal = false
                    break
                }
                if equal { return Int32(id) }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return Self.unknown
    }

    /// The longest phrase that starts at `start`: its entry and the token after it, or nil.
    func longestMatch(_ tokens: [Token], from start: Int, upTo end: Int, in root: Root) -> (entry: Int32, end: Int)? {
        guard tokens[start].word != Self.unknown else { return nil }
        var node = firstNodes[Int(root.rawValue)][Int(tokens[start].word)]
        var best: (entry: Int32, end: Int)?
        var position = start + 1
        while node > 0 {
            if ends[Int(node)] >= 0 { best = (ends[Int(node)], position) }
            guard position < end, tokens[position].word != Self.unknown else { break }
            node = edges[Self.edge(node, tokens[position].word)] ?? -1
            position += 1
        }
        return best
    }

    private static func edge(_ node: Int32, _ word: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: word))
    }

    /// FNV-1a.
    private static func hash(_ word: some Sequence<UInt8>) -> UInt64 {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in word { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return value ^ (value >> 29)
    }
}

/// Writes the normal form of a word: ASCII lower case, no possessive, English plural taken off. Returns its length, or
/// 0 when the word is longer than any phrase's.
func normalize(_ word: UnsafeBufferPointer<UInt8>, into buffer: inout [UInt8]) -> Int {
    guard word.count <= PhraseTable.longestWord else { return 0 }
    var length = 0
    for byte in word {
        buffer[length] = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
        length += 1
    }
    let s = UInt8(ascii: "s")
    if length > 2, buffer[length - 1] == s, buffer[length - 2] == UInt8(ascii: "'") { return length - 2 }
    guard length > 3, buffer[length - 1] == s else { return length }
    let before = buffer[length - 2]
    if before == s || before == UInt8(ascii: "u") || before == UInt8(ascii: "i") { return length }
    if length > 4, before == UInt8(ascii: "e") {
        if buffer[length - 3] == UInt8(ascii: "i") {
            buffer[length - 3] = UInt8(ascii: "y")
            return length - 2
        }
        if buffer[length - 3] == s, buffer[length - 4] == s { return length - 2 }
    }
    return length - 1
}
