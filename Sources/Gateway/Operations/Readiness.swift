import Synchronization

/// Named conditions for taking work. Each part of the gateway adds its own; `/readyz` and the metrics ask them all.
final class Readiness: Sendable {
    /// `nil` when the condition holds, else what is missing, in words for an administrator and without patient data.
    typealias Check = @Sendable () -> String?

    private let checks = Mutex<[(name: String, check: Check)]>([])

    /// Adds a condition, such as `model`. A second one under the same name takes the place of the first.
    func register(_ name: String, _ check: @escaping Check) {
        checks.withLock { checks in
            checks.removeAll { $0.name == name }
            checks.append((name, check))
        }
    }

    /// What each condition says now, in the order in which they were added.
    func results() -> [(name: String, problem: String?)] {
        checks.withLock { $0 }.map { ($0.name, $0.check()) }
    }
}
