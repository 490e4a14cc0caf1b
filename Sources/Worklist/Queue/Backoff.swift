import Foundation

/// How long to wait before the next attempt: exponential, capped, with jitter so that retries do not come in step.
public struct Backoff: Sendable, Equatable {
    /// The wait after the first failure.
    public var initial: Duration
    /// What each further failure multiplies it by.
    public var multiplier: Double
    /// The longest wait.
    public var maximum: Duration
    /// The part of the wait that is left to chance, 0 to 1: with 0.5, a wait of 60 s becomes 30 to 60 s.
    public var jitter: Double

    public init(
        initial: Duration = .seconds(5), multiplier: Double = 2, maximum: Duration = .seconds(900),
        jitter: Double = 0.5
    ) {
        self.initial = initial
        self.multiplier = max(1, multiplier)
        self.maximum = maximum
        self.jitter = min(max(jitter, 0), 1)
    }

    /// The wait after so many failures (1 is the first).
    public func delay(afterFailures failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = Double(maximum.milliseconds)
        let full = min(ceiling, Double(initial.milliseconds) * pow(multiplier, Double(max(0, failures - 1))))
        let share = jitter > 0 ? Double.random(in: 0...jitter, using: &generator) : 0
        return .milliseconds(Int64((full * (1 - share)).rounded()))
    }

    /// The wait after so many failures, with the system's random numbers.
    public func delay(afterFailures failures: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterFailures: failures, using: &generator)
    }
}
