/// Steele, Lea and Flood's SplitMix: reproducible from its printed seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Damage as transmission, disks and attackers do it.
enum Mutation {
    /// One to eight changes: flipped bits, set bytes, cuts, repeats, and numbers that overflow.
    static func apply(to bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...8, using: &generator) where bytes.count > 4 {
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0, 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes[position] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
            case 3:
                for index in position..<min(position + 4, bytes.count) { bytes[index] = 0xFF }
            case 4: bytes.removeSubrange(position..<min(position + 16, bytes.count))
            default: bytes.removeLast(min(bytes.count - 4, Int.random(in: 1...64, using: &generator)))
            }
        }
        return bytes
    }
}
