/// Up to four neighbouring words, as numbers: hashing words themselves would take most of a metric's time.
struct Ngram: Hashable {
    private var first: Int32 = -1
    private var second: Int32 = -1
    private var third: Int32 = -1
    private var fourth: Int32 = -1

    init(_ words: ArraySlice<Int32>) {
        for (index, word) in words.enumerated() {
            switch index {
            case 0: first = word
            case 1: second = word
            case 2: third = word
            default: fourth = word
            }
        }
    }
}

/// Gives each distinct word a number.
struct WordNumbers<Word: Hashable & Sendable>: Sendable {
    private var known: [Word: Int32] = [:]

    /// The words' numbers; new words get the next ones.
    mutating func numbers(of words: [Word]) -> [Int32] {
        words.map { word in
            if let number = known[word] { return number }
            let number = Int32(known.count)
            known[word] = number
            return number
        }
    }
}

/// How often each n-gram of one order, 1...4, occurs.
func ngrams(_ words: [Int32], _ order: Int) -> [Ngram: Int] {
    guard words.count >= order else { return [:] }
    var counts: [Ngram: Int] = [:]
    counts.reserveCapacity(words.count)
    for start in 0...(words.count - order) { counts[Ngram(words[start..<(start + order)]), default: 0] += 1 }
    return counts
}
