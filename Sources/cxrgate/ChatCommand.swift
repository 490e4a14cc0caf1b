import ArgumentParser
import ChestReading
import Foundation
import VisionLanguage

/// Questions and answers about a study, one after the other.
struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Ask several questions about a chest radiograph.",
        discussion: """
            Each line of the standard input is a question; an empty line, 'quit' or the end of the input ends the \
            conversation. The images are read once, and every answer knows the questions before. With --format json \
            each answer is one line of JSON. Each question and answer is recorded in the audit log of the gateway on \
            this machine; `cxrgate audit show STUDY` prints the conversation again.
            """)

    @Argument(help: "A DICOM file, or a directory with the images of one study.", completion: .file())
    var file: String

    @Option(help: "table for people, json for machines.")
    var format = ModelOutput.table

    @OptionGroup var model: ModelOptions
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let configuration = try database.configuration.load()
        let study = try OpenedStudy([file], task: "chat", database: database, configuration: configuration)
        let model = try await model.load(configuration)
        let session = try await QuestionSession(model, study, streams: format == .table)
        if format == .table { print("\(model.identity.name) \(model.identity.version). \(model.disclaimer)") }
        var number = 0
        var failures = 0
        while let question = Self.nextQuestion(prompts: format == .table && isatty(STDIN_FILENO) == 1) {
            number += 1
            if format == .table, isatty(STDIN_FILENO) == 0 { print("\nQ: \(question)") }
            do {
                let turn = try await session.ask(question, number: number)
                if format == .json { print(try Self.line(turn)) }
            } catch let error where error is ReadingError || error is GenerationError {
                failures += 1
                note("no answer: \(error)")
            }
        }
        if failures > 0 { throw CommandFailure("\(failures) of \(number) questions got no answer") }
    }

    private static func nextQuestion(prompts: Bool) -> String? {
        if prompts { writeText("\n> ") }
        guard let line = readLine() else { return nil }
        let question = line.trimmingCharacters(in: .whitespaces)
        return question.isEmpty || question == "quit" || question == "exit" ? nil : question
    }

    private static func line(_ turn: QuestionSession.Turn) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(turn), as: UTF8.self)
    }
}
