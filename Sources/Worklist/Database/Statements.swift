import Foundation
import GRDB

// Shorthands over GRDB's statement cache: reception runs the same few statements for every instance.
extension Database {
    func run(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    func row(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }

    func rows(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }

    func int(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> Int {
        try Int.fetchOne(cachedStatement(sql: sql), arguments: arguments) ?? 0
    }
}

extension Date {
    /// The form in which every time is stored.
    var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded()) }

    init(milliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
    }

    /// This time moved by a duration.
    public func advanced(by duration: Duration) -> Date {
        Date(milliseconds: milliseconds + duration.milliseconds)
    }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

extension Row {
    func date(_ column: String) -> Date? {
        (self[column] as Int64?).map(Date.init(milliseconds:))
    }

    func time(_ column: String) -> Date {
        Date(milliseconds: self[column])
    }

    /// A stored enumeration; the schema's CHECK constraints admit only the names of its cases.
    func value<Value: RawRepresentable>(_ column: String) throws -> Value where Value.RawValue == String {
        let name: String = self[column]
        guard let value = Value(rawValue: name) else {
            throw WorklistError.unknownValue(column: column, value: name)
        }
        return value
    }
}
