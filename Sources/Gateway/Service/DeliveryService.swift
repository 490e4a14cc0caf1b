import DICOMNetwork
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Worklist

/// Runs one worker per configured destination, and replaces them on reload.
final class DeliveryService: Service {
    private let storage: StorageRoot
    private let ledger: Ledger
    private let retry: RetryConfiguration
    private let logger: Logger
    private let workers = Mutex<[any DeliveryWorker]>([])
    private let replacements: AsyncStream<[any DeliveryWorker]>
    private let replacer: AsyncStream<[any DeliveryWorker]>.Continuation

    init(storage: StorageRoot, ledger: Ledger, retry: RetryConfiguration, logger: Logger) {
        self.storage = storage
        self.ledger = ledger
        self.retry = retry
        self.logger = logger
        (replacements, replacer) = AsyncStream.makeStream()
    }

    /// Looks for work now.
    func wake() {
        for worker in workers.withLock({ $0 }) {
            worker.wake()
        }
    }

    /// Makes these the destinations. Workers of the old ones end after the object they are sending; the queue of a
    /// destination that is gone stays until it is configured again.
    ///
    /// - Throws: `NetworkError.badTLS` or `FileError` for a folder; then nothing changes.
    func configure(_ destinations: [DestinationConfiguration], commitments: any StorageSCPHandler) throws {
        let next = try destinations.map { destination -> any DeliveryWorker in
            let book = DeliveryBook(destination: destination.name, ledger: ledger, retry: retry, logger: logger)
            if let folder = destination.folder {
                return try FolderWorker(book, folder: folder, storage: storage)
            }
            return DestinationWorker(
                book, destination, remote: try destination.remote(), storage: storage, commitments: commitments)
        }
        try ledger.write { db in
            for destination in destinations {
                try Destinations.register(destination.name, at: Date(), in: db)
            }
        }
        for worker in workers.withLock({ exchange(&$0, next) }) {
            worker.stop()
        }
        replacer.yield(next)
    }

    func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await next in replacements {
                    for worker in next {
                        group.addTask { await onOwnThread("delivery") { worker.run() } }
                    }
                }
            }
        } onGracefulShutdown: {
            self.replacer.finish()
            for worker in self.workers.withLock({ $0 }) {
                worker.stop()
            }
        }
    }
}

private func exchange<Value>(_ place: inout Value, _ value: Value) -> Value {
    let old = place
    place = value
    return old
}
