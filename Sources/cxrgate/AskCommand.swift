import ArgumentParser
import ChestReading
import Foundation

/// One question about a study, or a set of questions.
struct AskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask", abstract: "Ask a question about a chest radiograph.",
        discussion: """
            Sets of questions: \(QuestionSet.all.map { "\($0.name) (\($0.title.lowercased()))" }.joined(separator: ", ")).
            Each question and answer is recorded in the audit log of the gateway on this machine.
            """)

    @Argument(help: "A DICOM file, or a directory with the images of one study.", completion: .file())
    var file: String

    @Argument(help: "The question, unless --questions names a set.")
    var question: String?

    @Option(help: ArgumentHelp("A set of questions, by name or as a JSON file.", valueName: "name"))
    var questions: String?

    @Option(help: "table for people, json for machines.")
    var format = ModelOutput.table

    @OptionGroup var model: ModelOptions
    @OptionGroup var database: DatabaseOptions

    /// What was asked and answered, as JSON.
    private struct Report: Encodable {
        let studyInstanceUID: String
        let model: String
        let disclaimer: String
        let turns: [QuestionSession.Turn]
    }

    func validate() throws {
        guard (question == nil) != (questions == nil) else {
            throw ValidationError("Give either a question or --questions with the name of a set.")
        }
    }

    func run() async throws {
        let asked = try chosenQuestions()
        let configuration = try database.configuration.load()
        let study = try OpenedStudy([file], task: "ask", database: database, configuration: configuration)
        let model = try await model.load(configuration)
        let session = try await QuestionSession(model, study, streams: format == .table)
        var turns: [QuestionSession.Turn] = []
        for (index, question) in asked.enumerated() {
            if format == .table, asked.count > 1 { print("\(index == 0 ? "" : "\n")Q: \(question)") }
            turns.append(try await session.ask(question, number: index + 1))
        }
        let report = Report(
            studyInstanceUID: study.inputs.studyInstanceUID,
            model: "\(model.identity.name) \(model.identity.version)", disclaimer: model.disclaimer, turns: turns)
        try format.print(report) { "\n\(model.disclaimer)" }
    }

    private func chosenQuestions() throws -> [String] {
        if let question { return [question] }
        guard let name = questions else { return [] }
        if let shipped = QuestionSet.named(name) { return shipped.questions }
        guard FileManager.default.fileExists(atPath: name) else {
            let names = QuestionSet.all.map(\.name).joined(separator: ", ")
            throw ValidationError("There is no set of questions '\(name)', and no such file; the sets are: \(names).")
        }
        return try QuestionSet(contentsOf: URL(fileURLWithPath: name)).questions
    }
}
