import Foundation

/// The directory that holds everything: received files, results, quarantine and the database.
///
///     incoming/<uuid>                                    being received; removed at start-up
///     studies/<study>/<series>/<sop instance>/<digest>.dcm
///     results/<study>/<revision>/<sop instance>.dcm      made by us, persisted once
///     quarantine/<digest>.dcm                            cannot be parsed; kept for the administrator
///     cxrgate.sqlite
public struct StorageRoot: Sendable {
    /// Absolute path without a trailing slash.
    public let path: String

    /// Makes the directories that are missing.
    ///
    /// - Throws: `Unusable`.
    public init(path: String) throws {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        do {
            try DurableFiles.makeDirectory(self.path, under: "")
            for directory in ["incoming", "studies", "results", "quarantine"] {
                try DurableFiles.makeDirectory(directory, under: self.path)
            }
        } catch {
            throw Unusable(reason: error)
        }
    }

    /// The directory cannot be made or written.
    struct Unusable: Error, CustomStringConvertible {
        let reason: FileError
        var description: String {
            "storage.directory: \(reason); choose a directory that the gateway's user may write"
        }
    }

    /// The absolute form of a path relative to the root.
    public func absolute(_ relativePath: String) -> String { path + "/" + relativePath }

    /// Every file that a row may speak of, relative to the root.
    func keptFiles() -> some Sequence<String> {
        let prefix = path + "/"
        return ["studies", "results", "quarantine"].lazy.compactMap { directory in
            FileManager.default.enumerator(
                at: URL(fileURLWithPath: prefix + directory), includingPropertiesForKeys: [.isRegularFileKey])
        }.flatMap { enumerator in
            enumerator.lazy.compactMap { entry -> String? in
                guard let url = entry as? URL,
                    (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true
                else { return nil }
                return String(url.path.dropFirst(prefix.count))
            }
        }
    }

    /// Removes what a crash left in `incoming`; none of it was acknowledged.
    ///
    /// - Returns: the number of files.
    func clearIncoming() throws -> Int {
        let directory = absolute("incoming")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        for name in names {
            try FileManager.default.removeItem(atPath: directory + "/" + name)
        }
        return names.count
    }
}
