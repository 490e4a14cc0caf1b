import ArgumentParser
import Evaluation
import Findings
import Foundation

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure drafts, scores and boxes against what people signed or marked.",
        discussion: """
            Inputs are JSON Lines (.jsonl), CSV (.csv, .tsv) or directories of DICOM SR. Rows that cannot be used are \
            named on standard error and counted; the run goes on without them.
            """,
        subcommands: [
            EvaluateReports.self, EvaluateClassification.self, EvaluateGrounding.self, EvaluateAnswers.self,
            ExtractFindings.self,
        ])
}

struct EvaluateReports: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reports",
        abstract: "Compare draft reports with signed reports: six types of error, labels, text metrics.",
        discussion: """
            Give one file with the columns id, reference, candidate and (optional) patient, or two sources with --reference \
            and --candidate: files with the columns id and text, or directories of DICOM SR matched by study.

              cxrgate evaluate reports pairs.csv --html report.html
              cxrgate evaluate reports --reference signed.jsonl --candidate drafts.jsonl
              cxrgate evaluate reports --reference signed-sr/ --candidate draft-sr/
            """)

    @Argument(help: "A file that holds reference and candidate side by side.")
    var pairs: String?

    @Option(help: "The signed reports: a file or a directory of DICOM SR.")
    var reference: String?

    @Option(help: "The drafts: a file or a directory of DICOM SR.")
    var candidate: String?

    @Option(help: "How labels that a report leaves open are counted: positive, negative or ignore.")
    var uncertain: UncertainPolicy = .positive

    @Option(help: "How many of the worst cases the HTML and JSON show with their texts.")
    var worst = 20

    @OptionGroup var arguments: EvaluationArguments
    @OptionGroup var judge: JudgeArguments

    func validate() throws {
        guard (pairs != nil) != (reference != nil && candidate != nil), (reference == nil) == (candidate == nil) else {
            throw ValidationError("Give either one file of pairs, or both --reference and --candidate.")
        }
    }

    func run() async throws {
        let input =
            if let pairs {
                try ReportPairs(URL(fileURLWithPath: pairs))
            } else {
                try ReportPairs(
                    reference: URL(fileURLWithPath: reference ?? ""), candidate: URL(fileURLWithPath: candidate ?? ""))
            }
        arguments.report(input.faults)
        guard !input.pairs.isEmpty else { throw CommandFailure("No pair of reports is left to compare.") }
        var options = arguments.options
        options.uncertain = uncertain
        options.worstCases = max(0, worst)
        let endpoint = try judge.endpoint()
        var evaluation = try ReportEvaluation.evaluate(input, extractor: FindingExtractor(), options: options)
        if let endpoint {
            evaluation.judge = try await JudgedReports.evaluate(
                input.pairs, by: endpoint, attempts: judge.judgeAttempts, concurrency: judge.judgeConcurrency,
                replicates: options.replicates, seed: options.seed)
        }
        try arguments.writeHTML(evaluation.html())
        if arguments.output.format == .json { return print(try evaluation.evaluationJSON()) }
        print(table(evaluation).text(as: arguments.output))
        if arguments.output.format == .table, let judged = evaluation.judge {
            let rate = judged.tally.parseFailureRate.map { String(format: "%.1f%%", $0 * 100) } ?? "-"
            print(
                "\nJudge \(judged.identity.model): \(judged.tally.answered) of \(judged.tally.questions) pairs judged, "
                    + "\(rate) of replies malformed.")
        }
    }

    private func table(_ evaluation: ReportEvaluation) -> Table {
        var table = Table.ofEstimates("Measure")
        table.add("Pairs of reports", count: evaluation.pairs)
        table.add("Reports without significant error", evaluation.withoutSignificantError)
        for row in evaluation.errors {
            table.add("\(row.kind.title), per report", row.perReport, count: row.total)
            table.add("\(row.kind.title), significant", row.significantPerReport, count: row.significant)
        }
        for score in evaluation.scores { table.add(score.name, score.estimate) }
        for labels in evaluation.labels {
            table.add("\(labels.set.rawValue) micro F1", labels.microF1)
            table.add("\(labels.set.rawValue) macro F1", labels.macroF1)
            for row in labels.rows where row.f1 != nil {
                table.add("\(labels.set.rawValue) F1: \(row.counts.label)", row.f1, count: row.counts.positives)
            }
        }
        if let judge = evaluation.judge {
            for row in judge.rows {
                table.add("Judge: \(row.kind.title), per report", row.perReport)
                table.add("Judge: \(row.kind.title), significant", row.significantPerReport)
            }
        }
        return table
    }
}

struct EvaluateClassification: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classification",
        abstract: "Compare scores with labels: AUROC, average precision, calibration.",
        discussion: """
            Give one file with the columns id, label, score, truth and (optional) patient, or two files with one row per \
            image and one column per label: 0 and 1 in --reference, scores in --scores. A truth that is empty or -1 is left out.

              cxrgate evaluate classification scores.csv
              cxrgate evaluate classification --reference labels.csv --scores predictions.csv --html report.html
            """)

    @Argument(help: "A file in long form.")
    var file: String?

    @Option(help: "The labels, one column each.")
    var reference: String?

    @Option(help: "The scores, one column per label.")
    var scores: String?

    @OptionGroup var arguments: EvaluationArguments

    func validate() throws {
        guard (file != nil) != (reference != nil && scores != nil), (reference == nil) == (scores == nil) else {
            throw ValidationError("Give either one file, or both --reference and --scores.")
        }
    }

    func run() throws {
        let table =
            if let file {
                try ScoreTable(URL(fileURLWithPath: file))
            } else {
                try ScoreTable(
                    reference: URL(fileURLWithPath: reference ?? ""), scores: URL(fileURLWithPath: scores ?? ""))
            }
        arguments.report(table.faults)
        let evaluation = ClassificationEvaluation.evaluate(table, options: arguments.options)
        try arguments.writeHTML(evaluation.html())
        if arguments.output.format == .json { return print(try evaluation.evaluationJSON()) }
        var rows = Table([
            .init("label", "Label"), .init("cases", "Cases"), .init("positives", "Positives"), .init("auroc", "AUROC"),
            .init("auroc_lower", "from"), .init("auroc_upper", "to"), .init("average_precision", "AP"),
            .init("ap_lower", "from"), .init("ap_upper", "to"), .init("calibration_error", "ECE"),
            .init("brier", "Brier"),
        ])
        func places(_ value: Double?) -> Table.Value { .decimal(value, places: 4) }
        for row in evaluation.rows {
            rows.add([
                .text(row.label), .integer(row.cases), .integer(row.positives), places(row.auroc?.value),
                places(row.auroc?.lower), places(row.auroc?.upper), places(row.averagePrecision?.value),
                places(row.averagePrecision?.lower), places(row.averagePrecision?.upper),
                places(row.calibrationError?.value), places(row.brierScore?.value),
            ])
        }
        rows.add([
            .text("macro"), .integer(nil), .integer(nil), places(evaluation.macroAUROC), places(nil), places(nil),
            places(evaluation.macroAveragePrecision), places(nil), places(nil), places(nil), places(nil),
        ])
        print(rows.text(as: arguments.output))
    }
}

struct EvaluateGrounding: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grounding",
        abstract: "Compare boxes with reference boxes: average precision, IoU, pointing accuracy.",
        discussion: """
            Files have the columns image, label, x0, y0, x1, y1 (or x, y, w, h), and optionally score and patient, in pixels \
            from the image's top-left corner; directories hold DICOM SR (TID 1500).

              cxrgate evaluate grounding --reference boxes.csv --predictions found.jsonl
            """)

    @Option(help: "The reference boxes.")
    var reference: String

    @Option(help: "The predicted boxes.")
    var predictions: String

    @Option(help: ArgumentHelp("Overlaps (IoU) from which a box counts as found, by commas.", valueName: "list"))
    var thresholds = "0.1,0.3,0.5,0.75"

    @Flag(help: "Take no notice of the predictions' confidences.")
    var ignoreConfidences = false

    @OptionGroup var arguments: EvaluationArguments

    private var overlaps: [Double] { thresholds.split(separator: ",").compactMap { Double($0) } }

    func validate() throws {
        guard !overlaps.isEmpty, overlaps.count == thresholds.split(separator: ",").count,
            overlaps.allSatisfy({ $0 > 0 && $0 <= 1 })
        else { throw ValidationError("--thresholds needs numbers above 0 and up to 1, such as 0.3,0.5.") }
    }

    func run() throws {
        let wanted = try BoxTable(URL(fileURLWithPath: reference))
        let found = try BoxTable(URL(fileURLWithPath: predictions))
        arguments.report(wanted.faults + found.faults)
        guard !wanted.boxes.isEmpty else { throw CommandFailure("There is no reference box to compare with.") }
        let evaluation = GroundingEvaluation.evaluate(
            references: wanted, predictions: found, thresholds: overlaps, usesConfidences: !ignoreConfidences,
            options: arguments.options)
        try arguments.writeHTML(evaluation.html())
        if arguments.output.format == .json { return print(try evaluation.evaluationJSON()) }
        var table = Table(
            [.init("label", "Label"), .init("boxes", "Boxes")]
                + overlaps.map { .init("ap_\($0)", "AP \($0)") }
                + [.init("mean_iou", "Mean IoU"), .init("pointing_accuracy", "Pointing")])
        for row in evaluation.rows {
            table.add(
                [.text(row.label ?? "all"), .integer(row.references)]
                    + row.averagePrecision.map { .decimal($0?.value, places: 4) }
                    + [.decimal(row.meanOverlap?.value, places: 4), .decimal(row.pointingAccuracy?.value, places: 4)])
        }
        print(table.text(as: arguments.output))
        if arguments.output.format == .table, !evaluation.hasScores {
            print("\nThe predictions are not ranked: AP is that of one operating point.")
        }
    }
}

struct EvaluateAnswers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answers",
        abstract: "Have a language model score answers to questions from 0 to 10.",
        discussion: """
            The file has the columns id, question, reference and answer.

              cxrgate evaluate answers answers.jsonl --judge http://127.0.0.1:8080/v1 --judge-model qwen
            """)

    @Argument(help: "Questions, right answers and the answers to be judged.")
    var file: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var judge: JudgeArguments

    func validate() throws {
        guard judge.judge != nil else { throw ValidationError("Give the judge's address with --judge.") }
    }

    func run() async throws {
        let input = try ConversationInput(URL(fileURLWithPath: file))
        for fault in input.faults { FileHandle.standardError.write(Data("not used: \(fault)\n".utf8)) }
        guard let endpoint = try judge.endpoint() else { return }
        let judged = try await JudgedConversation.evaluate(
            input.turns, by: endpoint, attempts: judge.judgeAttempts, concurrency: judge.judgeConcurrency)
        if output.format == .json { return print(try judged.evaluationJSON()) }
        var table = Table([.init("id", "Id"), .init("score", "Score"), .init("reason", "Reason", maximumWidth: 90)])
        for item in judged.cases {
            table.add([.text(item.id), .integer(item.score?.score), .text(item.score?.reason ?? item.failure)])
        }
        print(table.text(as: output))
        if output.format == .table {
            let mean = judged.mean.map { String(format: "%.2f", $0.value) } ?? "-"
            print(
                "\nMean \(mean); \(judged.tally.answered) of \(judged.tally.questions) judged, "
                    + "\(judged.tally.malformed) of \(judged.tally.replies) replies malformed.")
        }
        if judged.tally.answered == 0 { throw CommandFailure("The judge gave no usable answer.") }
    }
}

struct ExtractFindings: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Show the findings that are read out of a report's text.",
        discussion: "Reads a text file, or standard input when the name is - (the default).")

    @Argument(help: "A text file.")
    var file = "-"

    @OptionGroup var output: OutputOptions

    func run() throws {
        let data =
            file == "-"
            ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(fileURLWithPath: file))
        guard let report = String(validating: data, as: UTF8.self) else {
            throw CommandFailure("\(file == "-" ? "Standard input" : file) is not UTF-8 text.")
        }
        var table = Table(
            [
                .init("finding", "Finding"), .init("polarity", "Polarity"), .init("certainty", "Certainty"),
                .init("side", "Side"), .init("site", "Site"), .init("severity", "Severity"),
                .init("comparison", "Comparison"), .init("start", "Start"), .init("end", "End"),
                .init("words", "Words"),
            ], emptyNote: "The text states no finding.")
        for statement in try FindingExtractor().statements(in: report) {
            table.add([
                .text(statement.finding), .text(statement.polarity.rawValue), .text(statement.certainty?.rawValue),
                .text(statement.laterality?.rawValue), .text(statement.site), .text(statement.severity?.rawValue),
                .text(statement.temporality?.rawValue), .integer(statement.span.lowerBound),
                .integer(statement.span.upperBound), .text(statement.words(in: report)),
            ])
        }
        print(table.text(as: output))
    }
}

extension Table {
    /// A table of figures with their intervals.
    fileprivate static func ofEstimates(_ title: String) -> Table {
        Table([
            .init("measure", title), .init("value", "Value"), .init("lower", "95% from"), .init("upper", "to"),
            .init("count", "Count"),
        ])
    }

    fileprivate mutating func add(_ name: String, _ estimate: Estimate? = nil, count: Int? = nil) {
        add([
            .text(name), .decimal(estimate?.value, places: 4), .decimal(estimate?.lower, places: 4),
            .decimal(estimate?.upper, places: 4), .integer(count),
        ])
    }
}
