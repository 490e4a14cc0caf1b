/// ROUGE-L (Lin 2004) as the rouge-score package computes it, without stemming: words of ASCII letters and digits in
/// lower case, F1 of the longest common subsequence of the whole texts.
public enum ROUGE {
    /// F1 of the longest common subsequence, 0...1; 0 when either text has no word.
    public static func l(reference: String, candidate: String) -> Double {
        let wanted = tokenize(reference)
        let said = tokenize(candidate)
        guard !wanted.isEmpty, !said.isEmpty else { return 0 }
        let common = Double(longestCommonSubsequence(wanted, said))
        let precision = common / Double(said.count)
        let recall = common / Double(wanted.count)
        return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
    }

    /// The words.
    public static func tokenize(_ text: String) -> [Substring] {
        text.lowercased().unicodeScalars.split { scalar in
            !("a"..."z").contains(scalar) && !("0"..."9").contains(scalar)
        }.map { Substring($0) }
    }

    private static func longestCommonSubsequence(_ one: [Substring], _ other: [Substring]) -> Int {
        // Words as numbers: the inner loop runs over every pair of words.
        var numbers: [Substring: Int] = [:]
        func number(_ word: Substring) -> Int {
            if let known = numbers[word] { return known }
            numbers[word] = numbers.count
            return numbers.count - 1
        }
        let first = one.map(number)
        let second = other.map(number)
        var previous = [Int](repeating: 0, count: second.count + 1)
        var current = previous
        for word in first {
            for index in second.indices {
                current[index + 1] =
                    word == second[index] ? previous[index] + 1 : max(previous[index + 1], current[index])
            }
            swap(&previous, &current)
        }
        return previous[second.count]
    }
}
