import Foundation

/// The fields of a record taken back out of its canonical form (see ``RecordHasher``).
struct CanonicalForm: Equatable {
    let sequence: Int64
    let time: Int64
    let event: Int64
    let outcome: Int64
    /// The text columns from `patient_id` to `detail`.
    let texts: [String?]

    /// Nil when the bytes are no canonical form.
    init?(_ data: Data) {
        var rest = data[...]
        func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
            let size = MemoryLayout<Integer>.size
            guard rest.count >= size else { return nil }
            defer { rest = rest.dropFirst(size) }
            return rest.prefix(size).reversed().reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
        }
        guard integer(UInt32.self) == 0x4152_5843, integer(UInt8.self) == 1, let sequence = integer(Int64.self),
            let time = integer(Int64.self), let event = integer(Int64.self), let outcome = integer(Int64.self)
        else { return nil }
        var texts: [String?] = []
        for _ in 0..<RecordHasher.textColumnCount {
            guard let count = integer(UInt32.self) else { return nil }
            if count == .max {
                texts.append(nil)
                continue
            }
            guard rest.count >= Int(count), let text = String(bytes: rest.prefix(Int(count)), encoding: .utf8) else {
                return nil
            }
            texts.append(text)
            rest = rest.dropFirst(Int(count))
        }
        guard rest.isEmpty else { return nil }
        self.sequence = sequence
        self.time = time
        self.event = event
        self.outcome = outcome
        self.texts = texts
    }
}
