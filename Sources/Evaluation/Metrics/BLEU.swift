import Foundation

/// BLEU (Papineni 2002) as sacrebleu computes it: its `13a` tokenizer, case kept, exponential smoothing.
public enum BLEU {
    /// What a pair of texts contributes: sums over a corpus give the corpus' score.
    public struct Statistics: Sendable, Equatable {
        /// Matched n-grams for n = 1...4.
        public var matches = [0, 0, 0, 0]
        /// n-grams of the candidate for n = 1...4.
        public var totals = [0, 0, 0, 0]
        /// Tokens of the candidate and the reference.
        public var candidateLength = 0
        public var referenceLength = 0

        /// Nothing.
        public init() {}

        /// The pair's statistics.
        public init(reference: String, candidate: String) {
            var numbers = WordNumbers<String>()
            let wanted = numbers.numbers(of: BLEU.tokenize(reference))
            let said = numbers.numbers(of: BLEU.tokenize(candidate))
            candidateLength = said.count
            referenceLength = wanted.count
            for order in 1...4 {
                let counts = ngrams(wanted, order)
                for (ngram, count) in ngrams(said, order) {
                    matches[order - 1] += min(count, counts[ngram] ?? 0)
                    totals[order - 1] += count
                }
            }
        }

        /// Adds another pair `weight` times.
        public mutating func add(_ other: Statistics, weight: Int = 1) {
            for index in 0..<4 {
                matches[index] += other.matches[index] * weight
                totals[index] += other.totals[index] * weight
            }
            candidateLength += other.candidateLength * weight
            referenceLength += other.referenceLength * weight
        }

        /// The score with n-grams up to `order`, 0...1.
        public func score(order: Int) -> Double {
            precondition((1...4).contains(order), "BLEU is defined here for orders 1 to 4")
            guard matches[..<order].contains(where: { $0 > 0 }) else { return 0 }
            var smoothing = 1.0
            var logarithms = 0.0
            for index in 0..<order {
                guard totals[index] > 0 else { return 0 }
                var precision = Double(matches[index]) / Double(totals[index])
                if matches[index] == 0 {
                    smoothing *= 2
                    precision = 1 / (smoothing * Double(totals[index]))
                }
                logarithms += log(precision)
            }
            let ratio = Double(referenceLength) / Double(candidateLength)
            let brevity = candidateLength < referenceLength ? exp(1 - ratio) : 1
            return brevity * exp(logarithms / Double(order))
        }
    }

    /// The corpus score of pairs of texts.
    public static func corpus(_ pairs: [(reference: String, candidate: String)], order: Int) -> Double {
        var sum = Statistics()
        for pair in pairs { sum.add(Statistics(reference: pair.reference, candidate: pair.candidate)) }
        return sum.score(order: order)
    }

    /// The `13a` tokens: the mteval-v13a rules for text that is not of a CJK language.
    public static func tokenize(_ text: String) -> [String] {
        var line = text
        while let last = line.unicodeScalars.last, isSpace(last) { line.unicodeScalars.removeLast() }
        // Most reports hold none of these, and replacing is slow.
        if line.utf8.contains(UInt8(ascii: "<")) { line = line.replacingOccurrences(of: "<skipped>", with: "") }
        if line.utf8.contains(UInt8(ascii: "\n")) { line = line.replacingOccurrences(of: "-\n", with: "") }
        if line.utf8.contains(UInt8(ascii: "&")) {
            for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
                line = line.replacingOccurrences(of: entity, with: character)
            }
        }
        var scalars: [Unicode.Scalar] = [" "] + line.unicodeScalars.map { $0 == "\n" ? " " : $0 } + [" "]
        scalars = spaced(scalars)
        scalars = split(scalars, first: isNoDigit, second: isPoint) { [$0, " ", $1, " "] }
        scalars = split(scalars, first: isPoint, second: isNoDigit) { [" ", $0, " ", $1] }
        scalars = split(scalars, first: isDigit, second: isDash) { [$0, " ", $1, " "] }
        return scalars.split(whereSeparator: isSpace).map { word in
            var view = String.UnicodeScalarView()
            view.append(contentsOf: word)
            return String(view)
        }
    }

    /// What Python takes for white space: Unicode's and the four information separators.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 {
            return scalar.value == 0x20 || (9...13).contains(scalar.value) || (28...31).contains(scalar.value)
        }
        return scalar.properties.isWhitespace
    }

    /// `([\{-\~\[-\` -\&\(-\+\:-\@\/])` with blanks around.
    private static func spaced(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count * 2)
        for scalar in scalars {
            switch scalar.value {
            case 0x7B...0x7E, 0x5B...0x60, 0x20...0x26, 0x28...0x2B, 0x3A...0x40, 0x2F:
                result.append(" ")
                result.append(scalar)
                result.append(" ")
            default: result.append(scalar)
            }
        }
        return result
    }

    /// Replaces each pair of neighbours that fits, from left to right and without overlap, as `re.sub` does.
    private static func split(
        _ scalars: [Unicode.Scalar], first: (Unicode.Scalar) -> Bool, second: (Unicode.Scalar) -> Bool,
        into replacement: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count * 2)
        var index = 0
        while index < scalars.count {
            if index + 1 < scalars.count, first(scalars[index]), second(scalars[index + 1]) {
                result += replacement(scalars[index], scalars[index + 1])
                index += 2
            } else {
                result.append(scalars[index])
                index += 1
            }
        }
        return result
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
    private static func isNoDigit(_ scalar: Unicode.Scalar) -> Bool { !isDigit(scalar) }
    private static func isDash(_ scalar: Unicode.Scalar) -> Bool { scalar == "-" }
    private static func isPoint(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }
}
