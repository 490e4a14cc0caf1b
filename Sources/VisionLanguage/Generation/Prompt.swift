import Tensors

/// An image as a model sees it: the vectors that take its place in a prompt. Immutable; one encoding serves any number of
/// questions and sessions.
public struct ImageEmbedding: Sendable {
    /// Tells encodings apart without comparing their vectors.
    final class Identity: Sendable {}

    let identity = Identity()
    let vectors: ConstantMatrix
    /// Where the model's views lie in the source image.
    public let geometry: ImageGeometry
    /// The classification head's probabilities; empty for models without one.
    public let labels: [LabelProbability]

    /// Positions that the image takes in a prompt.
    public var tokenCount: Int { vectors.rows }
}

/// A tokenised prompt with its images in place.
public struct Prompt: Sendable {
    struct Run: Sendable {
        let range: Range<Int>
        let image: ImageEmbedding
    }

    /// One number per position; an image's positions hold its placeholder.
    public internal(set) var tokens: [Int]
    var runs: [Run]

    /// How many positions two prompts have in common from the beginning.
    func commonPrefix(with other: Prompt) -> Int {
        var count = zip(tokens, other.tokens).prefix { $0 == $1 }.count
        for run in runs where run.range.lowerBound < count {
            let isShared = other.runs.contains { $0.range == run.range && $0.image.identity === run.image.identity }
            if !isShared { count = min(count, run.range.lowerBound) }
        }
        for run in other.runs where run.range.lowerBound < count {
            if !runs.contains(where: { $0.range == run.range }) { count = min(count, run.range.lowerBound) }
        }
        // An image's positions may see each other, so that they are computed together or not at all.
        for run in runs where run.range.contains(count) && count > run.range.lowerBound {
            count = run.range.lowerBound
        }
        return count
    }
}

extension VisionLanguageModel {
    /// Tokenises a text in which each ``ChatTemplate/imageMarker`` stands for one image.
    ///
    /// - Throws: ``GenerationError`` when markers and images do not match, or the prompt is too long.
    public func prompt(_ text: String, images: [ImageEmbedding] = []) throws -> Prompt {
        guard images.allSatisfy({ $0.vectors.columns == architecture.decoder.width }) else {
            throw GenerationError.foreignImage
        }
        let parts = text.split(separator: ChatTemplate.imageMarker, omittingEmptySubsequences: false)
        guard parts.count - 1 == images.count else {
            throw GenerationError.imageCountMismatch(markers: parts.count - 1, images: images.count)
        }
        guard images.count <= architecture.maximumImages else {
            throw GenerationError.tooManyImages(given: images.count, allowed: architecture.maximumImages)
        }
        let prompt: Prompt
        switch architecture.imageSlot {
        case .boundary: prompt = bounded(parts.map(String.init), images)
        case .token(let token): prompt = marked(parts.map(String.init), images, before: "", token: token, after: "")
        case .framed(let before, let token, let after):
            prompt = marked(parts.map(String.init), images, before: before, token: token, after: after)
        }
        guard !prompt.tokens.isEmpty else { throw GenerationError.emptyPrompt }
        guard prompt.tokens.count < architecture.maximumPositions else {
            throw GenerationError.promptTooLong(tokens: prompt.tokens.count, allowed: architecture.maximumPositions)
        }
        return prompt
    }

    private func marked(
        _ parts: [String], _ images: [ImageEmbedding], before: String, token: String, after: String
    ) -> Prompt {
        var text = parts[0]
        for (part, image) in zip(parts.dropFirst(), images) {
            text += before + String(repeating: token, count: image.tokenCount) + after + part
        }
        let tokens = tokenizer.encode(text)
        let placeholder = tokenizer.id(of: token)
        var runs: [Prompt.Run] = []
        var position = 0
        for image in images {
            while position < tokens.count, tokens[position] != placeholder { position += 1 }
            runs.append(Prompt.Run(range: position..<position + image.tokenCount, image: image))
            position += image.tokenCount
        }
        return Prompt(tokens: tokens, runs: runs)
    }

    private func bounded(_ parts: [String], _ images: [ImageEmbedding]) -> Prompt {
        var prompt = Prompt(tokens: tokenizer.encode(parts[0]), runs: [])
        for (part, image) in zip(parts.dropFirst(), images) {
            let start = prompt.tokens.count
            // No token: the number is never looked up.
            prompt.tokens += [Int](repeating: -1, count: image.tokenCount)
            prompt.runs.append(Prompt.Run(range: start..<prompt.tokens.count, image: image))
            prompt.tokens += tokenizer.encode(part, addSpecialTokens: false)
        }
        return prompt
    }

    /// The embeddings of some positions of a prompt.
    func embeddings(of prompt: Prompt, _ range: Range<Int>) -> Matrix {
        let tokens = prompt.tokens[range].map { max($0, 0) }
        // A placeholder may be beyond the embedding's rows in published files.
        let x = architecture.decoder.embed(tokens.map { $0 < architecture.decoder.embedding.rows ? $0 : 0 })
        for run in prompt.runs {
            let shared = run.range.clamped(to: range)
            guard !shared.isEmpty else { continue }
            let width = run.image.vectors.columns
            let start = (shared.lowerBound - run.range.lowerBound) * width
            let values = Array(run.image.vectors.values[start..<start + shared.count * width])
            x.rows(shared.lowerBound - range.lowerBound..<shared.upperBound - range.lowerBound)
                .copy(from: Matrix(rows: shared.count, columns: width, values))
        }
        return x
    }
}
