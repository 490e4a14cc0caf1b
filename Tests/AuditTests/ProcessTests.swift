import Foundation
import GRDB
import Testing

@testable import Audit

/// With other processes: `AuditAppender` of these tests, and the `cxrgate` command line.
struct ProcessTests {
    /// Executables are built beside the tests.
    private func executable(_ name: String) throws -> URL {
        let directory = URL(
            fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        )
        .deletingLastPathComponent()
        // `swift test` runs the tests from a helper of the toolchain; their bundle's directory is then the right one.
        let places = [directory, Bundle.module.bundleURL.deletingLastPathComponent()]
        let found = places.map { $0.appendingPathComponent(name) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        return try #require(found, "\(name) is not beside the tests; build the package's products first")
    }

    private func launch(_ name: String, _ arguments: [String]) throws -> (Process, Pipe) {
        let process = Process()
        process.executableURL = try executable(name)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        return (process, pipe)
    }

    private func makeFixture() throws -> AuditFixture {
        let fixture = try AuditFixture()
        try fixture.pool.write { try $0.execute(sql: "CREATE TABLE appended (name TEXT, number INTEGER)") }
        return fixture
    }

    @Test func killNineInTheMiddleOfAppendsLosesNothingAcknowledged() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let fixture = try makeFixture()
        var total = 0
        for round in 0..<6 {
            let (process, pipe) = try launch("AuditAppender", [fixture.path, "round\(round)"])
            let due = Int.random(in: 1...60, using: &random)
            var output = Data()
            while output.count(where: { $0 == UInt8(ascii: "\n") }) < due {
                let piece = pipe.fileHandleForReading.availableData
                try #require(!piece.isEmpty, "the appender ended by itself")
                output += piece
            }
            usleep(UInt32.random(in: 0...3000, using: &random))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            output += pipe.fileHandleForReading.readDataToEndOfFile()
            let acknowledged = output.count(where: { $0 == UInt8(ascii: "\n") })
            let (rows, records) = try fixture.read { db in
                (
                    try Int.fetchAll(
                        db, sql: "SELECT number FROM appended WHERE name = ? ORDER BY number",
                        arguments: ["round\(round)"]),
                    try Int.fetchAll(
                        db,
                        sql: """
                            SELECT CAST(json_extract(detail, '$.details.number') AS INTEGER) FROM audit_record
                            WHERE source_ae = ? ORDER BY sequence
                            """,
                        arguments: ["round\(round)"])
                )
            }
            #expect(rows == records, "a row and its event live and die together; seed \(seed)")
            #expect(records == Array(0..<records.count), "no gap; seed \(seed)")
            #expect(records.count >= acknowledged, "nothing acknowledged is lost; seed \(seed)")
            total += records.count
        }
        let report = try fixture.verify()
        #expect(report.isSound, "\(report.faults), seed \(seed)")
        #expect(report.recordCount == Int64(total))
    }

    @Test func twoProcessesAndThisOneAppendToOneChain() throws {
        let fixture = try makeFixture()
        let others = try ["left", "right"].map { try launch("AuditAppender", [fixture.path, $0, "150"]) }
        for number in 0..<150 {
            try fixture.append([
                AuditEvent(.instanceRefused, source: Participant(aeTitle: "here"), details: ["number": String(number)])
            ])
        }
        for (process, pipe) in others {
            _ = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        let counts = try fixture.read {
            try Row.fetchAll(
                $0, sql: "SELECT source_ae, count(*) FROM audit_record GROUP BY 1 ORDER BY 1"
            ).map { "\($0[0] as String) \($0[1] as Int)" }
        }
        #expect(counts == ["here 150", "left 150", "right 150"])
        let report = try fixture.verify()
        #expect(report.isSound, "\(report.faults)")
        #expect(report.recordCount == 450)
    }

    @Test func readersSeeWholeTransactionsWhileAnotherProcessWrites() throws {
        let fixture = try makeFixture()
        let (process, pipe) = try launch("AuditAppender", [fixture.path, "writer", "400"])
        var reads = 0
        while process.isRunning {
            let (rows, records, report) = try fixture.read { db in
                (
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM appended") ?? -1,
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM audit_record") ?? -1,
                    try AuditVerifier().verify(db)
                )
            }
            #expect(rows == records)
            #expect(report.isSound)
            reads += 1
        }
        _ = pipe.fileHandleForReading.readDataToEndOfFile()
        #expect(process.terminationStatus == 0)
        #expect(reads > 1)
    }

    // MARK: The command line

    private func cxrgate(_ arguments: String...) throws -> Tool.Output {
        let process = Process()
        process.executableURL = try executable("cxrgate")
        process.arguments = ["audit"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Tool.Output(status: process.terminationStatus, text: String(decoding: data, as: UTF8.self))
    }

    @Test func theCommandLineAnswersInEveryForm() throws {
        let fixture = try AuditFixture()
        try fixture.append([
            AuditEvent(
                .instanceReceived, at: AuditTime(microseconds: 1_772_349_330_250_000),
                source: Participant(aeTitle: "CR,1"), patient: Patient(identifier: "P1", name: "Doe^Jane"),
                study: Study(uid: "1.2.3", accession: "A1")),
            AuditEvent(.associationRefused, outcome: .seriousFailure, description: "calling AE \"X\" not known"),
        ])
        let database = ["--database", fixture.path, "--as", "Dr. Audit"]
        func run(_ arguments: String...) throws -> String {
            let process = Process()
            process.executableURL = try executable("cxrgate")
            process.arguments = ["audit"] + arguments + database
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(arguments)")
            return String(decoding: data, as: UTF8.self)
        }
        let table = try run("query", "--patient", "P1", "--time-zone", "Europe/Amsterdam")
        #expect(table.contains("2026-03-01 08:15:30.250  instance-received  success"))
        #expect(table.contains("times in Europe/Amsterdam"))
        #expect(try run("query", "--study", "1.2.3", "--format", "csv").contains("P1,Doe^Jane,1.2.3,A1,\"CR,1\""))
        let line = try run("query", "--event", "110113", "--outcome", "failure", "--format", "jsonl")
        #expect(line.contains("\"description\":\"calling AE \\\"X\\\" not known\""))
        #expect(line.contains("times in UTC"))
        #expect(try run("show", "A1").contains("Study      1.2.3"))
        #expect(try run("count", "--by", "person", "--format", "csv").contains("Dr. Audit,4"))
        #expect(try run("turnaround", "--format", "csv").contains("2026-03-01,\"CR,1\",1,0,"))
        #expect(try run("turnaround").contains("2026-03-01  CR,1           1          0"))
        #expect(try run("query", "--user", "Dr. Audit", "--limit", "2").contains("There are more: --after"))
        let recorded = try #require(try fixture.read { try AuditLog.record(3, in: $0) })
        #expect(recorded.event.person?.user == "Dr. Audit")
        #expect(recorded.event.person?.process?.contains("OS user") == true, "who really asked is kept")
    }

    @Test func keysHeadsSealsAndExportsWorkFromTheCommandLine() throws {
        let fixture = try AuditFixture()
        var maker = EventMaker(seed: 51)
        try fixture.append(maker.events(120))
        func file(_ name: String) -> String { fixture.directory.url.appendingPathComponent(name).path }
        let path = fixture.path
        #expect(try cxrgate("key", "create", file("site.key")).status == 0)
        #expect(
            try cxrgate("head", "--database", path, "--signing-key", file("site.key"), "--output", file("head")).status
                == 0)
        #expect(
            try cxrgate("key", "rotate", "--database", path, "--from", file("site.key"), "--to", file("next.key"))
                .status
                == 0)
        let export = try cxrgate("export", "--database", path, "--output", file("out.xml"))
        #expect(export.status == 0)
        #expect(try cxrgate("export", "--database", path, "--output", file("out.xml")).status != 0, "never overwritten")
        let messages = try String(contentsOfFile: file("out.xml"), encoding: .utf8).split(separator: "\n")
        let files = try messages.enumerated().map { index, message in
            let file = fixture.directory.url.appendingPathComponent("message-\(index).xml")
            try Data(message.utf8).write(to: file)
            return file
        }
        #expect(files.count >= 120)
        #expect(try Tool.validate(files).status == 0)

        let seal = try cxrgate(
            "retention", "seal", "--database", path, "--before", "2100-01-01", "--segments", file("segments"),
            "--signing-key", file("next.key"), "--records-per-segment", "100")
        #expect(seal.text.contains("records 1 to 100"))
        let sound = try cxrgate(
            "verify", "--database", path, "--key", file("site.key.pub"), "--head", file("head"), "--segments",
            file("segments"), "--indexes")
        #expect(sound.status == 0, "\(sound.text)")
        #expect(sound.text.contains("SOUND        nothing is wrong"))
        let last = try fixture.read { try AuditLog.head(in: $0).sequence }
        try fixture.tamper {
            try $0.execute(
                sql: "UPDATE audit_record SET outcome = outcome + 1 WHERE sequence = ?", arguments: [last - 1])
        }
        let unsound = try cxrgate("verify", "--database", path, "--format", "json")
        #expect(unsound.status == 1)
        let report = try JSONSerialization.jsonObject(with: Data(unsound.text.utf8)) as? [String: Any]
        let fault = (report?["faults"] as? [[String: Any]])?.first
        #expect(report?["sound"] as? Bool == false)
        #expect(fault?["sequence"] as? Int64 == last - 1)
        #expect(fault?["sort"] as? String == "altered-record")
    }
}
