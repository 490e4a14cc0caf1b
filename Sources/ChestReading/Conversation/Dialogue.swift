import VisionLanguage

/// The turns of one conversation about some images and the keys and values behind them.
///
/// It is what `VisionLanguage.Conversation` is for one question at a time, with the prompts visible so that the questions
/// of several studies can be decoded in one pass.
@ModelCompute
final class Dialogue {
    let model: VisionLanguageModel
    let images: [ImageEmbedding]
    private let system: String?
    private let stops: [String]
    private let session: DecodingSession
    private var turns: [VisionLanguage.Turn] = []

    init(model: VisionLanguageModel, images: [ImageEmbedding], system: String?, stops: [String]) {
        self.model = model
        self.images = images
        self.system = system
        self.stops = stops
        session = DecodingSession(model: model)
    }

    /// A question ready to be decoded.
    struct Prepared {
        let dialogue: Dialogue
        let question: String
        /// The prompt as the model gets it.
        let text: String
        let request: DecodingSession.Request
    }

    /// Writes a question's prompt.
    ///
    /// - Parameter beginning: words that the answer is made to begin with.
    /// - Throws: `GenerationError` when it does not fit the model's context.
    func prepare(
        _ question: String, beginning: String = "", options: GenerationOptions,
        onText: (@Sendable (String) -> Void)? = nil
    ) throws -> Prepared {
        let clean = model.sanitized(question)
        let text =
            model.chat.prompt(turns + [VisionLanguage.Turn(question: clean)], images: images.count, system: system)
            + beginning
        var options = options
        options.stopStrings += stops
        let request = DecodingSession.Request(
            session: session, prompt: try model.prompt(text, images: images), options: options, onText: onText)
        return Prepared(dialogue: self, question: clean, text: text, request: request)
    }

    /// Decodes questions of different dialogues together; each answer becomes a turn of its dialogue.
    ///
    /// - Throws: `CancellationError`; the dialogues are then as before.
    static func answer(_ questions: [Prepared]) throws -> [Generation] {
        let answers = try DecodingSession.generate(questions.map(\.request))
        for (question, answer) in zip(questions, answers) where answer.ending != .deadline {
            let dialogue = question.dialogue
            let text = SentenceSplitter.trimmed(dialogue.model.sanitized(answer.text))
            dialogue.turns.append(VisionLanguage.Turn(question: question.question, answer: text))
        }
        return answers
    }
}
