import Audit
import Foundation

/// The person at the command line.
enum Operator {
    /// - Parameter name: Whom the person acts for. Whoever claims to be another person is recorded under both names.
    static func person(_ name: String? = nil) -> Person {
        let account = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "uid \(getuid())"
        let process = "cxrgate, process \(ProcessInfo.processInfo.processIdentifier), OS user \(account)"
        return Person(user: name ?? account, host: ProcessInfo.processInfo.hostName, process: process)
    }
}
