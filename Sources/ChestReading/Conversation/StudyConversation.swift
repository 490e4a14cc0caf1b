import Findings
import VisionLanguage

/// Questions and answers about one study. The images are read once; each question costs only its own words.
@ModelCompute
public final class StudyConversation {
    /// A question and its answer.
    public struct Turn: Sendable, Equatable {
        public var question: String
        public var answer: Answer
    }

    /// What was asked and answered so far.
    public private(set) var turns: [Turn] = []
    private let chest: ChestModel
    private let dialogue: Dialogue
    private let view: ModelView

    init(chest: ChestModel, dialogue: Dialogue, view: ModelView) {
        self.chest = chest
        self.dialogue = dialogue
        self.view = view
    }

    /// Asks and waits for the answer, which becomes part of the conversation.
    ///
    /// - Parameters:
    ///   - deadline: time from the call.
    ///   - onText: is given the text as it comes, boxes included, on the model's queue.
    /// - Throws: ``ReadingError/deadline``, ``ReadingError/unusableAnswer(_:)`` for an empty question or answer,
    ///   `GenerationError` when the conversation no longer fits the model, `CancellationError`; the conversation is then
    ///   as before, but for an empty answer.
    public func ask(
        _ question: String, deadline: Duration? = nil, onText: (@Sendable (String) -> Void)? = nil
    ) async throws -> Answer {
        let words = PromptContext.safe(question)
        guard !words.isEmpty else { throw ReadingError.unusableAnswer("the question is empty") }
        let prepared = try dialogue.prepare(words, options: chest.options(deadline: deadline), onText: onText)
        let generation = try Dialogue.answer([prepared])[0]
        let answer = try chest.answer(generation, to: prepared.text, fallbackLabel: words, view: view)
        turns.append(Turn(question: words, answer: answer))
        return answer
    }
}
