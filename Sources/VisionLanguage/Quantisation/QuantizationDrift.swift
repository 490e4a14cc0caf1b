import Foundation
import Tensors

/// How far a quantised model strays from the one it was made of, measured on the same prompts.
public struct QuantizationDrift: Sendable, Equatable {
    /// Mean Kullback-Leibler divergence of the next-token distributions, in nats, over all positions of the reference's
    /// answers.
    public var meanDivergence: Double
    /// The greatest divergence at one position.
    public var greatestDivergence: Double
    /// Share of positions where both models' most probable token is the same, the reference's answer given.
    public var agreement: Double
    /// Positions compared.
    public var positions: Int
}

extension DecodingSession {
    /// Compares two models that share a tokenizer: the reference answers greedily, and both give their distributions along
    /// that answer.
    ///
    /// - Parameters:
    ///   - image: encoded by each model for itself, so that the vision half's drift counts too; nil for text only.
    ///   - tokens: the length of each answer.
    public static func drift(
        of model: VisionLanguageModel, from reference: VisionLanguageModel, image: ImageBuffer?, prompts: [String],
        tokens: Int
    ) throws -> QuantizationDrift {
        var divergences: [Double] = []
        var agreements = 0
        for text in prompts {
            let answer = try DecodingSession(model: reference).generate(
                reference.prompt(text, images: image.map { [try reference.encode($0)] } ?? []),
                options: GenerationOptions(
                    maximumTokens: tokens, repetitionGuard: nil, ignoresEndOfSequence: true)
            ).tokens.map(\.id)
            let rows = try [reference, model].map { model in
                try distributions(
                    of: model, model.prompt(text, images: image.map { [try model.encode($0)] } ?? []), along: answer)
            }
            for (expected, found) in zip(rows[0], rows[1]) {
                let (p, q) = (logProbabilities(expected), logProbabilities(found))
                divergences.append(zip(p, q).reduce(0.0) { $0 + exp($1.0) * ($1.0 - $1.1) })
                agreements += best(expected) == best(found) ? 1 : 0
            }
        }
        let count = max(divergences.count, 1)
        return QuantizationDrift(
            meanDivergence: divergences.reduce(0, +) / Double(count), greatestDivergence: divergences.max() ?? 0,
            agreement: Double(agreements) / Double(count), positions: divergences.count)
    }

    /// The logits before each token of an answer.
    private static func distributions(
        of model: VisionLanguageModel, _ prompt: Prompt, along answer: [Int]
    ) throws -> [[Float]] {
        let session = DecodingSession(model: model)
        guard let first = try session.prefill(prompt)?.logits else { return [] }
        return try [first]
            + answer.dropLast().map { token in
                try Task.checkCancellation()
                return advance([session], by: [token]).row(0)
            }
    }

    private static func logProbabilities(_ logits: [Float]) -> [Double] {
        let maximum = Double(logits.max() ?? 0)
        let normalizer = maximum + log(logits.reduce(0.0) { $0 + exp(Double($1) - maximum) })
        return logits.map { Double($0) - normalizer }
    }

    private static func best(_ logits: [Float]) -> Int {
        logits.indices.max { logits[$0] < logits[$1] } ?? 0
    }
}
