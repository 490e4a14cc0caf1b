import DICOM

/// How pixel values are laid out (PS3.3 C.7.6.3), checked as a whole before anything is allocated.
public struct PixelFormat: Equatable, Sendable {
    /// Rows of a frame.
    public let rows: Int
    /// Columns of a frame.
    public let columns: Int
    /// 1 for grayscale and palette colour, 3 for colour.
    public let samplesPerPixel: Int
    /// 8 or 16.
    public let bitsAllocated: Int
    /// 1 to `bitsAllocated`.
    public let bitsStored: Int
    /// The position of the highest stored bit.
    public let highBit: Int
    /// Whether values are two's complement.
    public let isSigned: Bool
    /// The Photometric Interpretation, upper case.
    public let photometricInterpretation: String
    /// Whether native colour samples come plane by plane.
    public let isPlanar: Bool
    /// The number of frames that the header claims.
    public let frameCount: Int

    /// Pixels of a frame.
    public var pixelCount: Int { rows * columns }
    /// Bytes of a decoded sample.
    public var bytesPerSample: Int { bitsAllocated / 8 }

    /// Reads and checks the Image Pixel attributes.
    ///
    /// - Throws: `RadiographyError.missingAttribute`, `.invalidAttribute`, `.tooLarge` or `.unsupportedPixelFormat`.
    public init(_ dataset: Dataset, limits: PixelLimits = .standard) throws {
        rows = try Self.number(.rows, "Rows", in: dataset, 1...65535)
        columns = try Self.number(.columns, "Columns", in: dataset, 1...65535)
        guard rows * columns <= limits.maximumPixels else {
            throw RadiographyError.tooLarge("\(rows) x \(columns) pixels, at most \(limits.maximumPixels)")
        }
        samplesPerPixel = try Self.number(.samplesPerPixel, "Samples per Pixel", in: dataset, 1...65535, absent: 1)
        guard samplesPerPixel == 1 || samplesPerPixel == 3 else {
            throw RadiographyError.unsupportedPixelFormat("\(samplesPerPixel) samples per pixel")
        }
        bitsAllocated = try Self.number(.bitsAllocated, "Bits Allocated", in: dataset, 1...64)
        guard bitsAllocated == 8 || bitsAllocated == 16 else {
            throw RadiographyError.unsupportedPixelFormat("\(bitsAllocated) bits allocated; 8 and 16 are read")
        }
        bitsStored = try Self.number(.bitsStored, "Bits Stored", in: dataset, 1...bitsAllocated, absent: bitsAllocated)
        highBit = try Self.number(
            .highBit, "High Bit", in: dataset, (bitsStored - 1)...(bitsAllocated - 1), absent: bitsStored - 1)
        isSigned = try Self.number(.pixelRepresentation, "Pixel Representation", in: dataset, 0...1, absent: 0) == 1
        isPlanar = try Self.number(.planarConfiguration, "Planar Configuration", in: dataset, 0...1, absent: 0) == 1
        frameCount = try Self.number(.numberOfFrames, "Number of Frames", in: dataset, 1...Int(Int32.max), absent: 1)
        photometricInterpretation = try Self.photometric(dataset, samplesPerPixel: samplesPerPixel)
    }

    private static func number(
        _ tag: Tag, _ keyword: String, in dataset: Dataset, _ range: ClosedRange<Int>, absent: Int? = nil
    ) throws -> Int {
        guard let text = dataset.texts(tag).first, !text.isEmpty else {
            guard let absent else { throw RadiographyError.missingAttribute(keyword) }
            return absent
        }
        guard let value = Int(text), range.contains(value) else {
            throw RadiographyError.invalidAttribute(
                keyword, value: String(text.prefix(40)), reason: "expected \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private static func photometric(_ dataset: Dataset, samplesPerPixel: Int) throws -> String {
        guard let text = dataset.texts(.photometricInterpretation).first, !text.isEmpty else {
            throw RadiographyError.missingAttribute("Photometric Interpretation")
        }
        let name = text.uppercased()
        let gray = ["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"]
        let colour = ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"]
        guard gray.contains(name) || colour.contains(name) else {
            throw RadiographyError.unsupportedPixelFormat("Photometric Interpretation '\(text.prefix(40))'")
        }
        guard (samplesPerPixel == 1) == gray.contains(name) else {
            throw RadiographyError.invalidAttribute(
                "Photometric Interpretation", value: name, reason: "does not fit \(samplesPerPixel) samples per pixel")
        }
        return name
    }
}
