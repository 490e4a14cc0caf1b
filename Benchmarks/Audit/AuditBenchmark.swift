import ArgumentParser
import Audit
import Foundation
import GRDB

/// Measures the audit log: appending, bytes a record, first pages of every indexed query, verifying, and what appending
/// costs a reception.
@main
struct AuditBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the audit log: appending, size, queries, verifying, and its share of receiving.")

    @Option(help: "Records in the log; ten million take about a quarter of an hour and 7 GB.")
    var records = 200_000

    @Option(help: "Instances received, with and without audit.")
    var receptions = 200

    @Option(help: "Size of an instance.")
    var megabytes = 10

    @Option(help: "Where the log is made, and deleted afterwards; the temporary directory if not given.")
    var directory: String?

    func run() throws {
        let parent = directory.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
        let directory = parent.appendingPathComponent("audit-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try ReceptionBenchmark(directory: directory, receptions: receptions, megabytes: megabytes).run()
        try LogBenchmark(directory: directory, records: records).run()
    }
}

/// How long something takes, in seconds.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let elapsed = try ContinuousClock().measure(body)
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
}

/// The processor time something takes, in seconds: what one core would need, however busy the machine is.
func processorSeconds(_ body: () throws -> Void) rethrows -> Double {
    func used() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let begin = used()
    try body()
    return used() - begin
}

func report(_ name: String, _ value: String) {
    print(name.padding(toLength: 44, withPad: " ", startingAt: 0), value)
    // A long run shows what it has so far in a file, too.
    fflush(nil)
}
