import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A file mapped read-only into memory; the pages are the page cache's, so that several processes share them.
public final class MappedFile: Sendable {
    /// The file's location.
    public let url: URL
    /// The file's size in bytes.
    public let count: Int
    // Safe: the pages are never written and stay mapped until deinit.
    nonisolated(unsafe) private let base: UnsafeRawPointer?

    /// Maps the whole file.
    ///
    /// - Throws: ``CheckpointError/missingFile(_:)`` or ``CheckpointError/unreadable(file:reason:)``.
    public init(url: URL) throws {
        self.url = url
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ENOENT
                ? CheckpointError.missingFile(url.path)
                : CheckpointError.unreadable(file: url.path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CheckpointError.unreadable(file: url.path, reason: "not a regular file")
        }
        count = Int(status.st_size)
        guard count > 0 else {
            base = nil
            return
        }
        guard let address = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), address != MAP_FAILED else {
            throw CheckpointError.unreadable(file: url.path, reason: String(cString: strerror(errno)))
        }
        base = UnsafeRawPointer(address)
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    }

    /// The file's bytes; valid while this object lives.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}
