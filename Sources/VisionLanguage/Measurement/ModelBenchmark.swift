import Foundation
import Tensors

/// Speeds of one model on this machine, medians of several repetitions.
public struct ModelBenchmark: Sendable, Codable {
    /// What is measured.
    public struct Plan: Sendable {
        /// Lengths of the prompts that are read, in tokens.
        public var promptTokens: [Int]
        /// Tokens that are generated after each.
        public var generatedTokens: Int
        /// Sequences that decode together; 1 for none.
        public var batch: Int
        public var repetitions: Int
        /// Whether an image of the encoder's kind is encoded.
        public var encodesImage: Bool

        public init(
            promptTokens: [Int] = [512], generatedTokens: Int = 32, batch: Int = 4, repetitions: Int = 3,
            encodesImage: Bool = true
        ) {
            self.promptTokens = promptTokens
            self.generatedTokens = generatedTokens
            self.batch = batch
            self.repetitions = repetitions
            self.encodesImage = encodesImage
        }
    }

    /// One prompt length.
    public struct Row: Sendable, Codable {
        public var promptTokens: Int
        public var prefillTokensPerSecond: Double
        public var decodeTokensPerSecond: Double
        /// All sequences together.
        public var batchTokensPerSecond: Double
        /// Memory bandwidth of a fixed product just before, to tell a slow model from a slow moment.
        public var probeGigabytesPerSecond: Double
    }

    public var family: String
    public var threads: Int
    /// Instruction level of the kernels.
    public var level: String
    /// From pixels to the vectors that take the image's place; nil where none was encoded.
    public var encodeMilliseconds: Double?
    public var imageTokens: Int?
    public var batch: Int
    public var rows: [Row]
    /// Resident memory of the process at the end.
    public var residentBytes: Int

    /// Measures a model.
    ///
    /// - Throws: ``GenerationError/promptTooLong(tokens:allowed:)``, `CancellationError`.
    @ModelCompute
    public static func run(_ model: VisionLanguageModel, plan: Plan) throws -> ModelBenchmark {
        var encode: Double?
        var imageTokens: Int?
        if plan.encodesImage {
            let image = try testImage()
            let times = try (0..<plan.repetitions).map { _ in
                try milliseconds { imageTokens = try model.encode(image).tokenCount }
            }
            encode = median(times)
        }
        let rows = try plan.promptTokens.map { try row(model, plan: plan, promptTokens: $0) }
        return ModelBenchmark(
            family: model.family, threads: Compute.threads, level: "\(Compute.level)", encodeMilliseconds: encode,
            imageTokens: imageTokens, batch: plan.batch, rows: rows, residentBytes: residentBytes())
    }

    @ModelCompute
    private static func row(_ model: VisionLanguageModel, plan: Plan, promptTokens: Int) throws -> Row {
        guard promptTokens > 0, promptTokens + plan.generatedTokens < model.maximumPositions else {
            throw GenerationError.promptTooLong(tokens: promptTokens, allowed: model.maximumPositions)
        }
        let vocabulary = model.architecture.decoder.vocabularySize
        // Scattered over the vocabulary, the same each time.
        let prompt = Prompt(tokens: (0..<promptTokens).map { ($0 &* 7919 &+ 13) % vocabulary }, runs: [])
        var (prefill, decode, together, probes): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
        for _ in 0..<plan.repetitions {
            try Task.checkCancellation()
            probes.append(probe())
            let session = DecodingSession(model: model)
            prefill.append(Double(promptTokens) * 1000 / (try milliseconds { try session.read(prompt) }))
            let tokens = (0..<plan.generatedTokens).map { ($0 &* 104_729 &+ 7) % vocabulary }
            let single = try milliseconds {
                for token in tokens {
                    try Task.checkCancellation()
                    _ = DecodingSession.advance([session], by: [token]).argmax(row: 0)
                }
            }
            decode.append(Double(tokens.count) * 1000 / single)
            guard plan.batch > 1 else { continue }
            let sessions = (0..<plan.batch).map { _ in session.fork() }
            let steps = max(tokens.count / 2, 1)
            let shared = try milliseconds {
                for token in tokens.prefix(steps) {
                    try Task.checkCancellation()
                    let logits = DecodingSession.advance(sessions, by: sessions.map { _ in token })
                    for row in sessions.indices { _ = logits.argmax(row: row) }
                }
            }
            together.append(Double(steps * plan.batch) * 1000 / shared)
        }
        return Row(
            promptTokens: promptTokens, prefillTokensPerSecond: median(prefill), decodeTokensPerSecond: median(decode),
            batchTokensPerSecond: median(together), probeGigabytesPerSecond: median(probes))
    }

    /// A chest-like gradient, larger than any encoder's view.
    private static func testImage() throws -> ImageBuffer {
        let (width, height) = (1024, 1100)
        let samples = (0..<width * height).map { UInt8(truncatingIfNeeded: ($0 % width) / 5 + ($0 / width) / 9) }
        return try ImageBuffer(width: width, height: height, channels: 1, samples: samples)
    }

    private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let elapsed = try ContinuousClock().measure(body)
        return Double(elapsed.components.seconds) * 1000 + Double(elapsed.components.attoseconds) * 1e-15
    }

    /// Memory bandwidth of a matrix-vector product over 128 MB of 8-bit weights.
    private static func probe() -> Double {
        let (rows, columns) = (32_768, 4096)
        let weight = WeightMatrix(rows: rows, columns: columns, format: .q8) { range, target in
            for index in 0..<range.count * columns { target[index] = Float(index & 7) }
        }
        let layer = Linear(weight: weight, activation: .int8)
        let x = Matrix(rows: 1, columns: columns)
        _ = layer(x)
        let time = median((0..<5).map { _ in milliseconds { _ = layer(x) } })
        return Double(rows * columns) * 1.0625 / time / 1e6
    }

    private static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        return values.sorted()[values.count / 2]
    }

    /// `VmRSS` of Linux; 0 elsewhere.
    private static func residentBytes() -> Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
        else { return 0 }
        return kilobytes * 1024
    }
}
