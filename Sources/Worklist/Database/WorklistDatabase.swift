import Foundation
import GRDB

/// Opens the gateway's database file: the one place that sets SQLite's pragmas.
public enum WorklistDatabase {
    /// How long a connection waits for another process's write before it gives up.
    static let busyTimeout: TimeInterval = 30

    /// Opens the file for reading and writing, creates it if absent, and brings its tables up to date.
    ///
    /// WAL journal, `synchronous=FULL` (a commit that returned survives a power cut), foreign keys on. A new file can be
    /// read by its owner only, because it names patients.
    /// - Parameters:
    ///   - path: the database file; its directory must exist.
    ///   - additionalMigrations: registers the tables of other modules that share the file.
    /// - Throws: ``WorklistError/cannotCreate(path:)``, or ``WorklistError/databaseIsNewer(path:)`` when a later version of the gateway made the file.
    public static func open(
        at path: String, additionalMigrations: (inout DatabaseMigrator) -> Void = { _ in }
    ) throws -> DatabasePool {
        let files = FileManager.default
        let isNew = !files.fileExists(atPath: path)
        if isNew, !files.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]) {
            throw WorklistError.cannotCreate(path: path)
        }
        var configuration = Configuration()
        configuration.label = "worklist"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(busyTimeout)
        let pool = try DatabasePool(path: path, configuration: configuration)
        // GRDB sets NORMAL when it turns WAL on, after `prepareDatabase`: FULL has to come here.
        try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }

        var migrator = DatabaseMigrator()
        WorklistSchema.register(in: &migrator)
        additionalMigrations(&migrator)
        let known = Set(migrator.migrations)
        let applied = try pool.read { db in try migrator.appliedIdentifiers(db) }
        guard !applied.contains(where: { isUnknown($0, known: known) }) else {
            throw WorklistError.databaseIsNewer(path: path)
        }
        try migrator.migrate(pool)
        return pool
    }

    /// Opens an existing file for reading only, beside a running gateway; nothing is created or changed.
    /// - Throws: ``WorklistError/noDatabase(path:)`` when the file is absent or has no worklist,
    ///   ``WorklistError/unreadable(path:reason:)`` when it is no database.
    public static func openReadOnly(at path: String) throws -> DatabaseQueue {
        guard FileManager.default.fileExists(atPath: path) else { throw WorklistError.noDatabase(path: path) }
        var configuration = Configuration()
        configuration.label = "worklist.readonly"
        configuration.readonly = true
        configuration.busyMode = .timeout(busyTimeout)
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            guard try queue.read({ db in try db.tableExists("workItem") && db.tableExists("delivery") }) else {
                throw WorklistError.noDatabase(path: path)
            }
            return queue
        } catch let error as DatabaseError {
            throw WorklistError.unreadable(path: path, reason: error.message ?? error.resultCode.description)
        }
    }

    /// Only this module's migrations can be judged here: a tool that opens the file without the audit log's
    /// migrations must not mistake them for a newer version.
    private static func isUnknown(_ identifier: String, known: Set<String>) -> Bool {
        identifier.hasPrefix("worklist.") && !known.contains(identifier)
    }
}
