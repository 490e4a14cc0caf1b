/// Questions and answers about one study's images; each costs only its own tokens.
@ModelCompute
public final class Conversation {
    public let model: VisionLanguageModel
    /// What was asked and answered so far.
    public private(set) var turns: [Turn] = []
    private let images: [ImageEmbedding]
    private let system: String?
    private let session: DecodingSession

    /// Begins a conversation.
    ///
    /// - Parameter system: instead of the family's own system text.
    public init(model: VisionLanguageModel, images: [ImageEmbedding], system: String? = nil) {
        self.model = model
        self.images = images
        self.system = system
        session = DecodingSession(model: model)
    }

    private init(copying other: Conversation) {
        model = other.model
        turns = other.turns
        images = other.images
        system = other.system
        session = other.session.fork()
    }

    /// A conversation of its own that begins with the same turns.
    public func fork() -> Conversation { Conversation(copying: self) }

    /// The prompt that would ask this question now.
    public func prompt(for question: String) throws -> Prompt {
        try model.prompt(text(for: question), images: images)
    }

    private func text(for question: String) -> String {
        model.chat.prompt(turns + [Turn(question: model.sanitized(question))], images: images.count, system: system)
    }

    /// Asks and waits for the answer, which becomes part of the conversation.
    ///
    /// - Parameter onText: is given the text as it comes.
    /// - Throws: ``GenerationError``, `CancellationError`; the conversation is then as before.
    public func ask(
        _ question: String, options: GenerationOptions = GenerationOptions(),
        onText: (@Sendable (String) -> Void)? = nil
    ) throws -> Generation {
        var options = options
        options.stopStrings += model.chat.stops
        let answer = try session.generate(prompt(for: question), options: options, onText: onText)
        turns.append(Turn(question: model.sanitized(question), answer: model.sanitized(answer.text).trimmed))
        return answer
    }

    /// The probabilities of some answers to a question against each other; the conversation stays as it is.
    public func probabilities(of answers: [String], to question: String) throws -> [Double] {
        try session.probabilities(of: answers, after: text(for: question), images: images)
    }

    /// Asks, and streams the answer as it comes. Ending the stream early cancels the generation.
    public nonisolated func stream(
        _ question: String, options: GenerationOptions = GenerationOptions()
    ) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task { @ModelCompute in
                do {
                    _ = try self.ask(question, options: options) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

extension String {
    /// Without white space at either end.
    fileprivate var trimmed: String {
        var scalars = unicodeScalars[...]
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }
}
