import CKernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What went wrong with memory or files below the model.
public enum TensorError: Error, CustomStringConvertible, Equatable {
    case cannotOpen(path: String, reason: String)
    case outsideFile(path: String, offset: Int, byteCount: Int, fileSize: Int)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            return "\(path) cannot be read: \(reason)"
        case .outsideFile(let path, let offset, let byteCount, let fileSize):
            return
                "\(path) is \(fileSize) bytes long, but \(byteCount) bytes at \(offset) are needed: the file is truncated or not what it claims to be"
        }
    }
}

/// Read-only memory that weights live in: a file's pages or an allocation. Freed with its last user.
// Sendable: nothing writes to the memory after `init`.
public final class WeightMemory: @unchecked Sendable {
    let base: UnsafeRawPointer
    /// Bytes from the first to the end.
    public let byteCount: Int
    /// The file's path, or "" for an allocation.
    public let path: String
    private let isMapped: Bool

    /// Maps a whole file. Pages are read when they are first used and shared with other processes.
    public init(mapping path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TensorError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw TensorError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        byteCount = Int(status.st_size)
        self.path = path
        if byteCount == 0 {
            base = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 64))
            isMapped = false
            return
        }
        guard let mapped = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0), mapped != MAP_FAILED else {
            throw TensorError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        // Fewer page-table misses while the weights stream past, where the system can.
        #if os(Linux)
        madvise(mapped, byteCount, MADV_HUGEPAGE)
        #endif
        base = UnsafeRawPointer(mapped)
        isMapped = true
    }

    /// Allocates `byteCount` bytes, aligned to 64, and lets `fill` write them.
    public init(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
        do {
            try fill(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
        } catch {
            memory.deallocate()
            throw error
        }
        base = UnsafeRawPointer(memory)
        self.byteCount = byteCount
        path = ""
        isMapped = false
    }

    deinit {
        if isMapped { munmap(UnsafeMutableRawPointer(mutating: base), byteCount) } else { base.deallocate() }
    }

    /// Bytes `[offset, offset + count)`; throws ``TensorError/outsideFile(path:offset:byteCount:fileSize:)`` beyond the end.
    public func withBytes<R>(at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        try check(offset: offset, count: count)
        return try body(UnsafeRawBufferPointer(start: base + offset, count: count))
    }

    /// Asks the system to read the file's pages ahead.
    public func prefetch() {
        if isMapped { madvise(UnsafeMutableRawPointer(mutating: base), byteCount, MADV_WILLNEED) }
    }

    /// Reads every byte once, with all threads: brings a mapped file into memory, and is the bandwidth probe of the benchmarks.
    public func readAll() { _ = cxr_read_memory(base, byteCount) }

    func check(offset: Int, count: Int) throws {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw TensorError.outsideFile(path: path, offset: offset, byteCount: count, fileSize: byteCount)
        }
    }
}
