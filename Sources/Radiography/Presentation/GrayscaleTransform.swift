import DICOM

/// Stored values to display gray in one table: modality transformation, values of interest, polarity (PS3.3 C.11,
/// PS3.4 N.2).
struct GrayscaleTransform {
    /// Display gray, 0 to 1, of each stored pattern.
    let table: [Float]
    let source: ValueOfInterestSource
    let isInverted: Bool
    /// Shares of the unmasked pixels outside the displayed range, at the black and at the white end.
    let clipped: (low: Double, high: Double)
    let notes: [String]

    /// - Parameter mask: Pixels that do not count for the choice of a window; empty when all count.
    init(_ dataset: Dataset, _ facts: ImageFacts, _ frame: DecodedFrame, mask: [Bool]) {
        let modality = ModalityTransform(dataset, isSigned: frame.isSigned)
        let inputs = (0..<(1 << frame.bitsStored)).map { modality(frame.number(UInt16($0))) }
        var notes = modality.notes
        let display: [Double]
        if let (voi, explanation) = Self.voiTable(dataset, modality, frame, &notes) {
            let top = Double((1 << voi.bits) - 1)
            display = inputs.map { Double(voi[Int($0.rounded())]) / top }
            source = .lookupTable(explanation: explanation)
        } else if let window = facts.windows.first {
            display = inputs.map(window.display)
            source = .window(window)
        } else if frame.bitsStored <= 8, modality.table == nil {
            let top = Double((1 << frame.bitsStored) - 1)
            let lowest = Double(frame.isSigned ? -(1 << (frame.bitsStored - 1)) : 0)
            display = (0..<inputs.count).map { (Double(frame.number(UInt16($0))) - lowest) / top }
            source = .fullRange
        } else {
            let window = Self.percentileWindow(frame, mask: mask, inputs)
            display = inputs.map(window.display)
            source = .percentiles(window)
            notes.append("the header gives no window: percentiles of the exposed field were taken")
        }
        if dataset.contains(.windowCenter), facts.windows.isEmpty {
            notes.append("the header's window is not usable and was ignored")
        }
        isInverted = frame.isMonochrome1
        if let shape = facts.presentationLUTShape?.uppercased(), (shape == "INVERSE") != isInverted {
            notes.append("Presentation LUT Shape \(shape) contradicts \(facts.photometricInterpretation)")
        }
        let inverted = isInverted
        table = display.map { Float(inverted ? 1 - $0 : $0) }
        clipped = Self.clipped(frame, mask: mask, table)
        self.notes = notes
    }

    private static func voiTable(
        _ dataset: Dataset, _ modality: ModalityTransform, _ frame: DecodedFrame, _ notes: inout [String]
    ) -> (LookupTable, String?)? {
        guard let item = dataset.items(.voiLUTSequence).first else { return nil }
        let signed = modality.isSigned(storedSigned: frame.isSigned)
        guard let table = LookupTable(item, descriptor: .lutDescriptor, data: .lutData, signedInput: signed) else {
            notes.append("an unusable VOI LUT was ignored")
            return nil
        }
        return (table, item.text(.lutExplanation))
    }

    /// Counts the unmasked pixels whose pattern is a member.
    private static func count(_ frame: DecodedFrame, mask: [Bool], _ isMember: [Bool]) -> Int {
        guard let first = isMember.firstIndex(of: true), let last = isMember.lastIndex(of: true) else { return 0 }
        return frame.values.withUnsafeBufferPointer { values in
            if mask.isEmpty, !isMember[first...last].contains(false) {
                return count(values, from: UInt16(first), length: UInt16(last - first))
            }
            return isMember.withUnsafeBufferPointer { isMember in
                mask.withUnsafeBufferPointer { mask in
                    values.indices.count { (mask.isEmpty || !mask[$0]) && isMember[Int(values[$0])] }
                }
            }
        }
    }

    /// Counts values of a range: the common case, and fast, since the compiler makes several comparisons of one.
    private static func count(_ values: UnsafeBufferPointer<UInt16>, from first: UInt16, length: UInt16) -> Int {
        typealias Lanes = SIMD16<UInt16>
        let raw = UnsafeRawBufferPointer(values)
        let (firsts, lengths) = (Lanes(repeating: first), Lanes(repeating: length))
        let whole = values.count / Lanes.scalarCount
        var total = 0
        // As many at a time as their counts can be kept in a lane's width.
        for start in stride(from: 0, to: whole, by: 1 << 15) {
            var inside = Lanes.zero
            for index in start..<min(start + (1 << 15), whole) {
                let lanes = raw.loadUnaligned(fromByteOffset: index &* MemoryLayout<Lanes>.size, as: Lanes.self)
                inside.replace(with: inside &+ 1, where: lanes &- firsts .<= lengths)
            }
            total += inside.indices.reduce(0) { $0 + Int(inside[$1]) }
        }
        return total + values[(whole * Lanes.scalarCount)...].count { $0 &- first <= length }
    }

    /// The 0.5th to 99.5th percentile of the exposed field, in modality values.
    private static func percentileWindow(_ frame: DecodedFrame, mask: [Bool], _ inputs: [Double]) -> Window {
        let field = ExposedField(frame, mask: mask)
        var counts = [Int](repeating: 0, count: inputs.count)
        for row in field.rows {
            for index
                in (row * frame.columns + field.columns.lowerBound)..<(row * frame.columns + field.columns.upperBound)
            where mask.isEmpty || !mask[index] {
                counts[Int(frame.values[index])] += 1
            }
        }
        let order = inputs.indices.sorted { inputs[$0] < inputs[$1] }
        let total = counts.reduce(0, +)
        func percentile(_ share: Double) -> Double {
            let target = Int(Double(total) * share)
            var sum = 0
            for pattern in order {
                sum += counts[pattern]
                if sum > target { return inputs[pattern] }
            }
            return order.last.map { inputs[$0] } ?? 0
        }
        let (low, high) = (percentile(0.005), percentile(0.995))
        return Window(center: (low + high) / 2, width: max(high - low, 1e-6), function: .linearExact)
    }

    private static func clipped(_ frame: DecodedFrame, mask: [Bool], _ table: [Float]) -> (low: Double, high: Double) {
        let masked = mask.isEmpty ? 0 : mask.count { $0 }
        let total = Double(max(frame.values.count - masked, 1))
        return (
            Double(count(frame, mask: mask, table.map { $0 <= 0 })) / total,
            Double(count(frame, mask: mask, table.map { $0 >= 1 })) / total
        )
    }
}
