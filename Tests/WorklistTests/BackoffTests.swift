import Foundation
import Testing

@testable import Worklist

/// SplitMix64 (Steele, Lea and Flood 2014): the tests' repeatable random numbers.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct BackoffTests {
    @Test func waitsDoubleUpToTheCap() {
        let backoff = Backoff(initial: .seconds(5), multiplier: 2, maximum: .seconds(60), jitter: 0)
        let waits = (1...6).map { backoff.delay(afterFailures: $0) }
        #expect(waits == [.seconds(5), .seconds(10), .seconds(20), .seconds(40), .seconds(60), .seconds(60)])
        #expect(backoff.delay(afterFailures: 0) == .seconds(5))
        #expect(backoff.delay(afterFailures: 1_000_000) == .seconds(60))
    }

    @Test func jitterOnlyShortensAndIsRepeatableWithASeed() {
        let backoff = Backoff(initial: .seconds(8), maximum: .seconds(600), jitter: 0.5)
        var one = SplitMix64(state: 7)
        var other = SplitMix64(state: 7)
        var waits: Set<Duration> = []
        for failures in 1...200 {
            let wait = backoff.delay(afterFailures: failures % 8 + 1, using: &one)
            #expect(wait == backoff.delay(afterFailures: failures % 8 + 1, using: &other))
            let full = min(600, 8 * pow(2, Double(failures % 8)))
            #expect(wait >= .milliseconds(Int(full * 500)) && wait <= .milliseconds(Int(full * 1000)))
            waits.insert(wait)
        }
        #expect(waits.count > 150)
    }
}
