import Foundation
import Glibc

/// File operations that survive a power cut: what a call returned for is on the disk.
enum DurableFiles {
    /// Makes a directory and those above it up to `root`, which must exist; each new entry is synced. An empty `root`
    /// is that of the file system.
    static func makeDirectory(_ relativePath: String, under root: String) throws(FileError) {
        var path = root
        for component in relativePath.split(separator: "/") {
            let parent = path
            path += "/" + component
            if mkdir(path, 0o700) == 0 {
                try sync(directory: parent.isEmpty ? "/" : parent)
            } else if errno != EEXIST {
                throw FileError("make the directory", path)
            }
        }
    }

    /// Syncs an open file.
    static func sync(descriptor: Int32, path: String) throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError("sync", path) }
    }

    /// Syncs the entries of a directory.
    static func sync(directory: String) throws(FileError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open the directory", directory) }
        defer { close(descriptor) }
        try sync(descriptor: descriptor, path: directory)
    }

    /// Renames within one file system and syncs the new directory.
    static func move(from: String, to: String) throws(FileError) {
        guard rename(from, to) == 0 else { throw FileError("rename", "\(from) to \(to)") }
        try sync(directory: String(to[..<(to.lastIndex(of: "/") ?? to.endIndex)]))
    }

    /// Writes a copy beside its place, syncs it, and renames it: at no instant is there half a file under the name.
    static func copy(from: String, to: String) throws {
        let partial = "\(to).partial"
        unlink(partial)
        let descriptor = try create(partial)
        defer { close(descriptor) }
        guard let input = FileHandle(forReadingAtPath: from) else { throw FileError("open", from) }
        defer { try? input.close() }
        while let piece = try input.read(upToCount: 1 << 20), !piece.isEmpty {
            try write([UInt8](piece), to: descriptor, path: partial)
        }
        try sync(descriptor: descriptor, path: partial)
        try move(from: partial, to: to)
    }

    /// Writes all of it; what the system said of a failure stays known.
    private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            guard count >= 0 || errno == EINTR else { throw FileError("write", path) }
            done += max(0, count)
        }
    }

    /// Creates an empty file that must not exist yet, readable by its owner only.
    static func create(_ path: String) throws(FileError) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError("create", path) }
        return descriptor
    }
}

/// A failed file operation with the system's reason.
struct FileError: Error, CustomStringConvertible {
    let operation: String
    let path: String
    let number: Int32

    /// Takes `errno` as it is now.
    init(_ operation: String, _ path: String) {
        self.operation = operation
        self.path = path
        number = errno
    }

    /// Whether there is no room: full, or over a quota.
    var isOutOfSpace: Bool { number == ENOSPC || number == EDQUOT }

    var description: String { "cannot \(operation) \(path): \(String(cString: strerror(number)))" }
}
