import Foundation
import GRDB

/// Opens a database that holds an audit log, for the command line and for tests; the service opens its own.
public enum AuditDatabase {
    /// Two processes, the service and the command line, wait for each other instead of failing.
    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        return configuration
    }

    /// Makes every commit of `pool` reach the disk before it returns.
    ///
    /// GRDB sets `synchronous = NORMAL` after it has run the configuration's `prepareDatabase`, so this must be asked
    /// for once the pool is open; every owner of a database with an audit log calls it.
    public static func makeDurable(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    }

    /// Opens the database at `path`, and creates it with its audit tables if it is not there.
    public static func create(at path: String) throws -> DatabasePool {
        let pool = try DatabasePool(path: path, configuration: configuration())
        try makeDurable(pool)
        var migrator = DatabaseMigrator()
        AuditSchema.registerMigrations(in: &migrator)
        try migrator.migrate(pool)
        return pool
    }

    /// Opens the database at `path`, which must hold an audit log.
    public static func open(at path: String) throws -> DatabasePool {
        guard FileManager.default.fileExists(atPath: path) else { throw AuditError.notAnAuditDatabase(path: path) }
        let pool = try DatabasePool(path: path, configuration: configuration())
        try makeDurable(pool)
        let isComplete = try pool.read { try AuditSchema.isPresent(in: $0) }
        guard isComplete else { throw AuditError.notAnAuditDatabase(path: path) }
        return pool
    }
}
