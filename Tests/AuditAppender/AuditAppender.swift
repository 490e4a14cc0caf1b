import Audit
import Foundation
import GRDB

/// Appends events until it is killed, or as many as it is told: the other process of the tests on crashes and on
/// concurrent writers.
///
///     AuditAppender DATABASE NAME [COUNT]
///
/// Every event commits together with a row in a table of its own, `appended`; after each commit the row's number is
/// written to the standard output, so that whoever reads it knows what was acknowledged.
@main
struct AuditAppender {
    static func main() throws {
        let arguments = CommandLine.arguments
        let pool = try AuditDatabase.open(at: arguments[1])
        let name = arguments[2]
        let count = arguments.count > 3 ? Int(arguments[3]) ?? 0 : .max
        for number in 0..<count {
            try pool.write { db in
                try db.execute(sql: "INSERT INTO appended (name, number) VALUES (?, ?)", arguments: [name, number])
                try AuditLog.append(
                    AuditEvent(
                        .instanceReceived, source: Participant(aeTitle: name, host: "127.0.0.1"),
                        study: Study(uid: "1.2.\(number)"), details: ["number": String(number)]),
                    in: db)
            }
            FileHandle.standardOutput.write(Data("\(number)\n".utf8))
        }
    }
}
