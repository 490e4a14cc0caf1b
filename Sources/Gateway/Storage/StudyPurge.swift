import Audit
import Foundation
import Logging
import Worklist

/// Removes the files of studies whose retention time is over. Rows and audit records stay.
struct StudyPurge: Sendable {
    let storage: StorageRoot
    let ledger: Ledger
    let logger: Logger

    /// Purges what has been at rest since a time. Never what is not delivered, and committed where that is demanded.
    func run(restingSince limit: Date) {
        do {
            let candidates = try ledger.pool.read { db in try Retention.candidates(restingSince: limit, in: db) }
            for candidate in candidates {
                try purge(candidate)
            }
        } catch {
            logger.error("studies could not be purged and are tried again", metadata: ["error": "\(error)"])
        }
    }

    private func purge(_ candidate: RetentionCandidate) throws {
        let paths = try ledger.write { db in
            let study = try Worklist.Study.fetch(id: candidate.studyID, in: db)
            let paths = try Retention.purge(studyID: candidate.studyID, at: Date(), in: db)
            try AuditLog.append(
                AuditEvent(
                    .studyPurged, description: "The retention time is over.",
                    patient: study.attributes.patientID.map {
                        Patient(identifier: $0, name: study.attributes.patientName)
                    },
                    study: Audit.Study(uid: study.studyInstanceUID, accession: study.attributes.accessionNumber),
                    details: ["files": "\(paths.count)", "bytes": "\(candidate.byteCount)"]), in: db)
            return paths
        }
        // Committed: a crash from here on leaves files that the next start removes.
        for path in paths {
            unlink(storage.absolute(path))
            removeEmptyDirectories(above: path)
        }
        logger.notice("a study was purged", metadata: ["files": "\(paths.count)"])
    }

    private func removeEmptyDirectories(above path: String) {
        var components = path.split(separator: "/").dropLast()
        // The first is a directory of the storage root, which stays.
        while components.count > 1, rmdir(storage.absolute(components.joined(separator: "/"))) == 0 {
            components = components.dropLast()
        }
    }
}
