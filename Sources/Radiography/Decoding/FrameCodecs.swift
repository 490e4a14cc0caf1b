import CDCMTK
import DICOM
import Foundation

/// Frames that DCMTK's codecs decode: JPEG and JPEG-LS.
enum JPEGFrame {
    /// - Parameter facts: What the stream says of itself.
    /// - Throws: `RadiographyError.contradictsHeader` or `.decoderFailed`.
    static func decode(
        _ frame: UnsafeRawBufferPointer, _ syntax: TransferSyntax, _ facts: CodeStreamFacts, _ format: PixelFormat
    ) throws -> RawSamples {
        try facts.check(against: format)
        let precision = facts.precision
        let bytesPerSample = precision > 8 ? 2 : 1
        let count = format.pixelCount * format.samplesPerPixel
        var description = cxr_frame_format()
        description.rows = UInt16(format.rows)
        description.columns = UInt16(format.columns)
        description.samples_per_pixel = UInt16(format.samplesPerPixel)
        description.bits_allocated = UInt16(bytesPerSample * 8)
        description.bits_stored = UInt16(precision)
        description.is_signed = format.isSigned
        copy(format.photometricInterpretation, to: &description.photometric)
        guard let capacity = UInt32(exactly: (count * bytesPerSample + 1) & ~1) else {
            throw RadiographyError.tooLarge("a frame of 4 GB")
        }
        var message = cxr_message()
        var model = ContiguousArray<CChar>(repeating: 0, count: 17)
        var failed = false
        func run(_ buffer: UnsafeMutablePointer<UInt8>) {
            failed = !cxr_pixels_decode(
                syntax.uid, frame.bindMemory(to: UInt8.self).baseAddress, frame.count, &description, buffer, capacity,
                model.withUnsafeMutableBufferPointer { $0.baseAddress }, &message)
        }
        let values = decodeSamples(count: count, bytesPerSample: bytesPerSample, run)
        guard !failed else { throw RadiographyError.decoderFailed(message.string) }
        let decodedModel = String(decoding: model.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return RawSamples(
            values: values, bits: precision, isLossy: syntax.isLossy,
            colourModel: decodedModel.isEmpty ? format.photometricInterpretation : decodedModel,
            notes: facts.notes)
    }

    private static func copy<Field>(_ text: String, to field: inout Field) {
        withUnsafeMutableBytes(of: &field) { $0.copyBytes(from: text.utf8.prefix($0.count - 1)) }
    }
}

/// Frames stored as they are.
enum NativeFrame {
    /// - Throws: `RadiographyError.truncated`, or `DICOMError` when the file ends early.
    static func read(_ file: DICOMFile, _ format: PixelFormat, available: Int) throws -> RawSamples {
        let subsampled = format.photometricInterpretation == "YBR_FULL_422"
        guard !subsampled || (format.bytesPerSample == 1 && format.columns % 2 == 0) else {
            throw RadiographyError.unsupportedPixelFormat("YBR_FULL_422 with odd columns or 16 bits")
        }
        let samples = format.pixelCount * (subsampled ? 2 : format.samplesPerPixel)
        let needed = samples * format.bytesPerSample
        guard available >= needed else { throw RadiographyError.truncated(needed: needed, found: available) }
        // The words of an OW element are read whole; an odd frame of bytes in a shorter element is read as it is.
        let count = min(available, (needed + 1) & ~1)
        var failure: (any Error)?
        var values = decodeSamples(count: samples, bytesPerSample: format.bytesPerSample, zeroed: false) { buffer in
            do {
                try file.readNativePixels(into: UnsafeMutableRawBufferPointer(start: buffer, count: count))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        if subsampled {
            values = ColourConversion.expand422(values, pixelCount: format.pixelCount)
        } else if format.samplesPerPixel == 3, format.isPlanar {
            values = ColourConversion.interleave(values, pixelCount: format.pixelCount)
        }
        return RawSamples(
            values: values, bits: format.bitsAllocated, isLossy: false,
            colourModel: format.photometricInterpretation)
    }
}

/// Fills samples of one or two bytes, host order, through `fill` and widens them to 16 bits.
///
/// - Parameter zeroed: Whether samples that `fill` leaves out must be 0: a codec may stop early.
private func decodeSamples(
    count: Int, bytesPerSample: Int, zeroed: Bool = true, _ fill: (UnsafeMutablePointer<UInt8>) -> Void
) -> [UInt16] {
    if bytesPerSample == 2 {
        return [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
            adviseLargePages(UnsafeMutableRawBufferPointer(buffer))
            if zeroed { buffer.initialize(repeating: 0) }
            buffer.withMemoryRebound(to: UInt8.self) { bytes in
                if let base = bytes.baseAddress { fill(base) }
            }
            initialized = count
        }
    }
    var bytes = [UInt8](repeating: 0, count: count + 1)
    bytes.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        fill(base)
    }
    return [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count {
            buffer[index] = UInt16(bytes[index])
        }
        initialized = count
    }
}

/// Asks for large pages in memory that will be written whole: a page fault for each 4 KB costs as much as reading it.
private func adviseLargePages(_ memory: UnsafeMutableRawBufferPointer) {
    guard let base = memory.baseAddress else { return }
    let page = 1 << 21
    let start = base.alignedUp(toMultipleOf: page)
    let length = (base + memory.count).alignedDown(toMultipleOf: page) - start
    if length > 0 {
        // Advice only: where it is not taken, all is as before.
        _ = madvise(start, length, MADV_HUGEPAGE)
    }
}

extension cxr_message {
    /// The text up to its NUL.
    fileprivate var string: String {
        withUnsafeBytes(of: text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
