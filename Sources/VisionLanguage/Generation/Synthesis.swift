import Tensors

/// An image drawn by a model.
public struct SynthesizedImage: Sendable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// Grayscale samples in 0...1, row-major from the top left, dark air and bright bone.
    public let samples: [Float]
    /// The image codes it was decoded from, 0 ..< codebook size, row by row.
    public let codes: [Int]
}

extension VisionLanguageModel {
    /// Draws an image from a text: image codes one after the other, then the VQ decoder.
    ///
    /// Guidance runs a second sequence with `unconditional` as its question in the same pass and moves the logits away
    /// from it: `u + g (c - u)` (Ho and Salimans, arXiv 2207.12598).
    ///
    /// - Parameters:
    ///   - question: the user turn, without an image.
    ///   - settings: nil for what the checkpoint recommends.
    /// - Throws: ``GenerationError/cannotDraw(model:)``, `CancellationError`.
    @ModelCompute
    public func synthesize(
        _ question: String, unconditional: String = "Generate a chest X-ray.",
        settings: GenerationConfiguration.Image? = nil, seed: UInt64
    ) throws -> SynthesizedImage {
        guard let drawing = architecture.imageCodes else { throw GenerationError.cannotDraw(model: family) }
        let settings = settings ?? recommended.image ?? GenerationConfiguration.Image()
        var sampler = Sampler(
            GenerationOptions(
                sampling: .random(temperature: settings.temperature, topK: settings.topK, seed: seed)))
        let texts = settings.guidance == 1 ? [sanitized(question)] : [sanitized(question), unconditional]
        let sessions = texts.map { _ in DecodingSession(model: self) }
        var rows = try zip(sessions, texts).map { session, text -> [Float] in
            var prompt = try prompt(chat.prompt([Turn(question: text)], images: 0))
            prompt.tokens.append(drawing.configuration.startToken)
            return try session.prefill(prompt)?.logits ?? []
        }
        let allowed = Array(drawing.tokens)
        var codes: [Int] = []
        while true {
            try Task.checkCancellation()
            var logits = rows[0]
            if rows.count == 2 {
                let guidance = Float(settings.guidance)
                for token in allowed { logits[token] = rows[1][token] + guidance * (rows[0][token] - rows[1][token]) }
            }
            let token = sampler.choose(logits, seen: [], allowed: allowed).id
            codes.append(token - drawing.tokens.lowerBound)
            guard codes.count < drawing.codeCount else { break }
            let next = DecodingSession.advance(sessions, by: sessions.map { _ in token })
            rows = sessions.indices.map { next.row($0) }
        }
        let image = drawing.image(of: codes)
        return SynthesizedImage(width: image.width, height: image.height, samples: image.samples, codes: codes)
    }
}
