import Foundation

/// An error that a judge found.
public struct JudgedError: Codable, Sendable, Equatable {
    /// Which of the six.
    public let type: ReportErrorKind
    /// Whether it could change what happens to the patient.
    public let significant: Bool
    /// The judge's words.
    public let explanation: String
}

/// A question about a study, the answer that is right and the one to be judged.
public struct ConversationTurn: Codable, Sendable, Equatable {
    /// The row's name.
    public let id: String
    /// What was asked.
    public let question: String
    /// The right answer.
    public let reference: String
    /// The assistant's answer.
    public let answer: String

    /// A turn.
    public init(id: String, question: String, reference: String, answer: String) {
        self.id = id
        self.question = question
        self.reference = reference
        self.answer = answer
    }
}

/// A judge's opinion of an answer.
public struct ConversationScore: Codable, Sendable, Equatable {
    /// 0 (wrong or of no use) to 10 (right and complete).
    public let score: Int
    /// The judge's words.
    public let reason: String
}

/// The prompts and the strict reading of what comes back. The prompts are this project's own; their results must not be
/// given the name of another metric.
enum JudgePrompts {
    /// Changes with every change of a prompt's words.
    static let version = "1"

    static func errors(reference: String, candidate: String) throws -> (system: String, user: String) {
        let fence = fence(around: [reference, candidate])
        return (
            try text("judge-errors"),
            "REFERENCE \(fence)\n\(reference)\n\(fence)\n\nCANDIDATE \(fence)\n\(candidate)\n\(fence)"
        )
    }

    static func conversation(_ turn: ConversationTurn) throws -> (system: String, user: String) {
        let fence = fence(around: [turn.question, turn.reference, turn.answer])
        return (
            try text("judge-conversation"),
            "QUESTION \(fence)\n\(turn.question)\n\(fence)\n\nREFERENCE ANSWER \(fence)\n\(turn.reference)\n\(fence)\n\n"
                + "ANSWER TO BE JUDGED \(fence)\n\(turn.answer)\n\(fence)"
        )
    }

    /// A line that none of the texts holds, so that a text cannot end its own quotation.
    private static func fence(around texts: [String]) -> String {
        var fence = "====="
        while texts.contains(where: { $0.contains(fence) }) { fence += "=" }
        return fence
    }

    private static func text(_ name: String) throws -> String {
        guard let url = Bundle.module.url(forResource: "Resources/\(name)", withExtension: "txt") else {
            throw LexiconFault.missingFile("\(name).txt")
        }
        return try String(contentsOf: url, encoding: .utf8)
    }

    /// `{"errors": [{"type": ..., "significant": ..., "explanation": ...}]}` and nothing else.
    static func parseErrors(_ reply: String) throws(JudgeError) -> [JudgedError] {
        let object = try object(reply, keys: ["errors"])
        guard let list = object["errors"] as? [Any] else { throw .malformedAnswer("\"errors\" is not a list") }
        var errors: [JudgedError] = []
        for element in list {
            guard let error = element as? [String: Any],
                Set(error.keys) == ["type", "significant", "explanation"],
                let type = (error["type"] as? String).flatMap(ReportErrorKind.init(rawValue:)),
                let significant = boolean(error["significant"]), let explanation = error["explanation"] as? String
            else { throw .malformedAnswer("an error lacks a known type, true or false, or an explanation") }
            errors.append(JudgedError(type: type, significant: significant, explanation: explanation))
        }
        return errors
    }

    /// `{"score": 0...10, "reason": ...}` and nothing else.
    static func parseScore(_ reply: String) throws(JudgeError) -> ConversationScore {
        let object = try object(reply, keys: ["score", "reason"])
        guard let number = object["score"] as? NSNumber, boolean(number) == nil,
            let reason = object["reason"] as? String,
            number.doubleValue == number.doubleValue.rounded(), (0...10).contains(number.doubleValue)
        else { throw .malformedAnswer("the score is not a whole number from 0 to 10, or the reason is missing") }
        return ConversationScore(score: number.intValue, reason: reason)
    }

    /// The whole reply as one JSON object with exactly these keys; a Markdown fence around it is taken off.
    private static func object(_ reply: String, keys: Set<String>) throws(JudgeError) -> [String: Any] {
        var text = reply.trimmingCharacters(in: .whitespacesAndNewlines)
        if text.hasPrefix("```"), text.hasSuffix("```"), text.count >= 6 {
            text = String(text.dropFirst(3).dropLast(3))
            if text.hasPrefix("json") { text = String(text.dropFirst(4)) }
        }
        guard let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            throw .malformedAnswer("it is not one JSON object")
        }
        guard Set(object.keys) == keys else { throw .malformedAnswer("its keys are not \(keys.sorted())") }
        return object
    }

    /// JSON's true and false; a number is neither.
    private static func boolean(_ value: Any?) -> Bool? {
        guard let number = value as? NSNumber, String(cString: number.objCType) == "c" else { return nil }
        return number.boolValue
    }
}
