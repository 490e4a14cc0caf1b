import Foundation

/// Questions that are asked together of a model that converses, as data: `Resources/Questions/NAME.json`.
///
/// The two kinds are those of the LLaVA fine-tunes for the lung diseases domain (arXiv 2501.15370): a detailed
/// description, and complex reasoning.
public struct QuestionSet: Sendable, Codable, Equatable {
    /// What it is asked for by.
    public var name: String
    /// A line for a person.
    public var title: String
    /// The questions, in order; later ones may refer to the answers before.
    public var questions: [String]

    /// A set of questions.
    public init(name: String, title: String, questions: [String]) {
        self.name = name
        self.title = title
        self.questions = questions
    }

    /// Everything that is visible.
    public static let detailedDescription = shipped("detailed-description")
    /// What it may mean, and why.
    public static let reasoning = shipped("reasoning")

    /// The sets that the program carries.
    public static let all = [detailedDescription, reasoning]

    /// The set of this name, or nil.
    public static func named(_ name: String) -> QuestionSet? { all.first { $0.name == name } }

    /// Reads a set of one's own.
    ///
    /// - Throws: ``PromptFault``.
    public init(contentsOf file: URL) throws {
        self = try PromptFile.decode(QuestionSet.self, at: file)
        guard !questions.isEmpty, questions.allSatisfy({ !$0.isEmpty }) else {
            throw PromptFault.malformed(file: file.path, reason: "there is no question")
        }
    }

    private static func shipped(_ name: String) -> QuestionSet {
        do {
            return try QuestionSet(contentsOf: PromptFile.shipped("Questions/\(name)"))
        } catch {
            preconditionFailure("Questions/\(name).json, a part of the program, is damaged: \(error)")
        }
    }
}
