import Audit
import DICOM
import Foundation
import TestSupport
import Testing

/// What the commands are tried with: phantom images, tiny checkpoints with random weights, an empty audit log.
struct Workplace {
    let scratch: ScratchDirectory
    /// A database with an audit log in it.
    let database: String

    init() throws {
        scratch = try ScratchDirectory()
        database = scratch.url.appendingPathComponent("cxrgate.sqlite").path
        _ = try AuditDatabase.create(at: database)
    }

    func path(_ name: String) -> String { scratch.url.appendingPathComponent(name).path }

    /// A checkpoint of the fixtures: it answers junk, and the same junk every time.
    static func model(_ name: String) -> String {
        SharedData.packageRoot.appendingPathComponent("Tests/VisionLanguageTests/Fixtures/models/\(name)").path
    }

    /// Writes a phantom.
    @discardableResult
    func image(_ name: String, study: String = "2.25.11", view: String = "PA") throws -> String {
        var picture = SyntheticRadiograph()
        picture.studyInstanceUID = study
        picture.seriesInstanceUID = study + ".1"
        picture.sopInstanceUID = study + ".1.\(view == "PA" ? 1 : 2)"
        picture.viewPosition = view
        return try picture.write(named: name, in: scratch.url).path
    }

    /// Runs `cxrgate` with the audit log of this place.
    func run(_ arguments: [String], input: String? = nil) throws -> Command.Answer {
        let all = arguments + ["--database", database]
        guard let input else { return try Command.run(Command.cxrgate, all) }
        let file = path("input-\(UUID().uuidString)")
        try Data(input.utf8).write(to: URL(fileURLWithPath: file))
        return try Command.run(
            "sh", ["-c", "exec \"$0\" \"$@\" < \"$INPUT\"", Command.cxrgate] + all, environment: ["INPUT": file])
    }

    /// The records of an event, oldest first, as `cxrgate audit` gives them.
    func records(_ event: String) throws -> [[String: Any]] {
        let answer = try run(["audit", "query", "--event", event, "--format", "json"])
        let array = try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [[String: Any]]
        return try #require(array).sorted { ($0["sequence"] as? Int ?? 0) < ($1["sequence"] as? Int ?? 0) }
    }
}

/// JSON from a command.
func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "no JSON object: \(text)")
}

extension [String: Any] {
    func list(_ key: String) -> [[String: Any]] { self[key] as? [[String: Any]] ?? [] }
    func text(_ key: String) -> String? { self[key] as? String }
    func number(_ key: String) -> Int? { self[key] as? Int }
}
