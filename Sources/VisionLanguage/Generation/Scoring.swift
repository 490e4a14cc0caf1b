import Foundation
import Tensors

extension DecodingSession {
    /// The probabilities that a model gives to some answers against each other, for example `["Yes", "No"]`.
    ///
    /// Each answer's probability is the product of its tokens' (read in one pass for all answers); they are then divided
    /// by their sum. Not calibrated: fit a temperature on labelled studies where a probability is to be shown.
    ///
    /// - Parameters:
    ///   - answers: different texts.
    ///   - text: the prompt up to where the answer begins, with image markers.
    /// - Throws: ``GenerationError``, `CancellationError`.
    public func probabilities(
        of answers: [String], after text: String, images: [ImageEmbedding] = []
    ) throws -> [Double] {
        let base = try model.prompt(text, images: images)
        let wholes = try answers.map { try model.prompt(text + model.chat.answerPrefix + $0, images: images) }
        // Where tokens merge over the seam, the common beginning is shorter than the prompt.
        let common = wholes.reduce(base.tokens.count) { min($0, base.commonPrefix(with: $1)) }
        guard common > 0 else { throw GenerationError.emptyPrompt }
        let scores = try logProbabilities(
            of: wholes.map { Array($0.tokens[common...]) }, after: base.prefix(common)
        ).map { $0.reduce(0.0) { $0 + Double($1) } }
        let maximum = scores.max() ?? 0
        let weights = scores.map { exp($0 - maximum) }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }

    /// The logarithm of the probability of every token of some continuations of a prompt.
    func logProbabilities(of continuations: [[Int]], after prompt: Prompt) throws -> [[Float]] {
        guard let (first, _) = try prefill(prompt) else { return continuations.map { $0.map { _ in 0 } } }
        let decoder = model.architecture.decoder
        let firstNormalizer = Sampler.logSumExp(first)
        // The last token of a continuation predicts nothing that is asked for.
        let longer = continuations.filter { $0.count > 1 }.map { Array($0.dropLast()) }
        var rows: [Float] = []
        if !longer.isEmpty {
            let segments = longer.map {
                Segment(state: state.copy(capacity: state.count + $0.count), count: $0.count)
            }
            let x = decoder.embed(longer.flatMap(\.self))
            decoder.advance(x, segments)
            let logits = decoder.logits(x)
            var row = 0
            for continuation in continuations where continuation.count > 1 {
                for token in continuation.dropFirst() {
                    let values = logits.row(row)
                    rows.append(values[token] - Sampler.logSumExp(values))
                    row += 1
                }
            }
        }
        var next = rows.makeIterator()
        return continuations.map { continuation in
            continuation.enumerated().map { index, token in
                index == 0 ? first[token] - firstNormalizer : next.next() ?? 0
            }
        }
    }
}
