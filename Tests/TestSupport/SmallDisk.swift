import Foundation

/// A small tmpfs, unmounted with the value. Only root can mount one.
public final class SmallDisk {
    /// Where it is mounted.
    public let url: URL

    /// Mounts an empty file system.
    public init(at url: URL, megabytes: Int) throws {
        self.url = url
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        let answer = try Command.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", url.path])
        guard answer.status == 0 else { throw Command.Missing(description: "mount: \(answer.errors)") }
    }

    deinit {
        _ = try? Command.run("umount", ["-l", url.path])
    }

    /// Writes until nothing fits any more.
    ///
    /// - Returns: the file; removed, the room is there again.
    public func fill() -> URL {
        let filler = url.appendingPathComponent("filler")
        let descriptor = open(filler.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        for size in [1 << 20, 1 << 12, 1] {
            let piece = [UInt8](repeating: 1, count: size)
            while write(descriptor, piece, size) == size {}
        }
        return filler
    }
}
