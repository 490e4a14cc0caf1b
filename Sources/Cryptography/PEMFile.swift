import Foundation

/// Key files: created once, never overwritten, private ones closed to others.
enum PEMFile {
    static func read(_ file: URL) throws(CryptographyError) -> String {
        do {
            return String(decoding: try Data(contentsOf: file), as: UTF8.self)
        } catch {
            throw .file(path: file.path, reason: "cannot be read; does it exist, and may this user open it?")
        }
    }

    static func readPrivate(_ file: URL) throws(CryptographyError) -> String {
        var status = stat()
        guard stat(file.path, &status) == 0 else { throw .file(path: file.path, reason: lastError()) }
        let mode = Int(status.st_mode) & 0o777
        guard mode & 0o077 == 0 else { throw .keyReadableByOthers(path: file.path, mode: mode) }
        return try read(file)
    }

    /// Writes a new file and syncs it and its directory: a key that signed something must survive a power cut.
    static func create(_ file: URL, text: String, mode: mode_t) throws(CryptographyError) {
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw .keyExists(path: file.path) }
            throw .file(path: file.path, reason: lastError())
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        // The umask may have narrowed the mode; it never widens it.
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw .file(path: file.path, reason: lastError())
        }
        let directory = open(file.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .file(path: file.path, reason: lastError()) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw .file(path: file.path, reason: lastError()) }
    }

    private static func lastError() -> String {
        String(cString: strerror(errno))
    }
}
