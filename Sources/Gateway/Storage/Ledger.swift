import Audit
import DICOM
import DICOMNetwork
import Foundation
import GRDB
import Logging
import Worklist

/// The gateway's one database: work and audit log in one file, so that a state change and its record are one commit.
final class Ledger: Sendable {
    let pool: DatabasePool
    private let run = UUID().uuidString.prefix(8)
    private let logger: Logger

    /// The database cannot be opened.
    struct Unusable: Error, CustomStringConvertible {
        let path: String
        let reason: any Error
        var description: String {
            let cause = (reason as? DatabaseError).flatMap(\.message) ?? "\(reason)"
            return "the database \(path) cannot be opened: \(cause)"
        }
    }

    /// Opens or makes the database.
    ///
    /// - Throws: `Unusable`.
    init(path: String, logger: Logger) throws {
        do {
            pool = try WorklistDatabase.open(at: path) { migrator in
                AuditSchema.registerMigrations(in: &migrator)
            }
        } catch {
            throw Unusable(path: path, reason: error)
        }
        self.logger = logger
    }

    /// One durable transaction. An audit record that cannot be written fails everything in it.
    func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try pool.write(body)
    }

    /// Records an event that changes no state. The operation it tells of has already been refused or has failed, so a
    /// failure here can only be logged.
    func record(_ event: AuditEvent) {
        do {
            try pool.write { db in _ = try AuditLog.append(event, in: db) }
        } catch {
            logger.critical("an audit record could not be written", metadata: ["error": "\(error)"])
        }
    }

    /// Whether there was no room on the disk, for a file or for the database.
    static func isOutOfSpace(_ error: any Error) -> Bool {
        switch error {
        case let error as FileError: error.isOutOfSpace
        case let error as DatabaseError: error.resultCode == .SQLITE_FULL
        case let error as CocoaError: error.code == .fileWriteOutOfSpace
        case DICOMError.unwritable(_, let reason): reason.contains(String(cString: strerror(ENOSPC)))
        default: false
        }
    }

    /// The name of an association in the database: unique over restarts.
    func name(_ association: AssociationID) -> String { "\(run)-\(association)" }
}
