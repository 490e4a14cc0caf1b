/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, the same numbers on every machine, which the system's generator
/// is not.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A source that always gives the same numbers for the same seed.
    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    /// A number in `0..<limit`, by multiplication (Lemire 2019; the bias is below 2^-32 for any realistic limit).
    public mutating func next(below limit: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(limit)).high)
    }
}
