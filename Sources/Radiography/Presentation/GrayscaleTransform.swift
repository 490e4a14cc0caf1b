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
        let histogram = Self.histogram(frame, mask: mask)
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
        clipped = Self.clipped(histogram, table)
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

    private static func histogram(_ frame: DecodedFrame, mask: [Bool]) -> [Int] {
        var counts = [Int](repeating: 0, count: 1 << frame.bitsStored)
        counts.withUnsafeMutableBufferPointer { counts in
            frame.values.withUnsafeBufferPointer { values in
                if mask.isEmpty {
                    for value in values { counts[Int(value)] += 1 }
                } else {
                    for index in 0..<values.count where !mask[index] { counts[Int(values[index])] += 1 }
                }
            }
        }
        return counts
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

    private static func clipped(_ histogram: [Int], _ table: [Float]) -> (low: Double, high: Double) {
        let total = max(histogram.reduce(0, +), 1)
        var (low, high) = (0, 0)
        for (pattern, count) in histogram.enumerated() {
            if table[pattern] <= 0 { low += count }
            if table[pattern] >= 1 { high += count }
        }
        return (Double(low) / Double(total), Double(high) / Double(total))
    }
}
