import ArgumentParser
import Foundation
import Tensors
import VisionLanguage

/// `cxrgate model …`: what is in a model directory, and what can be done with it.
struct ModelCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Inspect, check, convert, quantise and measure models.",
        subcommands: [
            ModelInfo.self, ModelVerify.self, ModelConvert.self, ModelQuantize.self, ModelBenchmarkCommand.self,
        ])
}

/// How a command prints its result.
enum ModelOutput: String, ExpressibleByArgument, CaseIterable {
    case table, json

    func print(_ value: some Encodable, table: () -> String) throws {
        switch self {
        case .table: Swift.print(table())
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
        }
    }
}

struct ModelInfo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Load a model directory and describe it.")

    @Argument(help: "The model directory.", completion: .directory)
    var directory: String

    @Option(help: "table or json.")
    var format = ModelOutput.table

    func run() throws {
        let model = try VisionLanguageModel.load(directory: URL(fileURLWithPath: directory))
        let info = try model.description()
        try format.print(info) {
            let types = info.bytesByType.sorted { $0.key < $1.key }.map { "\($0.key) \(megabytes($0.value))" }
            return rows([
                ("family", info.family),
                ("language model", millions(info.languageParameters)),
                ("vision and the rest", millions(info.visionParameters)),
                ("weights", "\(megabytes(info.weightBytes)) (\(types.joined(separator: ", ")))"),
                ("vocabulary", "\(info.vocabularySize)"), ("context", "\(info.maximumPositions) positions"),
                ("cache", "\(megabytes(info.cacheBytesPerPosition * 1024)) per 1,024 positions"),
                ("images", "up to \(info.maximumImages)"), ("synthesis", info.synthesizes ? "yes" : "no"),
            ])
        }
    }
}

struct ModelVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check a model directory against its digests and its architecture.",
        discussion: "Exit code 1 names the first file or tensor at fault.")

    @Argument(help: "The model directory.", completion: .directory)
    var directory: String

    @Flag(help: "Write SHA256SUMS for the directory as it is now instead of comparing with it.")
    var write = false

    func run() throws {
        let url = URL(fileURLWithPath: directory)
        _ = try VisionLanguageModel.load(directory: url)
        if write {
            let digests = try ModelManifest.digests(of: url)
            try ModelManifest.write(digests, to: url)
            print("\(digests.count) digests written, together \(ModelManifest.digest(ofLines: digests))")
        } else {
            let files = try ModelManifest.verify(url)
            print("\(files.count) files are unchanged; every tensor fits the architecture")
        }
    }
}

struct ModelConvert: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Convert LLaVA-Rad's published pickles to a model directory.",
        discussion: """
            Runs Training/convert/llava_rad.py in a Python environment with PyTorch (Training/convert/requirements.txt). \
            Pickles are read with PyTorch's tensors-only reader; LoRA is merged into the base model.
            """)

    @Option(help: "The Vicuna 7B v1.5 directory.", completion: .directory)
    var base: String

    @Option(help: "The directory with adapter_model.bin and non_lora_trainables.bin.", completion: .directory)
    var adapter: String

    @Option(help: "The vision tower, biomedclipcxr_518_checkpoint.pt.", completion: .file())
    var vision: String

    @Option(help: "The directory to write.", completion: .directory)
    var output: String

    @Option(help: "float32, float16 or bfloat16.")
    var dtype = "bfloat16"

    @Option(help: "The Python with PyTorch; CXRGATE_PYTHON or .venv/bin/python3 by default.", completion: .file())
    var python: String?

    @Option(help: "The conversion script.", completion: .file())
    var script = "Training/convert/llava_rad.py"

    func run() throws {
        let python = python ?? ProcessInfo.processInfo.environment["CXRGATE_PYTHON"] ?? ".venv/bin/python3"
        for (file, remedy) in [
            (python, "make an environment with Training/convert/requirements.txt and pass --python"),
            (script, "run from the repository or pass --script"),
        ] where !FileManager.default.fileExists(atPath: file) {
            throw ValidationError("\(file) is missing: \(remedy)")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [
            script, "--base", base, "--adapter", adapter, "--vision", vision, "--output", output, "--dtype", dtype,
        ]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ExitCode.failure }
    }
}

struct ModelQuantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize", abstract: "Write a model directory with 8-bit or 4-bit weights, loaded by mapping.")

    @Argument(help: "The model directory.", completion: .directory)
    var source: String

    @Argument(help: "The directory to write; must not exist.", completion: .directory)
    var target: String

    @Option(help: "The language model's weights: q4 or q8.")
    var language = WeightFormat.q4

    @Option(help: "Vision encoder and projector: q8, or float32 to leave them as they are.")
    var vision = WeightFormat.q8

    func run() throws {
        guard language.isQuantized else { throw ValidationError("--language is q4 or q8") }
        let target = URL(fileURLWithPath: target)
        var shown = -1
        try QuantizedCheckpoint.write(
            from: URL(fileURLWithPath: source), to: target,
            formats: .init(language: language, vision: vision)
        ) { share in
            let percent = Int(share * 100)
            if percent > shown, isatty(STDERR_FILENO) == 1 {
                FileHandle.standardError.write(Data("\r\(percent) %".utf8))
                shown = percent
            }
        }
        if shown >= 0 { FileHandle.standardError.write(Data("\r".utf8)) }
        let digests = try ModelManifest.digests(of: target)
        try ModelManifest.write(digests, to: target)
        print("wrote \(target.path), digest \(ModelManifest.digest(ofLines: digests))")
    }
}

struct ModelBenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Measure reading, generating and encoding on this machine.")

    @Argument(help: "The model directory.", completion: .directory)
    var directory: String

    @Option(parsing: .upToNextOption, help: "Lengths of the prompts that are read.")
    var promptTokens = [512]

    @Option(help: "Tokens generated after each prompt.")
    var tokens = 32

    @Option(help: "Sequences that decode together.")
    var batch = 4

    @Option(help: "Repetitions; medians are shown.")
    var repetitions = 3

    @Option(help: "Threads; all cores by default.")
    var threads: Int?

    @Option(help: "Format of the language model's weights at loading; as in the file by default.")
    var language: WeightFormat?

    @Option(help: "Format of the vision encoder's weights at loading; as in the file by default.")
    var vision: WeightFormat?

    @Option(help: "Precision of the activations: float32, bfloat16 or int8.")
    var activation = ActivationFormat.int8

    @Flag(help: "Leave the vision encoder out.")
    var noImage = false

    @Option(help: "table or json.")
    var format = ModelOutput.table

    func validate() throws {
        guard repetitions > 0, tokens > 0, batch > 0, promptTokens.allSatisfy({ $0 > 0 }) else {
            throw ValidationError("counts must be positive")
        }
    }

    func run() async throws {
        if let threads { Compute.threads = threads }
        let options = LoadingOptions(
            languageFormat: language, visionFormat: vision, languageActivation: activation,
            visionActivation: activation)
        let clock = ContinuousClock.now
        let model = try VisionLanguageModel.load(directory: URL(fileURLWithPath: directory), options: options)
        let loading = ContinuousClock.now - clock
        let plan = ModelBenchmark.Plan(
            promptTokens: promptTokens, generatedTokens: tokens, batch: batch, repetitions: repetitions,
            encodesImage: !noImage)
        let result = try await ModelBenchmark.run(model, plan: plan)
        try format.print(result) {
            var lines = [
                ("family", result.family), ("kernels", "\(result.level), \(result.threads) threads"),
                ("loading", "\(loading)"), ("memory", megabytes(result.residentBytes)),
            ]
            if let encode = result.encodeMilliseconds {
                lines.append(("image", String(format: "%.0f ms, %d tokens", encode, result.imageTokens ?? 0)))
            }
            for row in result.rows {
                lines.append(
                    (
                        "\(row.promptTokens) tokens",
                        String(
                            format: "read %.1f/s, generate %.2f/s, %d together %.2f/s (memory %.1f GB/s)",
                            row.prefillTokensPerSecond, row.decodeTokensPerSecond, result.batch,
                            row.batchTokensPerSecond, row.probeGigabytesPerSecond)
                    ))
            }
            return rows(lines)
        }
    }
}

extension WeightFormat: ExpressibleByArgument {}
extension ActivationFormat: ExpressibleByArgument {}

private func millions(_ count: Int) -> String { String(format: "%.2f M parameters", Double(count) / 1e6) }

private func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }

private func rows(_ pairs: [(String, String)]) -> String {
    let width = pairs.map(\.0.count).max() ?? 0
    return pairs.map { $0.0.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.1 }
        .joined(separator: "\n")
}
