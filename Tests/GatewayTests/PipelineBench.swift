import Foundation
import TestSupport
import Testing

/// A reading gateway with its files, and what a test asks about its studies.
final class PipelineBench {
    let scratch: ScratchDirectory
    let files: URL

    init() throws {
        scratch = try ScratchDirectory()
        files = scratch.url.appendingPathComponent("files")
        try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
    }

    /// Starts a gateway; without a `reading:` section in the options the untrained reference model reads.
    func start(_ options: String = "", port: UInt16 = 0, storage: URL? = nil) throws -> GatewayProcess {
        let reading = options.contains("reading:") ? "" : ReferenceModelDirectory.section()
        return try GatewayProcess(in: scratch.url, port: port, storage: storage, options: reading + options)
    }

    /// Sends files over one association.
    func send(_ urls: [URL], to gateway: GatewayProcess, calling: String = "MODALITY") throws {
        let answer = try Command.run(
            Command.cxrgate,
            ["send", "127.0.0.1", "\(gateway.port)", "--calling", calling] + urls.map(\.path))
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
    }

    /// Waits until so many revisions have settled and nothing is open.
    func settles(_ gateway: GatewayProcess, revisions: Int, within seconds: Double = 120) throws -> Bool {
        try eventually(within: seconds) {
            try gateway.query(
                """
                SELECT (SELECT count(*) FROM workItem WHERE settledAt IS NOT NULL) = \(revisions)
                    AND NOT EXISTS (SELECT 1 FROM workItem WHERE settledAt IS NULL)
                    AND NOT EXISTS (SELECT 1 FROM study WHERE quietAt IS NOT NULL AND revision = 0)
                """) == ["1"]
        }
    }

    /// `abstained|REASON`, `delivered|` or `deadLetter|` per revision of a study.
    func outcomes(_ gateway: GatewayProcess, _ study: String) throws -> [String] {
        try gateway.query(
            """
            SELECT workItem.state, coalesce(abstentionReason, '') FROM workItem JOIN study ON study.id = studyID
            WHERE studyInstanceUID = '\(study)' ORDER BY workItem.revision
            """)
    }

    /// Whether a revision's outcome is that the model read it. The untrained model's words make no sense: its answer may
    /// come out as a draft of junk, or be refused as unusable after the whole way through the model.
    static func isRead(_ outcome: String) -> Bool {
        ["delivered|", "abstained|output_unusable"].contains(outcome)
    }

    /// Checks that the model read every revision of a study, and that there are so many.
    func expectRead(
        _ gateway: GatewayProcess, _ study: String, revisions: Int = 1, _ comment: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let outcomes = try outcomes(gateway, study)
        #expect(
            outcomes.count == revisions && outcomes.allSatisfy(Self.isRead), "\(outcomes) \(comment)",
            sourceLocation: sourceLocation)
    }

    /// SOP Instance UIDs of a revision's results.
    func results(_ gateway: GatewayProcess, _ study: String, revision: Int = 1) throws -> Set<String> {
        Set(
            try gateway.query(
                """
                SELECT sopInstanceUID FROM result JOIN study ON study.id = studyID
                WHERE studyInstanceUID = '\(study)' AND result.revision = \(revision)
                """))
    }

    /// Checks that every study of the gateway has one set of results per revision, that the folder holds exactly the
    /// recorded bytes, and that the audit log verifies.
    func expectOneSetEach(
        _ gateway: GatewayProcess, folder: String = "delivered", _ comment: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let note = Comment(rawValue: comment)
        let twice = try gateway.query(
            "SELECT workItemID, kind FROM result GROUP BY workItemID, kind HAVING count(*) > 1")
        #expect(twice.isEmpty, note, sourceLocation: sourceLocation)
        let empty = try gateway.query(
            "SELECT id FROM workItem WHERE outcome IS NOT NULL AND id NOT IN (SELECT workItemID FROM result)")
        #expect(empty.isEmpty, note, sourceLocation: sourceLocation)
        let recorded = try gateway.query("SELECT sopInstanceUID, sha256 FROM result")
        let delivered = try inspect(gateway.storage.appendingPathComponent(folder))
        #expect(
            Set(delivered.map { "\($0.sopInstance)|\($0.sha256)" }) == Set(recorded), note,
            sourceLocation: sourceLocation)
        #expect(delivered.count == recorded.count, note, sourceLocation: sourceLocation)
        try expectAuditVerifies(gateway, sourceLocation: sourceLocation)
    }

    func expectAuditVerifies(_ gateway: GatewayProcess, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let answer = try Command.run(Command.cxrgate, ["audit", "verify", "--database", database(gateway)])
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)", sourceLocation: sourceLocation)
    }

    /// What `cxrgate audit show` tells of a study.
    func story(_ gateway: GatewayProcess, _ study: String) throws -> String {
        try Command.run(Command.cxrgate, ["audit", "show", study, "--database", database(gateway)]).output
    }

    func database(_ gateway: GatewayProcess) -> String {
        gateway.storage.appendingPathComponent("cxrgate.sqlite").path
    }

    /// What result objects say of themselves, read by pydicom.
    func inspect(_ url: URL) throws -> [InspectedObject] { try inspect([url]) }

    func inspect(_ urls: [URL]) throws -> [InspectedObject] {
        let script = SharedData.packageRoot.appendingPathComponent("Tests/GatewayTests/Peers/results.py").path
        let answer = try Command.run(Command.python(), [script] + urls.map(\.path))
        guard answer.status == 0 else { throw Command.Missing(description: answer.errors) }
        return try JSONDecoder().decode([InspectedObject].self, from: Data(answer.output.utf8))
    }
}

/// One object as `Peers/results.py` sees it.
struct InspectedObject: Decodable {
    let path: String
    let sha256: String
    let sopClass: String
    let sopInstance: String
    let study: String
    let patient: String
    let completion: String
    let verification: String
    let preliminary: String
    let predecessors: [String]
    let text: String

    static let presentation = "1.2.840.10008.5.1.4.1.1.11.1"
    static let narrative = "1.2.840.10008.5.1.4.1.1.88.11"
    static let comprehensive = "1.2.840.10008.5.1.4.1.1.88.33"
    static let comprehensive3D = "1.2.840.10008.5.1.4.1.1.88.34"
    static let enhanced = "1.2.840.10008.5.1.4.1.1.88.22"
    static let overlay = "1.2.840.10008.5.1.4.1.1.7"

    var isReport: Bool { sopClass.hasPrefix("1.2.840.10008.5.1.4.1.1.88.") && !completion.isEmpty }
}
