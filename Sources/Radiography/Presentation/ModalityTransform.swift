import DICOM

/// Stored values to modality values (PS3.3 C.11.1): a table, or slope and intercept.
struct ModalityTransform: Sendable, Equatable {
    var slope = 1.0
    var intercept = 0.0
    var table: LookupTable?
    var notes: [String] = []

    init(_ dataset: Dataset, isSigned: Bool) {
        if let item = dataset.items(.modalityLUTSequence).first {
            table = LookupTable(item, descriptor: .lutDescriptor, data: .lutData, signedInput: isSigned)
            if table == nil { notes.append("an unusable Modality LUT was ignored") }
        }
        guard table == nil else { return }
        let slope = dataset.double(.rescaleSlope) ?? 1
        if slope == 0 {
            notes.append("a Rescale Slope of 0 was ignored")
        } else {
            self.slope = slope
            intercept = dataset.double(.rescaleIntercept) ?? 0
        }
    }

    func callAsFunction(_ stored: Int) -> Double {
        if let table { return Double(table[stored]) }
        return Double(stored) * slope + intercept
    }

    /// Whether the input of a VOI table may be negative.
    func isSigned(storedSigned: Bool) -> Bool {
        table == nil && (storedSigned || intercept < 0 || slope < 0)
    }
}

/// Stored values that are no image (PS3.3 C.7.5.1.1.2).
struct PixelPadding: Sendable, Equatable {
    /// Patterns of `bitsStored` bits, as numbers.
    let range: ClosedRange<Int>

    init?(_ dataset: Dataset, _ frame: DecodedFrame) {
        guard let value = Self.number(.pixelPaddingValue, dataset, frame) else { return nil }
        let limit = Self.number(.pixelPaddingRangeLimit, dataset, frame) ?? value
        range = min(value, limit)...max(value, limit)
    }

    /// The VR of the padding attributes is US or SS, and real files have the wrong one: only the bits count.
    private static func number(_ tag: Tag, _ dataset: Dataset, _ frame: DecodedFrame) -> Int? {
        guard let value = dataset.int(tag) else { return nil }
        let mask = (1 << frame.bitsStored) - 1
        // A padding outside the stored range never occurs in the pixels.
        guard frame.isSigned || (value & 0xFFFF) <= mask else { return nil }
        return frame.number(UInt16(value & mask))
    }
}
