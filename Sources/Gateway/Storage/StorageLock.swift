import Foundation

/// Keeps two gateways off one storage directory. The lock goes with the process, however it ends.
struct StorageLock {
    /// The directory is in use.
    struct InUse: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "\(path) is in use by another cxrgate; stop it first, or configure another storage.directory"
        }
    }

    private let descriptor: Int32

    init(_ storage: StorageRoot) throws {
        let path = storage.absolute("lock")
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError("open", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw InUse(path: storage.path)
        }
    }

    func release() {
        close(descriptor)
    }
}
