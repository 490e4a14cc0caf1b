import Foundation

/// CIDEr-D (Vedantam 2015) as pycocoevalcap computes it, with one reference per candidate. The words are ours (as in
/// ``ROUGE``); pycocoevalcap itself leaves them to a Java tokenizer. Document frequencies come from the references of the
/// corpus, so a score depends on the corpus that it was computed with.
public struct CIDEr: Sendable {
    private static let sigma = 6.0
    private let documentFrequencies: [[Ngram: Double]]
    private let numbers: WordNumbers<Substring>
    private let logDocuments: Double

    /// Frequencies over the references.
    public init(references: [String]) {
        var frequencies = Array(repeating: [Ngram: Double](), count: 4)
        var numbers = WordNumbers<Substring>()
        for reference in references {
            let words = numbers.numbers(of: ROUGE.tokenize(reference))
            for order in 1...4 {
                for ngram in ngrams(words, order).keys { frequencies[order - 1][ngram, default: 0] += 1 }
            }
        }
        documentFrequencies = frequencies
        self.numbers = numbers
        logDocuments = log(Double(references.count))
    }

    /// The score of one candidate, 0...10.
    public func score(reference: String, candidate: String) -> Double {
        // A copy: words that no reference holds get numbers for this pair only.
        var numbers = numbers
        let wanted = numbers.numbers(of: ROUGE.tokenize(reference))
        let said = numbers.numbers(of: ROUGE.tokenize(candidate))
        // pycocoevalcap takes the number of bigrams as the length.
        let difference = Double(max(0, said.count - 1) - max(0, wanted.count - 1))
        let penalty = exp(-difference * difference / (2 * Self.sigma * Self.sigma))
        var sum = 0.0
        for order in 1...4 {
            let (one, oneNorm) = vector(said, order)
            let (other, otherNorm) = vector(wanted, order)
            guard oneNorm > 0, otherNorm > 0 else { continue }
            var product = 0.0
            for (ngram, weight) in one {
                if let wantedWeight = other[ngram] { product += min(weight, wantedWeight) * wantedWeight }
            }
            sum += product / (oneNorm * otherNorm) * penalty
        }
        return sum / 4 * 10
    }

    private func vector(_ words: [Int32], _ order: Int) -> (weights: [Ngram: Double], norm: Double) {
        var square = 0.0
        var weights: [Ngram: Double] = [:]
        for (ngram, count) in ngrams(words, order) {
            let frequency = log(max(1, documentFrequencies[order - 1][ngram] ?? 0))
            let weight = Double(count) * (logDocuments - frequency)
            weights[ngram] = weight
            square += weight * weight
        }
        return (weights, square.squareRoot())
    }
}
