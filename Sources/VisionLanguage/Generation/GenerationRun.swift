/// One answer while it grows: choice, constraint, text, and the reasons to end.
final class GenerationRun {
    private let model: VisionLanguageModel
    private let prompt: Prompt
    private let options: GenerationOptions
    private let deadline: ContinuousClock.Instant?
    private let onText: (@Sendable (String) -> Void)?
    private var sampler: Sampler
    private var constraint: ConstraintState?
    private var stream: StreamingDecoder
    private var seen: Set<Int>
    /// The answer so far.
    private var text: [UInt8] = []
    private var emitted = 0
    private(set) var tokens: [GeneratedToken] = []
    private(set) var ending: Generation.Ending?
    var reusedTokens = 0

    init(
        model: VisionLanguageModel, prompt: Prompt, options: GenerationOptions, deadline: ContinuousClock.Instant?,
        onText: (@Sendable (String) -> Void)?
    ) {
        self.model = model
        self.prompt = prompt
        self.options = options
        self.deadline = deadline
        self.onText = onText
        sampler = Sampler(options)
        constraint = options.constraint.map {
            ConstraintState(
                $0, tokenizer: model.tokenizer, vocabularySize: model.architecture.decoder.vocabularySize,
                endTokens: model.endTokens)
        }
        stream = StreamingDecoder(model.tokenizer)
        seen = options.repetitionPenalty == 1 ? [] : Set(prompt.tokens)
    }

    /// Whether the deadline has passed.
    var isLate: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }

    /// Chooses the next token from the logits and decides whether the answer ends.
    func take(_ logits: [Float]) {
        guard tokens.count < options.maximumTokens else { return finish(.maximumTokens) }
        let allowed = constraint?.allowed()
        if let allowed, allowed.isEmpty { return finish(.constraintFulfilled) }
        let token = sampler.choose(logits, seen: seen, allowed: allowed)
        tokens.append(token)
        if options.repetitionPenalty != 1 { seen.insert(token.id) }
        if model.endTokens.contains(token.id), !options.ignoresEndOfSequence { return finish(.endOfSequence) }
        text += stream.append(token.id).utf8
        if let stop = firstStop() {
            text.removeSubrange(stop...)
            return finish(.stopString)
        }
        if constraint?.accept(token.id) == true { return finish(.constraintFulfilled) }
        if let kept = repetitionStart() {
            text = Array(model.tokenizer.decode(tokens.prefix(kept).map(\.id)).utf8)
            return finish(.repetition)
        }
        if tokens.count >= options.maximumTokens { return finish(.maximumTokens) }
        if prompt.tokens.count + tokens.count >= model.maximumPositions { return finish(.contextFull) }
        emit(holdingBack: options.stopStrings.map { stopTail($0) }.max() ?? 0)
    }

    /// Ends the answer.
    func finish(_ ending: Generation.Ending) {
        self.ending = ending
        if ending != .stopString, ending != .repetition { text += stream.finish().utf8 }
        emit(holdingBack: 0)
    }

    var result: Generation {
        Generation(
            text: String(decoding: text, as: UTF8.self), tokens: tokens, ending: ending ?? .maximumTokens,
            promptTokens: prompt.tokens.count, reusedTokens: reusedTokens)
    }

    private func emit(holdingBack count: Int) {
        guard let onText else { return }
        let end = text.count - count
        guard end > emitted else { return }
        onText(String(decoding: text[emitted..<end], as: UTF8.self))
        emitted = end
    }

    /// Where the first stop string begins.
    private func firstStop() -> Int? {
        options.stopStrings.compactMap { stop -> Int? in
            let stop = Array(stop.utf8)
            guard !stop.isEmpty, text.count >= stop.count else { return nil }
            // Text before `emitted` was searched already.
            let start = min(emitted, text.count - stop.count)
            return (start...text.count - stop.count).first { text[$0...].starts(with: stop) }
        }.min()
    }

    /// How much of the text's end could begin a stop string.
    private func stopTail(_ stop: String) -> Int {
        let stop = Array(stop.utf8)
        return (0..<min(stop.count, text.count + 1)).reversed().first {
            text.suffix($0).elementsEqual(stop.prefix($0))
        } ?? 0
    }

    /// Where a passage that repeats itself at the end has stood once.
    private func repetitionStart() -> Int? {
        guard let rule = options.repetitionGuard else { return nil }
        let ids = tokens.map(\.id)
        for length in stride(from: 1, through: rule.longestPassage, by: 1) {
            let needed = max(rule.repetitions * length, (rule.leastTokens + length - 1) / length * length)
            guard ids.count >= needed else { continue }
            let start = ids.count - needed
            if (start + length..<ids.count).allSatisfy({ ids[$0] == ids[$0 - length] }) { return start + length }
        }
        return nil
    }
}
