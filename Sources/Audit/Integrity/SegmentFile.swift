import Cryptography
import Foundation

/// A file of sealed records.
///
/// Layout: `CXRSEG1\n`; a 4-byte little-endian byte count and that many bytes of ``Header`` as JSON; then each record
/// as a 4-byte little-endian byte count, its canonical form (see ``RecordHasher``) and its 32-byte hash. The hash of a
/// record is SHA-256 over its predecessor's hash and its canonical form, so a file verifies by itself.
enum SegmentFile {
    static let magic = Array("CXRSEG1\n".utf8)

    struct Header: Codable, Equatable {
        var log: String
        var number: Int
        var firstSequence: Int64
        var lastSequence: Int64
        var previousHash: String
    }

    /// Writes a segment file, syncs it, and knows its digest.
    final class Writer {
        private let handle: FileHandle
        private let path: String
        private let hasher = SHA256()
        private var pending: [UInt8] = []

        init(_ file: URL, header: Header) throws {
            path = file.path
            guard !FileManager.default.fileExists(atPath: path),
                FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
                let handle = FileHandle(forWritingAtPath: path)
            else {
                throw AuditError.unreadableFile(path: path, reason: "exists already, or cannot be created")
            }
            self.handle = handle
            let text = [UInt8](try CanonicalJSON.encode(header))
            pending = SegmentFile.magic + Self.length(text.count) + text
        }

        func append(form: UnsafeRawBufferPointer, hash: Digest) throws {
            pending += Self.length(form.count)
            pending.append(contentsOf: form)
            pending += hash.bytes
            if pending.count > 1 << 20 { try flush() }
        }

        /// Syncs the file and its directory.
        ///
        /// - Returns: the file's SHA-256.
        func finish() throws -> Digest {
            try flush()
            try handle.synchronize()
            try handle.close()
            let directory = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY)
            defer { close(directory) }
            guard directory >= 0, fsync(directory) == 0 else {
                throw AuditError.unreadableFile(path: path, reason: "its directory cannot be synced")
            }
            return hasher.finalize()
        }

        private func flush() throws {
            hasher.update(pending)
            try handle.write(contentsOf: pending)
            pending.removeAll(keepingCapacity: true)
        }

        private static func length(_ count: Int) -> [UInt8] {
            withUnsafeBytes(of: UInt32(count).littleEndian) { Array($0) }
        }
    }

    /// Reads a segment file record by record.
    struct Reader {
        private let file: Data
        private let path: String
        private var offset: Int
        let header: Header

        /// Maps the file and reads its header.
        init(_ file: URL) throws {
            path = file.path
            guard let data = try? Data(contentsOf: file, options: .alwaysMapped) else {
                throw AuditError.unreadableFile(path: path, reason: "cannot be read; does it exist?")
            }
            self.file = data
            guard data.starts(with: SegmentFile.magic) else {
                throw AuditError.unreadableFile(path: path, reason: "is not a sealed audit segment")
            }
            offset = SegmentFile.magic.count
            guard let text = Self.piece(of: data, at: &offset),
                let header = try? JSONDecoder().decode(Header.self, from: text)
            else { throw AuditError.unreadableFile(path: path, reason: "its header is damaged") }
            self.header = header
        }

        /// The file's SHA-256.
        var digest: Digest { file.withUnsafeBytes { SHA256.hash($0) } }

        /// The next record's canonical form and stored hash; nil at the end.
        mutating func next() throws -> (form: Data, hash: Digest)? {
            if offset == file.count { return nil }
            guard let form = Self.piece(of: file, at: &offset), file.count - offset >= SHA256.byteCount else {
                throw AuditError.unreadableFile(path: path, reason: "is cut off or damaged at byte \(offset)")
            }
            let hash = Digest(bytes: [UInt8](file[offset..<offset + SHA256.byteCount]))
            offset += SHA256.byteCount
            return (form, hash)
        }

        private static func piece(of data: Data, at offset: inout Int) -> Data? {
            guard data.count - offset >= 4 else { return nil }
            let count = data[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
            guard data.count - offset - 4 >= count else { return nil }
            defer { offset += 4 + count }
            return data[offset + 4..<offset + 4 + count]
        }
    }
}
