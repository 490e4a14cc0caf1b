import Evaluation
import Foundation

/// Reports per second for extraction, error counting and the text metrics on one core, beside sacrebleu and rouge-score
/// on the same pairs when a Python with both is there: `swift run -c release EvaluationBenchmark [pairs]`.
@main
struct EvaluationBenchmark {
    private static let sentences = [
        "The heart is mildly enlarged.", "Heart size and mediastinal contours are within normal limits.",
        "No focal consolidation, pleural effusion, or pneumothorax.", "Small left pleural effusion, unchanged.",
        "There is a new opacity in the right lower lobe, which may represent pneumonia.",
        "Bibasilar atelectasis is again noted.", "Right internal jugular central line with tip in the SVC.",
        "The lungs are clear.", "No evidence of acute fracture.", "Interval resolution of the left pneumothorax.",
        "Moderate pulmonary edema, improved from the prior study.", "A 9 mm nodule is seen in the left upper lobe.",
        "Endotracheal tube terminates 4 cm above the carina.", "Degenerative changes of the thoracic spine.",
        "Superimposed infection cannot be excluded in the appropriate clinical setting.",
        "Low lung volumes with bronchovascular crowding.", "Median sternotomy wires are intact.",
    ]

    private var generator = RandomSource(seed: 7)

    static func main() throws {
        var benchmark = EvaluationBenchmark()
        try benchmark.run(pairs: CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 20_000)
    }

    private mutating func report() -> String {
        let body = (0..<(5 + generator.next(below: 6))).map { _ in
            Self.sentences[generator.next(below: Self.sentences.count)]
        }
        return "INDICATION: Cough, evaluate for pneumonia.\n\nFINDINGS: " + body.joined(separator: " ")
            + "\n\nIMPRESSION: " + body[0]
    }

    private func measure(_ name: String, per unit: String, _ amount: Int, _ body: () -> Double) -> Double {
        let start = ContinuousClock.now
        let checksum = body()
        let seconds = start.duration(to: .now) / .seconds(1)
        let rate = String(format: "%.0f", Double(amount) / seconds)
        print("\(name): \(rate) \(unit) per second, \(String(format: "%.1f", seconds)) s (checksum \(checksum))")
        return seconds
    }

    private mutating func run(pairs count: Int) throws {
        var pairs: [(reference: String, candidate: String)] = []
        for _ in 0..<count { pairs.append((report(), report())) }
        let bytes = pairs.reduce(0) { $0 + $1.reference.utf8.count + $1.candidate.utf8.count }
        print("\(count) pairs of reports, \(bytes / (2 * count)) bytes each, one core")

        let extractor = try FindingExtractor()
        let counter = try ErrorCounter(extractor: extractor)
        _ = measure("Extraction", per: "reports", 2 * count) {
            pairs.reduce(0) {
                $0 + Double(extractor.statements(in: $1.reference).count + extractor.statements(in: $1.candidate).count)
            }
        }
        let counting = measure("Extraction and error count", per: "pairs", count) {
            pairs.reduce(0) {
                $0 + Double(counter.count(reference: $1.reference, candidate: $1.candidate).errors.count)
            }
        }
        print(String(format: "A site's year of 200,000 pairs: %.1f minutes", counting / Double(count) * 200_000 / 60))

        let some = Array(pairs.prefix(2_000))
        let bleu = measure("BLEU-4", per: "pairs", some.count) { BLEU.corpus(some, order: 4) }
        let rouge = measure("ROUGE-L", per: "pairs", some.count) {
            some.reduce(0) { $0 + ROUGE.l(reference: $1.reference, candidate: $1.candidate) }
        }
        try compare(some, bleu: bleu, rouge: rouge)
    }

    private func compare(
        _ some: [(reference: String, candidate: String)], bleu: Double, rouge: Double
    ) throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let python =
            ProcessInfo.processInfo.environment["CXRGATE_PYTHON"]
            ?? package.appendingPathComponent(".venv/bin/python3").path
        if FileManager.default.isExecutableFile(atPath: python) {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("pairs-\(UUID().uuidString).json")
            try JSONEncoder().encode(some.map { [$0.reference, $0.candidate] }).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            let peer = Process()
            peer.executableURL = URL(fileURLWithPath: python)
            peer.arguments = [package.appendingPathComponent("Benchmarks/Evaluation/peer.py").path, file.path]
            let output = Pipe()
            peer.standardOutput = output
            try peer.run()
            let data = output.fileHandleForReading.readDataToEndOfFile()
            peer.waitUntilExit()
            if let seconds = try? JSONDecoder().decode([String: Double].self, from: data) {
                print(String(format: "sacrebleu takes %.1f times as long for BLEU-4", (seconds["bleu"] ?? 0) / bleu))
                print(
                    String(format: "rouge-score takes %.1f times as long for ROUGE-L", (seconds["rouge"] ?? 0) / rouge))
            } else {
                print("The peer did not run: sacrebleu and rouge-score are needed in \(python).")
            }
        } else {
            print("No Python with sacrebleu and rouge-score: set CXRGATE_PYTHON to compare with them.")
        }
    }
}
