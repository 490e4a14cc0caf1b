import Foundation

/// The files that a command line names.
enum FilePaths {
    /// A file, and whether the command line names it itself rather than a directory around it.
    struct Found {
        let path: String
        let isNamed: Bool
    }

    /// Searches directories; what is in one comes in the order of its paths.
    ///
    /// - Throws: `CommandFailure` when something named does not exist.
    static func expanded(_ paths: [String]) throws -> [Found] {
        try paths.flatMap { path -> [Found] in
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
                throw CommandFailure("\(path) does not exist")
            }
            guard isDirectory.boolValue else { return [Found(path: path, isNamed: true)] }
            return (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? [])
                .map { path + "/" + $0 }.filter { !isDirectoryPath($0) }.sorted()
                .map { Found(path: $0, isNamed: false) }
        }
    }

    private static func isDirectoryPath(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
}
