/// A judge's error counts over pairs of reports.
public struct JudgedReports: Codable, Sendable, Equatable {
    /// One pair; `errors` is nil when the judge gave no usable answer.
    public struct Case: Codable, Sendable, Equatable {
        public let id: String
        public let errors: [JudgedError]?
        public let failure: String?
    }

    /// Who judged.
    public let identity: JudgeIdentity
    /// The version of the prompt.
    public let promptVersion: String
    /// How well that went.
    public let tally: JudgeTally
    /// In the order of the pairs.
    public let cases: [Case]

    /// Errors of each kind per judged report, with intervals; nil when none was judged.
    public let rows: [Row]

    /// One of the six types.
    public struct Row: Codable, Sendable, Equatable {
        public let kind: ReportErrorKind
        public let perReport: Estimate?
        public let significantPerReport: Estimate?
    }

    /// Errors of a kind per judged report; nil when none was judged.
    public func mean(_ kind: ReportErrorKind) -> Double? { rows.first { $0.kind == kind }?.perReport?.value }

    private static func rows(
        _ judged: [(patient: String?, errors: [JudgedError])], replicates: Int, seed: UInt64
    ) -> [Row] {
        let hasPatients = judged.contains { $0.patient != nil }
        let bootstrap = Bootstrap(
            rows: judged.count, clusters: hasPatients ? judged.map(\.patient) : nil, replicates: replicates, seed: seed)
        return ReportErrorKind.allCases.map { kind in
            let all = judged.map { Double($0.errors.count { $0.type == kind }) }
            let significant = judged.map { Double($0.errors.count { $0.type == kind && $0.significant }) }
            let estimates = bootstrap.estimates { [weightedMean(all, $0), weightedMean(significant, $0)] }
            return Row(kind: kind, perReport: estimates[0], significantPerReport: estimates[1])
        }
    }

    /// Has a judge count the errors of each pair. Throws only when the prompt is not installed.
    public static func evaluate(
        _ pairs: [ReportPair], by judge: any Judge, attempts: Int = 3, concurrency: Int = 1,
        replicates: Int = 1000, seed: UInt64 = 1
    ) async throws -> JudgedReports {
        let runner = JudgeRunner(judge: judge, attempts: attempts)
        let questions = try pairs.map { try JudgePrompts.errors(reference: $0.reference, candidate: $0.candidate) }
        let outcomes = await runner.askAll(questions, concurrency: concurrency) { question in
            await runner.ask(system: question.system, user: question.user, parse: JudgePrompts.parseErrors)
        }
        var tally = JudgeTally()
        for outcome in outcomes { tally.add(outcome) }
        return JudgedReports(
            identity: judge.identity, promptVersion: JudgePrompts.version, tally: tally,
            cases: zip(pairs, outcomes).map { Case(id: $0.id, errors: $1.answer, failure: $1.failure) },
            rows: rows(
                zip(pairs, outcomes).compactMap { pair, outcome in outcome.answer.map { (pair.patient, $0) } },
                replicates: replicates, seed: seed))
    }
}

/// A judge's scores over answers to questions.
public struct JudgedConversation: Codable, Sendable, Equatable {
    /// One turn; `score` is nil when the judge gave no usable answer.
    public struct Case: Codable, Sendable, Equatable {
        public let id: String
        public let score: ConversationScore?
        public let failure: String?
    }

    /// Who judged.
    public let identity: JudgeIdentity
    /// The version of the prompt.
    public let promptVersion: String
    /// How well that went.
    public let tally: JudgeTally
    /// In the order of the turns.
    public let cases: [Case]
    /// The mean score, 0...10, with its interval; nil when nothing was judged.
    public let mean: Estimate?

    /// Has a judge score each answer. Throws only when the prompt is not installed.
    public static func evaluate(
        _ turns: [ConversationTurn], by judge: any Judge, attempts: Int = 3, concurrency: Int = 1,
        replicates: Int = 1000, seed: UInt64 = 1
    ) async throws -> JudgedConversation {
        let runner = JudgeRunner(judge: judge, attempts: attempts)
        let questions = try turns.map { try JudgePrompts.conversation($0) }
        let outcomes = await runner.askAll(questions, concurrency: concurrency) { question in
            await runner.ask(system: question.system, user: question.user, parse: JudgePrompts.parseScore)
        }
        var tally = JudgeTally()
        for outcome in outcomes { tally.add(outcome) }
        let scores = outcomes.compactMap { $0.answer.map { Double($0.score) } }
        let bootstrap = Bootstrap(rows: scores.count, replicates: replicates, seed: seed)
        return JudgedConversation(
            identity: judge.identity, promptVersion: JudgePrompts.version, tally: tally,
            cases: zip(turns, outcomes).map { Case(id: $0.id, score: $1.answer, failure: $1.failure) },
            mean: scores.isEmpty ? nil : bootstrap.estimate { weightedMean(scores, $0) })
    }
}

/// The mean of values, each counted `weights` times.
func weightedMean(_ values: [Double], _ weights: [Int]?) -> Double? {
    guard let weights else { return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }
    var sum = 0.0
    var count = 0
    for index in values.indices {
        sum += values[index] * Double(weights[index])
        count += weights[index]
    }
    return count > 0 ? sum / Double(count) : nil
}
