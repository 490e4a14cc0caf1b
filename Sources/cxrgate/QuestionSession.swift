import ChestReading
import Findings
import Foundation

/// Asks a model about one study, shows the answers as they come, and records each.
struct QuestionSession {
    /// A question with its answer, as JSON.
    struct Turn: Encodable {
        let question: String
        let answer: String
        let regions: [RegionReport]
        let ending: String
        let promptTokens: Int
        /// Tokens of the prompt that were computed before: a second question shares the images with the first.
        let reusedTokens: Int
        let milliseconds: Int
    }

    let model: ChestModel
    let study: OpenedStudy
    private let conversation: StudyConversation
    /// Ties the records of one conversation together.
    private let identifier = UUID().uuidString
    /// Whether text is written to the standard output as it comes.
    private let streams: Bool

    init(_ model: ChestModel, _ study: OpenedStudy, streams: Bool) async throws {
        self.model = model
        self.study = study
        self.streams = streams
        conversation = try await model.converse(about: study.prepared.images, context: study.prepared.context)
    }

    /// Asks one question.
    ///
    /// - Throws: `ReadingError` and what generation or the audit log throws; a failed question is recorded too.
    func ask(_ question: String, number: Int) async throws -> Turn {
        let started = ContinuousClock.now
        let show: (@Sendable (String) -> Void)? = streams ? writeText : nil
        let answer: Answer
        do {
            answer = try await conversation.ask(question, onText: show)
        } catch {
            study.recordFailure(question, error)
            throw error
        }
        let duration = started.duration(to: .now)
        if streams { print() }
        try study.record(
            question, answer, model, took: duration,
            details: ["conversation": identifier, "turn": "\(number)"])
        if streams, !answer.regions.isEmpty {
            print(RegionReport.table(answer.regions, emptyNote: "").aligned())
        }
        return Turn(
            question: question, answer: answer.text, regions: answer.regions.map(RegionReport.init),
            ending: answer.ending.rawValue, promptTokens: answer.promptTokens, reusedTokens: answer.reusedTokens,
            milliseconds: Int(duration / .milliseconds(1)))
    }
}

/// Writes a piece of a model's answer. Nothing that would move a terminal's cursor gets through.
@Sendable func writeText(_ text: String) {
    let scalars = text.unicodeScalars.filter { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: scalar == "\n" || scalar == "\t"
        default: true
        }
    }
    print(String(String.UnicodeScalarView(scalars)), terminator: "")
    fflush(nil)
}
