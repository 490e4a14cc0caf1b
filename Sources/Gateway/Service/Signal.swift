import Foundation

/// Wakes and stops a worker thread. `@unchecked Sendable`: every access to the flags holds the condition's lock.
final class Signal: @unchecked Sendable {
    private let condition = NSCondition()
    private var isAwake = false
    private var stopped = false

    /// Ends a `wait` now, or the next one at once.
    func wake() {
        condition.lock()
        isAwake = true
        condition.broadcast()
        condition.unlock()
    }

    /// Ends every `wait` from now on.
    func stop() {
        condition.lock()
        stopped = true
        condition.broadcast()
        condition.unlock()
    }

    var isStopped: Bool {
        condition.lock()
        defer { condition.unlock() }
        return stopped
    }

    /// Blocks until woken, stopped, or the time has come.
    func wait(until time: Date) {
        condition.lock()
        defer { condition.unlock() }
        while !isAwake && !stopped {
            if !condition.wait(until: time) { break }
        }
        isAwake = false
    }
}

/// Runs blocking work on a thread of its own, away from the cooperative pool, and returns when it is done.
@discardableResult
func onOwnThread<Value: Sendable>(_ name: String, _ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        let thread = Thread { continuation.resume(returning: body()) }
        thread.name = name
        thread.start()
    }
}

extension Duration {
    /// Whole nanoseconds.
    var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }

    /// Seconds as a floating-point number.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
