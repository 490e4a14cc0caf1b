/// Who judged, and how: a judgement without this cannot be compared with another.
public struct JudgeIdentity: Codable, Sendable, Equatable {
    /// The model's name.
    public let model: String
    /// Where it runs.
    public let endpoint: String
    /// Temperature, seed and whatever else shapes its answers.
    public let settings: [String: String]

    /// An identity.
    public init(model: String, endpoint: String, settings: [String: String]) {
        self.model = model
        self.endpoint = endpoint
        self.settings = settings
    }
}

/// A language model as judge: text in, text out. The on-device runtime and an endpoint that the site configures both fit.
public protocol Judge: Sendable {
    /// Who it is.
    var identity: JudgeIdentity { get }

    /// The answer to one prompt. Throws when there is none.
    func answer(system: String, user: String) async throws -> String
}

/// Why a judge gave no usable answer.
public enum JudgeError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidEndpoint(String)
    case remoteNotAllowed(String)
    case wouldUseProxy(variable: String, host: String)
    case unreachable(String)
    case refused(status: Int, body: String)
    case notAChatReply(String)
    case malformedAnswer(String)

    public var description: String {
        switch self {
        case .invalidEndpoint(let text): "\"\(text)\" is not an http or https address."
        case .remoteNotAllowed(let host):
            "The judge at \(host) is not on this machine. Reports would leave it; allow that explicitly if you must."
        case .wouldUseProxy(let variable, let host):
            "The environment variable \(variable) would send the reports through a proxy. Unset it, or put \(host) into "
                + "no_proxy."
        case .unreachable(let reason): "The judge does not answer: \(reason)"
        case .refused(let status, let body): "The judge answered with HTTP status \(status): \(body)"
        case .notAChatReply(let what): "The judge's reply is not a chat completion: \(what)"
        case .malformedAnswer(let what): "The judge's answer does not have the form that was asked for: \(what)"
        }
    }
}

/// Counts over all questions to a judge.
public struct JudgeTally: Codable, Sendable, Equatable {
    /// Questions asked, and those that got a usable answer in the end.
    public internal(set) var questions = 0
    public internal(set) var answered = 0
    /// Replies in all, retries included, and how many of them could not be parsed.
    public internal(set) var replies = 0
    public internal(set) var malformed = 0
    /// Attempts that got no reply.
    public internal(set) var unreachable = 0

    /// The share of replies that could not be parsed; nil when there were none.
    public var parseFailureRate: Double? { replies > 0 ? Double(malformed) / Double(replies) : nil }

    mutating func add(_ outcome: JudgeOutcome<some Sendable>) {
        questions += 1
        if outcome.answer != nil { answered += 1 }
        replies += outcome.replies
        malformed += outcome.malformed
        unreachable += outcome.unreachable
    }
}

/// What came of one question.
struct JudgeOutcome<Answer: Sendable>: Sendable {
    var answer: Answer?
    var replies = 0
    var malformed = 0
    var unreachable = 0
    /// Why the last attempt failed.
    var failure: String?
}

/// Asks until an answer parses or the attempts are used up.
struct JudgeRunner: Sendable {
    let judge: any Judge
    let attempts: Int

    func ask<Answer: Sendable>(
        system: String, user: String, parse: @Sendable (String) throws(JudgeError) -> Answer
    ) async -> JudgeOutcome<Answer> {
        var outcome = JudgeOutcome<Answer>()
        for _ in 0..<max(1, attempts) {
            do {
                let reply = try await judge.answer(system: system, user: user)
                outcome.replies += 1
                do {
                    outcome.answer = try parse(reply)
                    outcome.failure = nil
                    return outcome
                } catch {
                    outcome.malformed += 1
                    outcome.failure = error.description
                }
            } catch {
                outcome.unreachable += 1
                outcome.failure = (error as? JudgeError)?.description ?? "\(error)"
            }
        }
        return outcome
    }

    /// Asks all questions, a few at a time, and gives the outcomes in the order of the questions.
    func askAll<Question: Sendable, Answer: Sendable>(
        _ questions: [Question], concurrency: Int,
        ask: @escaping @Sendable (Question) async -> JudgeOutcome<Answer>
    ) async -> [JudgeOutcome<Answer>] {
        await withTaskGroup(of: (Int, JudgeOutcome<Answer>).self) { group in
            var outcomes = [JudgeOutcome<Answer>?](repeating: nil, count: questions.count)
            var next = 0
            func start() {
                guard next < questions.count else { return }
                let index = next
                let question = questions[index]
                group.addTask { (index, await ask(question)) }
                next += 1
            }
            for _ in 0..<max(1, concurrency) { start() }
            for await (index, outcome) in group {
                outcomes[index] = outcome
                start()
            }
            return outcomes.compactMap { $0 }
        }
    }
}
