import DICOM

/// The first frame's stored values, one sample per pixel, before any grayscale transformation.
public struct DecodedFrame: Sendable, Equatable {
    /// Rows of the image.
    public let rows: Int
    /// Columns of the image.
    public let columns: Int
    /// `[rows, columns]`, the `bitsStored` low bits of each stored value; other bits are 0.
    public let values: [UInt16]
    /// 1 to 16.
    public let bitsStored: Int
    /// Whether `values` hold two's complement of `bitsStored` bits.
    public let isSigned: Bool
    /// Whether the lowest value is white (MONOCHROME1).
    public let isMonochrome1: Bool
    /// What was unusual, for the provenance.
    public let notes: [String]

    /// A frame from its values; `values` are `[rows, columns]` of `bitsStored` bits.
    package init(
        rows: Int, columns: Int, values: [UInt16], bitsStored: Int, isSigned: Bool, isMonochrome1: Bool,
        notes: [String]
    ) {
        self.rows = rows
        self.columns = columns
        self.values = values
        self.bitsStored = bitsStored
        self.isSigned = isSigned
        self.isMonochrome1 = isMonochrome1
        self.notes = notes
    }

    /// The value as a number.
    @inlinable
    public func number(_ pattern: UInt16) -> Int {
        isSigned && Int(pattern) >> (bitsStored - 1) & 1 == 1 ? Int(pattern) - (1 << bitsStored) : Int(pattern)
    }
}

/// Decodes pixel data in any transfer syntax that the gateway receives.
public struct PixelDecoder: Sendable {
    /// Bounds on what is decoded.
    public var limits: PixelLimits

    /// A decoder with limits.
    public init(limits: PixelLimits = .standard) {
        self.limits = limits
    }

    /// Decodes the first frame to one sample per pixel; colour becomes luma (ITU-R BT.601).
    ///
    /// - Throws: `RadiographyError`.
    public func firstFrame(of file: DICOMFile) throws -> DecodedFrame {
        let format = try PixelFormat(file.dataset, limits: limits)
        var frame = try samples(of: file, format)
        if format.frameCount > 1 {
            frame.notes.append("the first of \(format.frameCount) frames was taken")
        }
        if format.samplesPerPixel == 3 {
            return try ColourConversion.luma(frame, format)
        }
        if format.photometricInterpretation == "PALETTE COLOR" {
            return try ColourConversion.paletteLuma(frame, format, file.dataset)
        }
        return DecodedFrame(
            rows: format.rows, columns: format.columns, values: frame.storedValues(format),
            bitsStored: format.bitsStored, isSigned: format.isSigned,
            isMonochrome1: format.photometricInterpretation == "MONOCHROME1", notes: frame.notes)
    }

    private func samples(of file: DICOMFile, _ format: PixelFormat) throws -> RawSamples {
        let uid = file.transferSyntaxUID
        guard let syntax = TransferSyntax(uid: uid) else { throw RadiographyError.unsupportedTransferSyntax(uid) }
        do {
            switch try file.pixelDataLayout() {
            case .native(let byteCount):
                guard !syntax.isEncapsulated else {
                    throw RadiographyError.noPixelData("\(syntax.name) needs fragments, the values are native")
                }
                return try NativeFrame.read(file, format, available: byteCount)
            case .encapsulated(let fragmentCount):
                let frame = try FrameAssembly(file, fragmentCount: fragmentCount, format: format, limits: limits)
                var samples = try frame.withBytes { try decode($0, syntax, format) }
                samples.notes = frame.notes + samples.notes
                return samples
            }
        } catch let error as DICOMError {
            throw RadiographyError.noPixelData(error.description)
        }
    }

    /// Decodes one compressed frame; also the entry point for who has a code-stream and no file.
    package func decode(
        _ frame: UnsafeRawBufferPointer, _ syntax: TransferSyntax, _ format: PixelFormat
    ) throws -> RawSamples {
        switch syntax {
        case .jpegBaseline, .jpegExtended:
            return try JPEGFrame.decode(frame, syntax, try JPEGInspector.inspect(frame, .lossy), format)
        case .jpegLossless, .jpegLosslessSV1:
            return try JPEGFrame.decode(frame, syntax, try JPEGInspector.inspect(frame, .lossless), format)
        case .jpegLSLossless, .jpegLSNearLossless:
            return try JPEGFrame.decode(frame, syntax, try JPEGInspector.inspect(frame, .jpegLS), format)
        case .rleLossless:
            return try RLEDecoder.decode(frame, format)
        case .jpeg2000, .jpeg2000Lossless, .htj2k, .htj2kLossless, .htj2kLosslessRPCL:
            return try decodeJPEG2000(frame, syntax, format)
        default:
            throw RadiographyError.malformedCodeStream("fragments in \(syntax.name)")
        }
    }

    private func decodeJPEG2000(
        _ frame: UnsafeRawBufferPointer, _ syntax: TransferSyntax, _ format: PixelFormat
    ) throws -> RawSamples {
        var stream = frame
        var notes: [String] = []
        if let range = try JPEG2000Inspector.codeStreamRange(in: frame) {
            stream = UnsafeRawBufferPointer(rebasing: frame[range])
            notes.append("the frame is a JP2 file instead of a code-stream")
        }
        let facts = try JPEG2000Inspector.inspect(stream, limits: limits)
        try facts.check(against: format)
        let values = try JPEG2000Decoder().decode(stream, facts: facts)
        let model =
            switch format.photometricInterpretation {
            case "YBR_ICT", "YBR_RCT": "RGB"
            case let name: name
            }
        return RawSamples(
            values: values, bits: facts.precision, isLossy: syntax.isLossy, colourModel: model,
            notes: notes + facts.notes)
    }
}

/// Decoded samples by pixel, before masking: `[rows, columns, samples]`.
package struct RawSamples {
    var values: [UInt16]
    /// The width of a sample in the stream.
    var bits: Int
    var isLossy: Bool
    /// The Photometric Interpretation of `values`.
    var colourModel: String
    var notes: [String] = []

    /// The stored bits of each value, moved to the low end. Bits above High Bit may carry overlays or rubbish.
    ///
    /// A lossy codec may overshoot the stored range; there the value is clamped, since masking would turn white
    /// specks black. Only unsigned values can be clamped: for signed ones the overshoot is not to be told apart.
    func storedValues(_ format: PixelFormat) -> [UInt16] {
        let shift = format.highBit + 1 - format.bitsStored
        let mask = UInt16(truncatingIfNeeded: (1 << format.bitsStored) - 1)
        if isLossy, !format.isSigned, shift == 0 {
            return bits <= format.bitsStored ? values : values.map { min($0, mask) }
        }
        if shift == 0, mask == .max || (bits <= format.bitsStored && !format.isSigned) { return values }
        return values.map { ($0 >> UInt16(shift)) & mask }
    }
}
