import Findings
import Foundation
import Results
import TestSupport

/// Times all objects of one study and prints their sizes: `ResultsBenchmark [ROWS COLUMNS [ROUNDS]]`.
///
/// The peer in the same run is writing the overlay's bytes alone, the least that any overlay costs.
@main
struct ResultsBenchmark {
    static func main() throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        var picture = SyntheticRadiograph()
        (picture.rows, picture.columns) = numbers.count >= 2 ? (numbers[0], numbers[1]) : (2500, 2048)
        let rounds = numbers.count >= 3 ? numbers[2] : 5
        let study = SampleStudy.manyRegions(picture)
        let scratch = try ScratchDirectory()
        let source = try picture.write(named: "source", in: scratch.url)
        var rows: [(name: String, seconds: Double, bytes: Int)] = []
        var all = ResultOptions(kinds: Set(ResultKind.allCases))
        rows.append(try measure("all objects", study, source, all, rounds, scratch))
        for kind in ResultKind.allCases {
            all.kinds = [kind]
            rows.append(try measure(kind.rawValue, study, source, all, rounds, scratch))
        }
        let overlay = try Data(contentsOf: scratch.url.appendingPathComponent("overlay-1.dcm"))
        let copy = scratch.url.appendingPathComponent("copy")
        let peer = try seconds(rounds) { try overlay.write(to: copy) }
        rows.append(("writing the overlay's bytes", peer, overlay.count))
        print(
            "\(picture.columns) x \(picture.rows), \(study.reading.findings.flatMap(\.regions).count) regions, median of \(rounds)"
        )
        for row in rows {
            let name = row.name.padding(toLength: 30, withPad: " ", startingAt: 0)
            print(name + String(format: "%8.3f s %12d bytes  %6.1f x", row.seconds, row.bytes, row.seconds / peer))
        }
    }

    private static func measure(
        _ name: String, _ study: SampleStudy, _ source: URL, _ options: ResultOptions, _ rounds: Int,
        _ scratch: ScratchDirectory
    ) throws -> (String, Double, Int) {
        let builder = ResultBuilder(identity: GatewayIdentity(serialNumber: "1"), options: options)
        var objects: [ResultObject] = []
        let time = try seconds(rounds) {
            // Opening and decoding the source belong to the work.
            objects = try builder.build(
                study.reading, sources: [SourceInstance(contentsOf: source)], instant: Date(timeIntervalSince1970: 0),
                into: scratch.url)
        }
        let bytes = try objects.reduce(0) { sum, object in
            try sum + (object.file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
        }
        return (name, time, bytes)
    }

    /// The median of several runs.
    private static func seconds(_ rounds: Int, _ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let times = try (0..<max(1, rounds)).map { _ in try clock.measure(body) }.sorted()
        let median = times[times.count / 2]
        return Double(median.components.seconds) + Double(median.components.attoseconds) * 1e-18
    }
}
