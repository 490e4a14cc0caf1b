import Cryptography
import Foundation

/// `SHA256SUMS` of a model directory: which bytes a reading was made with.
public enum ModelManifest {
    /// The manifest's name, and its format: `sha256sum`'s.
    public static let fileName = "SHA256SUMS"

    /// The digest of every file of a directory and its subdirectories, the manifest's own and hidden ones left out, by
    /// path.
    public static func digests(of directory: URL) throws -> [(file: String, digest: String)] {
        try FileManager.default.subpathsOfDirectory(atPath: directory.path)
            .filter { path in
                let isHidden = path.split(separator: "/").contains { $0.hasPrefix(".") }
                let file = directory.appendingPathComponent(path)
                return try path != fileName && !isHidden
                    && file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
            }
            .sorted()
            .map { ($0, try digest(of: directory.appendingPathComponent($0))) }
    }

    /// One digest for the whole directory: SHA-256 over the lines that a manifest of it would have.
    public static func digest(ofLines digests: [(file: String, digest: String)]) -> String {
        let hash = SHA256()
        hash.update(Array(text(digests).utf8))
        return hash.finalize().hex
    }

    /// Writes the manifest.
    public static func write(_ digests: [(file: String, digest: String)], to directory: URL) throws {
        try Data(text(digests).utf8).write(to: directory.appendingPathComponent(fileName), options: .atomic)
    }

    private static func text(_ digests: [(file: String, digest: String)]) -> String {
        digests.map { "\($0.digest)  \($0.file)\n" }.joined()
    }

    /// Compares a directory with its manifest.
    ///
    /// - Returns: the files that agree.
    /// - Throws: ``CheckpointError/missingFile(_:)`` for the manifest or a file that it names,
    ///   ``CheckpointError/digestMismatch(file:expected:found:)``, ``CheckpointError/badConfiguration(file:reason:)``.
    public static func verify(_ directory: URL) throws -> [String] {
        let manifest = directory.appendingPathComponent(fileName)
        let lines = String(decoding: try ConfigurationFile.read(manifest), as: UTF8.self).split(separator: "\n")
        return try lines.map { line in
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            // sha256sum marks binary files with an asterisk.
            let name = parts.count == 2 ? String(parts[1].drop { $0 == " " || $0 == "*" }) : ""
            let steps = name.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].count == 64, steps.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") })
            else { throw CheckpointError.badConfiguration(file: manifest.path, reason: "cannot read \"\(line)\"") }
            let found = try digest(of: directory.appendingPathComponent(name))
            guard found == parts[0].lowercased() else {
                throw CheckpointError.digestMismatch(file: name, expected: String(parts[0]), found: found)
            }
            return name
        }
    }

    private static func digest(of file: URL) throws -> String {
        let memory = try MappedFile.map(file)
        let hash = SHA256()
        for start in stride(from: 0, to: memory.byteCount, by: 1 << 24) {
            try memory.withBytes(at: start, count: min(1 << 24, memory.byteCount - start)) { hash.update($0) }
        }
        return hash.finalize().hex
    }
}
