import Findings
import Foundation
import VisionLanguage

/// The bytes of a model directory: their digest, and who the model says it is.
struct ModelFiles {
    private let directory: URL
    private let digest: String
    private let card: Card

    /// `cxrgate.json` in a model directory; every key is optional.
    private struct Card: Decodable {
        var name: String?
        var version: String?
        var manufacturer: String?
        var selfTest: ModelSelfTest?
    }

    /// Hashes every file once.
    ///
    /// - Throws: `CheckpointError` when a file is not what `SHA256SUMS` says, ``PromptFault`` for `cxrgate.json`.
    init(_ directory: URL, verifying: Bool) throws {
        self.directory = directory
        guard FileManager.default.fileExists(atPath: directory.appendingPathComponent("config.json").path) else {
            throw CheckpointError.missingFile(directory.appendingPathComponent("config.json").path)
        }
        let digests = try ModelManifest.digests(of: directory)
        let manifest = directory.appendingPathComponent(ModelManifest.fileName)
        if verifying, let text = try? String(contentsOf: manifest, encoding: .utf8) {
            try Self.compare(digests, with: text, file: manifest.path)
        }
        digest = ModelManifest.digest(ofLines: digests)
        let file = directory.appendingPathComponent("cxrgate.json")
        card =
            FileManager.default.fileExists(atPath: file.path) ? try PromptFile.decode(Card.self, at: file) : Card()
    }

    /// What the model is to be tested with.
    var selfTest: ModelSelfTest? { card.selfTest }

    private static func compare(
        _ digests: [(file: String, digest: String)], with manifest: String, file: String
    ) throws {
        let found = Dictionary(uniqueKeysWithValues: digests)
        for line in manifest.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else {
                throw CheckpointError.badConfiguration(file: file, reason: "cannot read \"\(line)\"")
            }
            let name = String(parts[1].drop { $0 == " " || $0 == "*" })
            guard let digest = found[name] else { throw CheckpointError.missingFile(name) }
            guard digest == parts[0].lowercased() else {
                throw CheckpointError.digestMismatch(file: name, expected: String(parts[0]), found: digest)
            }
        }
    }

    /// What `cxrgate.json` says; without it the directory's name and the family.
    func identity(family: String) -> ModelIdentity {
        func value(_ own: String?, _ other: String) -> String {
            let own = plainLine(own ?? "")
            return String((own.isEmpty ? other : own).unicodeScalars.prefix(Reading.Limits.name))
        }
        let name = plainLine(directory.standardizedFileURL.lastPathComponent)
        return ModelIdentity(
            name: value(card.name, "\(name) (\(family))"), version: value(card.version, String(digest.prefix(12))),
            weightsDigest: "sha256:" + digest, manufacturer: value(card.manufacturer, "not stated"))
    }
}
