import DICOM

/// A lookup table of DICOM (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5): modality, VOI or palette.
struct LookupTable: Sendable, Equatable {
    /// The input value of the first entry; inputs below take that entry, inputs beyond the end the last.
    let firstInput: Int
    /// The entries.
    let entries: [UInt16]
    /// The depth of the entries, 8 to 16.
    let bits: Int

    /// Reads a table; `nil` when it is absent or its length does not fit its descriptor.
    ///
    /// - Parameter signedInput: How the descriptor's second value is to be understood; its VR in real files is either.
    init?(_ dataset: Dataset, descriptor: Tag, data: Tag, signedInput: Bool) {
        let numbers = dataset.texts(descriptor).compactMap { Int($0) }
        guard numbers.count == 3 else { return nil }
        let count = numbers[0] & 0xFFFF == 0 ? 65536 : numbers[0] & 0xFFFF
        let first = numbers[1] & 0xFFFF
        firstInput = signedInput && first >= 0x8000 ? first - 0x10000 : first
        let claimedBits = numbers[2]
        let stored = dataset.withBytes(data) { raw -> [UInt16]? in
            if raw.count >= count * 2 {
                return (0..<count).map { raw.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self) }
            }
            // Entries of 8 bits packed two to a word.
            return claimedBits <= 8 && raw.count >= count ? raw.prefix(count).map { UInt16($0) } : nil
        }
        guard let entries = stored ?? nil, let highest = entries.max() else { return nil }
        let usedBits = 16 - highest.leadingZeroBitCount
        // Descriptors of real files lie about the depth; a depth that the entries overflow is not believed.
        bits = (8...16).contains(claimedBits) && usedBits <= claimedBits ? claimedBits : max(usedBits, 8)
        self.entries = entries
    }

    /// The entry for an input value.
    subscript(_ input: Int) -> UInt16 {
        entries[min(max(input - firstInput, 0), entries.count - 1)]
    }
}
