import Foundation
import GRDB
import TestSupport
import Testing

@testable import Worklist

/// The built `cxrgate` as an administrator would run it, against real database files.
@Suite struct CommandLineTests {
    private struct Answer {
        let status: Int32
        let output: String
        let errors: String

        /// The rows of `--format json`.
        func rows() throws -> [[String: Any]] {
            try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
        }
    }

    private func cxrgate(_ arguments: String...) throws -> Answer {
        let products = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()
        let process = Process()
        process.executableURL = products.appendingPathComponent("cxrgate")
        process.arguments = arguments
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let texts = [output, errors].map { pipe in
            String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        }
        process.waitUntilExit()
        return Answer(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    /// One study on its way, one dead delivery, one dead work item.
    private func store() throws -> Store {
        let store = try Store()
        let attributes = StudyAttributes(patientID: "P,1", patientName: "Yamada^太郎\u{1B}[31m")
        try store.write { db in
            _ = try StudyStore.record(.example(attributes: attributes), at: .start, in: db)
        }
        _ = try store.queuedDelivery(2)
        let refused = try #require(try store.leaseDelivery())
        _ = try store.queuedItem(study: 3)
        let lease = try #require(try store.lease())
        try store.write { db in
            try DeliveryQueue.bury(refused, status: 0xA900, reason: "refused: \"no\"\nmore", at: .start, in: db)
            try WorkQueue.bury(lease, reason: "broken pixels", at: .start, in: db)
        }
        return store
    }

    @Test func statusSaysWhatNeedsAPersonAndNeverNamesAPatient() throws {
        let store = try store()
        let table = try cxrgate("status", "--database", store.path)
        #expect(table.status == 0)
        #expect(table.output.contains("dead deliveries to PACS: 1\n"))
        #expect(
            table.output.contains(
                "cxrgate deliveries --state deadLetter --destination PACS --database \(store.path)\n"))
        #expect(table.output.contains("dead work items: 1\n"))
        for format in ["table", "json", "csv"] {
            let answer = try cxrgate("status", "--database", store.path, "--format", format)
            #expect(answer.status == 0 && !answer.output.contains("Yamada"))
        }
        let json = try cxrgate("status", "--database", store.path, "--format", "json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["instances"] as? Int == 3)
        #expect((object?["workItems"] as? [String: Int]) == ["deadLetter": 1])
    }

    @Test func aPatientsNameCannotWriteToTheTerminal() throws {
        let store = try store()
        let table = try cxrgate("studies", "P,1", "--database", store.path)
        #expect(table.output.contains("Yamada^太郎") && !table.output.contains("\u{1B}"))
        let json = try cxrgate("studies", "P,1", "--database", store.path, "--format", "json").rows()
        #expect(json.map { $0["patientName"] as? String } == ["Yamada^太郎\u{1B}[31m"])
        #expect(json.first?["receivedAt"] as? String == "2026-05-28T20:26:40.000Z")
        #expect(json.first?["sentAt"] is NSNull)
    }

    @Test func columnsStandUnderTheirHeadings() throws {
        let store = try store()
        let lines = try cxrgate("studies", "--database", store.path).output.split(separator: "\n").map(String.init)
        #expect(lines.count == 5)
        func column(of text: String, in line: String) throws -> Int {
            let range = try #require(line.range(of: text))
            return line[..<range.lowerBound].reduce(0) { width, character in
                width + (character.unicodeScalars.allSatisfy { $0.value >= 0x4E00 && $0.value < 0xA000 } ? 2 : 1)
            }
        }
        let heading = try column(of: "PRIORITY", in: lines[0])
        for line in lines.dropFirst(2) { #expect(try column(of: "ROUTINE", in: line) == heading) }
    }

    @Test func aTableShowsWhatIsThereAndWideShowsEverything() throws {
        let store = try store()
        let heading = try cxrgate("studies", "--database", store.path).output.prefix { $0 != "\n" }
        #expect(heading.contains("PATIENT ID") && !heading.contains("COMMITTED") && !heading.contains("QUARANTINED"))
        let wide = try cxrgate("studies", "--wide", "--database", store.path).output.prefix { $0 != "\n" }
        #expect(wide.contains("COMMITTED") && wide.contains("QUARANTINED"))
        let keys = try cxrgate("studies", "--database", store.path, "--format", "json").rows().map(\.count)
        #expect(keys == [16, 16, 16])
    }

    @Test func csvIsQuotedWhereItMustBe() throws {
        let store = try store()
        let studies = try cxrgate("studies", "P,1", "--database", store.path, "--format", "csv")
        #expect(studies.output.contains("1.2.1,\"P,1\",Yamada"))
        let deliveries = try cxrgate("deliveries", "--database", store.path, "--format", "csv")
        #expect(deliveries.output.contains(",A900H,") && deliveries.output.contains("\"refused: \"\"no\"\"\nmore\""))
        #expect(deliveries.output.hasPrefix("id,destination,state,"))
    }

    @Test func quarantineNamesTheFileItsSenderAndTheReason() throws {
        let store = try Store()
        #expect(try cxrgate("quarantine", "--database", store.path).output == "Nothing is quarantined.\n")
        try store.write { db in
            try StudyStore.record(.example(), at: .start, in: db)
            try StudyStore.record(.example(bytes: 1), at: .seconds(1), in: db)
            try StudyStore.recordQuarantinedFile(
                path: "quarantine/x", byteCount: 12, sha256: digest(1), reason: "not DICOM",
                source: Source(aeTitle: "ODD", address: "10.0.0.9"), at: .seconds(2), in: db)
        }
        let rows = try cxrgate("quarantine", "--database", store.path, "--format", "json").rows()
        #expect(rows.map { $0["aeTitle"] as? String } == ["ODD", "DX1"])
        #expect(rows.map { $0["path"] as? String } == ["quarantine/x", ReceivedInstance.example(bytes: 1).path])
        #expect(rows[0]["reason"] as? String == "not DICOM" && rows[1]["sopInstanceUID"] as? String == "1.2.1.1.1")
        #expect(try cxrgate("status", "--database", store.path).output.contains("quarantined objects: 2"))
    }

    @Test func retryRevivesWhatTheListingsNamed() throws {
        let store = try store()
        let item = try #require(
            try cxrgate("queue", "--state", "deadLetter", "--database", store.path, "--format", "json").rows().first)
        #expect(item["reason"] as? String == "broken pixels")
        let number = try #require(item["id"] as? Int)
        #expect(try cxrgate("retry", "--item", "\(number)", "--database", store.path).status == 0)
        #expect(try cxrgate("retry", "--item", "\(number)", "--database", store.path).status == 1)
        #expect(try cxrgate("retry", "--all", "--database", store.path, "--format", "json").rows().count == 1)
        #expect(try cxrgate("retry", "--all", "--database", store.path).output == "No dead letters.\n")
        #expect(try store.lease(at: Date(timeIntervalSinceNow: 60))?.item.id == Int64(number))
        #expect(try store.leaseDelivery(at: Date(timeIntervalSinceNow: 60)) != nil)
    }

    @Test func mistakesAreExplainedAndCreateNothing() throws {
        let scratch = try ScratchDirectory()
        let absent = scratch.url.appendingPathComponent("absent.sqlite").path
        let text = scratch.url.appendingPathComponent("text").path
        try "not a database, whatever its name".write(toFile: text, atomically: true, encoding: .utf8)
        for arguments in [["status"], ["studies"], ["queue"], ["deliveries"], ["retry", "--all"]] {
            for path in [absent, text, scratch.url.path] {
                let answer =
                    arguments.count == 1
                    ? try cxrgate(arguments[0], "--database", path)
                    : try cxrgate(arguments[0], arguments[1], "--database", path)
                #expect(answer.status == 1 && answer.output.isEmpty)
                #expect(answer.errors.contains(path), "\(arguments) \(path): \(answer.errors)")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: absent))
        #expect(try cxrgate("retry", "--database", text).status == 2)
        #expect(try cxrgate("retry", "--all", "--item", "1", "--database", text).status == 2)
        #expect(try cxrgate("queue", "--state", "nonsense", "--database", text).status == 2)
        #expect(try cxrgate("studies", "--limit", "0", "--database", text).status == 2)
        #expect(try cxrgate("status", "--set", "storage.directory=/nowhere/at/all").status == 1)
        #expect(try cxrgate("status", "--set", "storage").status == 2)
        #expect(try cxrgate("--help").status == 0)
    }
}
