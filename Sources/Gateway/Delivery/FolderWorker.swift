import DICOMNetwork
import Foundation
import Worklist

/// Delivers to a folder on this machine: `<folder>/<Study Instance UID>/<SOP Instance UID>.dcm`.
///
/// A file is delivered when it is durable; the same object again replaces itself.
final class FolderWorker: DeliveryWorker {
    private let book: DeliveryBook
    private let folder: String
    private let storage: StorageRoot

    /// - Throws: `FileError` when the folder cannot be made.
    init(_ book: DeliveryBook, folder: String, storage: StorageRoot) throws {
        self.book = book
        self.storage = storage
        if folder.hasPrefix("/") {
            self.folder = folder
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } else {
            self.folder = storage.absolute(folder)
            try DurableFiles.makeDirectory(folder, under: storage.path)
        }
    }

    func wake() { book.signal.wake() }

    func stop() { book.signal.stop() }

    func run() {
        book.serve { batch in
            for (index, delivery) in batch.enumerated() {
                guard !book.signal.isStopped else {
                    return try book.putBack(Array(batch[index...]), reason: nil, until: Date())
                }
                try deliver(delivery)
            }
        }
    }

    private func deliver(_ delivery: Delivery) throws {
        let study = try book.ledger.pool.read { db in try Study.fetch(id: delivery.studyID, in: db) }
        do {
            try DurableFiles.makeDirectory(study.studyInstanceUID, under: folder)
            try DurableFiles.copy(
                from: storage.absolute(delivery.object.path),
                to: "\(folder)/\(study.studyInstanceUID)/\(delivery.object.sopInstanceUID).dcm")
        } catch let error where Ledger.isOutOfSpace(error) {
            return try waitForRoom(delivery, reason: "\(error)")
        } catch {
            return try book.tryAgain(delivery, status: nil, reason: "\(error)")
        }
        try book.sent(delivery, .success)
    }

    private func waitForRoom(_ delivery: Delivery, reason: String) throws {
        let next = Date().advanced(by: book.retry.backoff.delay(afterFailures: 1))
        try book.putBack([delivery], reason: reason, until: next)
        book.logger.error(
            "no room in the folder: deliveries wait",
            metadata: ["destination": "\(book.destination)", "reason": "\(reason)"])
    }
}
