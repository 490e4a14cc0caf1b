import Tensors

/// The keys and values of one growing sequence, and generation with them.
///
/// A prompt that begins like the one before (the same image, the earlier turns) costs only its new tokens. A session is
/// confined to ``ModelCompute``; `fork()` gives each question about a study its own copy of the common beginning.
@ModelCompute
public final class DecodingSession {
    public let model: VisionLanguageModel
    /// What the cache holds.
    private(set) var cached = Prompt(tokens: [], runs: [])
    private(set) var state: DecoderState

    /// Positions computed at once while reading a prompt: enough to keep the cores busy, few enough to bound memory.
    private static let chunk = 512

    /// An empty session.
    public init(model: VisionLanguageModel) {
        self.model = model
        state = model.architecture.decoder.makeState(capacity: 64)
    }

    private init(copying other: DecodingSession) {
        model = other.model
        cached = other.cached
        state = other.state.copy(capacity: other.state.capacity)
    }

    /// A session of its own with the same beginning.
    public func fork() -> DecodingSession { DecodingSession(copying: self) }

    /// Positions held, image included.
    public var count: Int { state.count }

    /// Reads a prompt so that later ones with the same beginning need not.
    ///
    /// - Throws: `CancellationError`.
    public func read(_ prompt: Prompt) throws {
        _ = try prefill(prompt)
    }

    /// Reads a prompt, as far as the cache does not hold it.
    ///
    /// - Returns: the logits after its last token, and how many positions were taken from the cache.
    func prefill(
        _ prompt: Prompt, until deadline: ContinuousClock.Instant? = nil
    ) throws -> (
        logits: [Float], reused: Int
    )? {
        let decoder = model.architecture.decoder
        let reused = min(cached.commonPrefix(with: prompt), prompt.alignedEnd)
        state.truncate(to: reused)
        cached = prompt.prefix(reused)
        reserve(prompt.tokens.count)
        if case .framed = model.architecture.imageSlot { state.bidirectionalSpans = prompt.runs.map(\.range) }
        var logits: [Float] = []
        var start = reused
        while start < prompt.tokens.count {
            try Task.checkCancellation()
            if let deadline, ContinuousClock.now >= deadline { return nil }
            let end = prompt.chunkEnd(from: start, length: Self.chunk)
            let x = model.embeddings(of: prompt, start..<end)
            decoder.advance(x, [Segment(state: state, count: end - start)])
            cached = prompt.prefix(end)
            start = end
            if end == prompt.tokens.count { logits = decoder.logits(x.rows(x.rows - 1..<x.rows)).row(0) }
        }
        return (logits, reused)
    }

    /// Makes room for at least `count` positions.
    func reserve(_ count: Int) {
        guard count > state.capacity else { return }
        state = state.copy(capacity: count)
    }

    /// Runs one further token of each session in one pass over the weights.
    ///
    /// - Returns: the logits after each.
    static func advance(_ sessions: [DecodingSession], by tokens: [Int]) -> Matrix {
        let decoder = sessions[0].model.architecture.decoder
        for (session, token) in zip(sessions, tokens) {
            // Only sequences that outgrow what was reserved for them.
            if session.count == session.state.capacity { session.reserve(session.count + 128) }
            session.cached.tokens.append(token)
        }
        let x = decoder.embed(tokens)
        decoder.advance(x, sessions.map { Segment(state: $0.state, count: 1) })
        return decoder.logits(x)
    }

    /// Generates an answer to a prompt.
    ///
    /// - Parameter onText: is given the text as it comes, whole characters only, without stop strings.
    /// - Throws: `CancellationError` when the task is cancelled, at the next token.
    public func generate(
        _ prompt: Prompt, options: GenerationOptions = GenerationOptions(),
        onText: (@Sendable (String) -> Void)? = nil
    ) throws -> Generation {
        try Self.generate([Request(session: self, prompt: prompt, options: options, onText: onText)])[0]
    }

    /// One of several sequences that are generated together.
    public struct Request {
        let session: DecodingSession
        let prompt: Prompt
        let options: GenerationOptions
        let onText: (@Sendable (String) -> Void)?

        /// - Parameter session: each request needs its own, all of one model.
        public init(
            session: DecodingSession, prompt: Prompt, options: GenerationOptions = GenerationOptions(),
            onText: (@Sendable (String) -> Void)? = nil
        ) {
            self.session = session
            self.prompt = prompt
            self.options = options
            self.onText = onText
        }
    }

    /// Generates several answers; while they decode, all share each pass over the weights.
    ///
    /// - Precondition: the sessions are different, and of one model.
    public static func generate(_ requests: [Request]) throws -> [Generation] {
        precondition(Set(requests.map { ObjectIdentifier($0.session) }).count == requests.count, "a session twice")
        precondition(Set(requests.map { ObjectIdentifier($0.session.model) }).count <= 1, "several models")
        let started = ContinuousClock.now
        let runs = try requests.map { request -> GenerationRun in
            let deadline = request.options.deadline.map { started + $0 }
            // Room for the whole answer at once: growing would hold two caches for a moment.
            let positions = request.prompt.tokens.count + request.options.maximumTokens
            request.session.reserve(min(positions, request.session.model.maximumPositions))
            let run = GenerationRun(
                model: request.session.model, prompt: request.prompt, options: request.options, deadline: deadline,
                onText: request.onText)
            if let (logits, reused) = try request.session.prefill(request.prompt, until: deadline) {
                run.reusedTokens = reused
                run.take(logits)
            } else {
                run.finish(.deadline)
            }
            return run
        }
        while true {
            try Task.checkCancellation()
            for run in runs where run.ending == nil && run.isLate { run.finish(.deadline) }
            let active = zip(requests, runs).filter { $0.1.ending == nil }
            guard !active.isEmpty else { break }
            let logits = advance(active.map(\.0.session), by: active.compactMap { $0.1.tokens.last?.id })
            for (row, pair) in active.enumerated() { pair.1.take(logits.row(row)) }
        }
        return runs.map(\.result)
    }
}

extension Prompt {
    /// The last position from which a non-empty rest can be computed: not inside an image.
    fileprivate var alignedEnd: Int {
        let last = tokens.count - 1
        return runs.first { $0.range.contains(last) }?.range.lowerBound ?? last
    }

    func prefix(_ count: Int) -> Prompt {
        Prompt(tokens: Array(tokens.prefix(count)), runs: runs.filter { $0.range.upperBound <= count })
    }

    /// The end of a chunk, moved so that no image is cut.
    fileprivate func chunkEnd(from start: Int, length: Int) -> Int {
        var end = min(start + length, tokens.count)
        if let run = runs.first(where: { $0.range.contains(end) && $0.range.lowerBound < end }) {
            end = run.range.lowerBound > start ? run.range.lowerBound : run.range.upperBound
        }
        return end
    }
}
