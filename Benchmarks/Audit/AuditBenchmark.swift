import Audit
import Cryptography
import Foundation
import GRDB

/// Measures the audit log: appending, bytes a record, first pages of every indexed query, verifying, and what appending
/// costs a reception.
///
///     swift run -c release AuditBenchmark [--records 200000] [--directory DIR] [--receptions 200] [--megabytes 10]
@main
struct AuditBenchmark {
    static func main() async throws {
        let options = try Options(CommandLine.arguments.dropFirst())
        let directory = options.directory.appendingPathComponent("audit-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try ReceptionBenchmark(directory: directory, receptions: options.receptions, megabytes: options.megabytes).run()
        try LogBenchmark(directory: directory, records: options.records).run()
    }
}

/// The benchmark's parameters.
struct Options {
    var records = 200_000
    var receptions = 200
    var megabytes = 10
    var directory = FileManager.default.temporaryDirectory

    struct BadUsage: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: some Collection<String>) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw BadUsage(description: "\(name) needs a value") }
            switch name {
            case "--records": records = Int(value) ?? records
            case "--receptions": receptions = Int(value) ?? receptions
            case "--megabytes": megabytes = Int(value) ?? megabytes
            case "--directory": directory = URL(fileURLWithPath: value)
            default: throw BadUsage(description: "there is no option \(name)")
            }
        }
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
