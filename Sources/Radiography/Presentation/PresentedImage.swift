import DICOM

/// An image's first frame as a viewer shows it with the header's own presentation: at native resolution, in the
/// source's orientation and pixel coordinates.
public struct PresentedImage: Sendable, Equatable {
    /// Rows of the source.
    public let rows: Int
    /// Columns of the source.
    public let columns: Int
    /// `[rows, columns]`: the stored values, whose gray `table` holds.
    private let values: [UInt16]
    private let table: [Float]
    /// `[rows, columns]`: which pixels are no image (display shutter, pixel padding); empty when there are none.
    public let mask: [Bool]
    /// What the header says.
    public let facts: ImageFacts
    /// Where the displayed range comes from.
    public let valueOfInterest: ValueOfInterestSource
    /// Whether gray was inverted for display (MONOCHROME1).
    public let isInverted: Bool
    /// The share of unmasked pixels that display as black, and as white, because they lie outside the window.
    public let clippedLow: Double
    public let clippedHigh: Double
    /// What was unusual, for the provenance.
    public let notes: [String]

    /// Decodes and presents the first frame.
    ///
    /// - Throws: `RadiographyError`.
    public init(_ file: DICOMFile, decoder: PixelDecoder = PixelDecoder()) throws {
        try self.init(file, frame: decoder.firstFrame(of: file), limits: decoder.limits)
    }

    /// Presents a frame that is decoded already.
    ///
    /// - Throws: `RadiographyError` when the header is not one of an image.
    public init(_ file: DICOMFile, frame: DecodedFrame, limits: PixelLimits = .standard) throws {
        let facts = ImageFacts(file, try PixelFormat(file.dataset, limits: limits))
        var notes = frame.notes
        let mask = Self.mask(file.dataset, facts, frame, &notes)
        let transform = GrayscaleTransform(file.dataset, facts, frame, mask: mask)
        table = transform.table
        values = frame.values
        rows = frame.rows
        columns = frame.columns
        self.mask = mask
        self.facts = facts
        valueOfInterest = transform.source
        isInverted = transform.isInverted
        (clippedLow, clippedHigh) = transform.clipped
        self.notes = notes + transform.notes
    }

    /// `[rows, columns]`, 0 black to 1 white; covered and padded pixels are 0. Made on each access: what needs them
    /// once takes them line by line.
    public var pixels: [Float] {
        [Float](unsafeUninitializedCapacity: values.count) { buffer, initialized in
            fill(buffer, from: 0)
            initialized = values.count
        }
    }

    /// Writes the gray of one row.
    func line(_ row: Int, into line: UnsafeMutableBufferPointer<Float>) {
        fill(line, from: row * columns)
    }

    /// Whether a row is one and the same mid-gray.
    func isFlatGray(row: Int) -> Bool {
        let indices = (row * columns)..<((row + 1) * columns)
        let first = gray(indices.lowerBound)
        return first > 0.1 && first < 0.9 && indices.allSatisfy { gray($0) == first }
    }

    /// Pixels of each of 256 gray levels, in the first of every `step` rows.
    func levelCounts(everyRow step: Int) -> [Int] {
        let levels = table.map { UInt8(min(max($0, 0), 1) * 255) }
        // Four counters for each level, taken in turn: neighbours are alike, and need not wait for each other.
        var counts = [Int](repeating: 0, count: 4 * 256)
        counts.withUnsafeMutableBufferPointer { counts in
            values.withUnsafeBufferPointer { values in
                levels.withUnsafeBufferPointer { levels in
                    for row in stride(from: 0, to: rows, by: step) {
                        for index in (row * columns)..<((row + 1) * columns) {
                            let isImage = mask.isEmpty || !mask[index]
                            counts[(isImage ? Int(levels[Int(values[index])]) : 0) &* 4 &+ (index & 3)] &+= 1
                        }
                    }
                }
            }
        }
        return (0..<256).map { counts[($0 * 4)..<($0 * 4 + 4)].reduce(0, +) }
    }

    private func gray(_ index: Int) -> Float {
        mask.isEmpty || !mask[index] ? table[Int(values[index])] : 0
    }

    private func fill(_ buffer: UnsafeMutableBufferPointer<Float>, from first: Int) {
        values.withUnsafeBufferPointer { values in
            table.withUnsafeBufferPointer { table in
                for index in 0..<buffer.count {
                    buffer[index] = table[Int(values[first &+ index])]
                }
            }
        }
        guard !mask.isEmpty else { return }
        mask.withUnsafeBufferPointer { mask in
            for index in 0..<buffer.count where mask[first &+ index] {
                buffer[index] = 0
            }
        }
    }

    /// The pixels as 8-bit gray, rounded.
    public var gray8: [UInt8] { Self.gray8(pixels) }

    /// Gray levels of pixels in [0, 1], rounded.
    static func gray8(_ pixels: [Float]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, initialized in
            for index in 0..<pixels.count {
                buffer[index] = UInt8(min(max(pixels[index], 0), 1) * 255 + 0.5)
            }
            initialized = pixels.count
        }
    }

    private static func mask(
        _ dataset: Dataset, _ facts: ImageFacts, _ frame: DecodedFrame, _ notes: inout [String]
    ) -> [Bool] {
        let padding = PixelPadding(dataset, frame)
        guard padding != nil || facts.shutter != nil else { return [] }
        var mask = [Bool](repeating: false, count: frame.rows * frame.columns)
        if let shutter = facts.shutter {
            shutter.cover(&mask, rows: frame.rows, columns: frame.columns)
            if let group = shutter.overlayGroup {
                let plane = facts.overlays.first { $0.group == group }
                let done = plane?.mark(&mask, rows: frame.rows, columns: frame.columns, in: dataset) ?? false
                if !done { notes.append("the bitmap shutter's overlay is missing or too short and was ignored") }
            }
            if !mask.contains(false) {
                notes.append("a display shutter that covers everything was ignored")
                mask = [Bool](repeating: false, count: mask.count)
            }
        }
        if let padding {
            let isPadding = (0..<(1 << frame.bitsStored)).map { padding.range.contains(frame.number(UInt16($0))) }
            for index in mask.indices where isPadding[Int(frame.values[index])] {
                mask[index] = true
            }
        }
        return mask.contains(true) ? mask : []
    }
}
