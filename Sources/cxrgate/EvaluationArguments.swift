import ArgumentParser
import Evaluation
import Foundation

/// Options that every evaluation has.
struct EvaluationArguments: ParsableArguments {
    @OptionGroup var output: OutputOptions

    @Option(help: "Also write a self-contained HTML report to this file.")
    var html: String?

    @Option(help: "Bootstrap replicates for the 95% intervals; 0 for none.")
    var bootstrap = 1000

    @Option(help: "Seed of the bootstrap: same seed, same intervals.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (0...100_000).contains(bootstrap) else { throw ValidationError("--bootstrap must be 0 to 100000.") }
    }

    var options: EvaluationOptions { EvaluationOptions(replicates: bootstrap, seed: seed) }

    func writeHTML(_ text: @autoclosure () -> String) throws {
        guard let html else { return }
        try Data(text().utf8).write(to: URL(fileURLWithPath: html), options: .atomic)
        note("The HTML report is in \(html).")
    }

    /// Names the first faults of each kind and counts the rest.
    func report(_ faults: [InputFault]) {
        for (kind, group) in Dictionary(grouping: faults, by: \.kind).sorted(by: { $0.key.rawValue < $1.key.rawValue })
        {
            note("\(group.count) not used (\(kind.rawValue)):")
            for fault in group.prefix(3) { note("  \(fault)") }
            if group.count > 3 { note("  and \(group.count - 3) more") }
        }
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}

/// Options of evaluations that can ask a language model.
struct JudgeArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "OpenAI-compatible endpoint of a language model as judge, such as http://127.0.0.1:8080/v1. Off by default.",
            valueName: "url"))
    var judge: String?

    @Option(help: "The judge's model name.")
    var judgeModel = "default"

    @Option(help: "Attempts per question before it counts as unanswered.")
    var judgeAttempts = 3

    @Option(help: "Questions asked at the same time.")
    var judgeConcurrency = 1

    @Option(help: "Environment variable that holds the endpoint's bearer token.")
    var judgeKeyVariable = "CXRGATE_JUDGE_KEY"

    @Flag(help: "Allow a judge on another machine. The reports are sent there.")
    var allowRemoteJudge = false

    func endpoint() throws -> ChatEndpoint? {
        guard let judge else { return nil }
        return try ChatEndpoint(
            base: judge, model: judgeModel, key: ProcessInfo.processInfo.environment[judgeKeyVariable],
            allowsRemote: allowRemoteJudge)
    }
}

extension UncertainPolicy: ExpressibleByArgument {}
