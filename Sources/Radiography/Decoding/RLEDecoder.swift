/// Decodes RLE Lossless frames (PS3.5 annex G): one PackBits segment for each byte of a composite pixel, the most
/// significant byte of each sample first.
///
/// DCMTK 3.6.7's decoder leaves its buffer on damaged frames (found by the fuzzer), so frames do not go there.
enum RLEDecoder {
    /// Decodes to samples by pixel.
    ///
    /// - Throws: `RadiographyError.contradictsHeader`, `.truncated` or `.malformedCodeStream`.
    static func decode(_ frame: UnsafeRawBufferPointer, _ format: PixelFormat) throws -> RawSamples {
        guard frame.count > 64 else { throw RadiographyError.truncated(needed: 65, found: frame.count) }
        func word(_ index: Int) -> Int {
            Int(UInt32(littleEndian: frame.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
        }
        let expected = format.samplesPerPixel * format.bytesPerSample
        guard word(0) == expected else {
            throw RadiographyError.contradictsHeader(
                codeStream: "\(word(0)) RLE segments", header: "\(expected) bytes per pixel")
        }
        let starts = (1...expected).map(word) + [frame.count]
        guard starts[0] >= 64, zip(starts, starts.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw RadiographyError.malformedCodeStream("RLE segments that are not in order")
        }
        // A run of two bytes makes 128 at most: what cannot suffice is not allocated.
        let leastBytes = format.pixelCount * expected / 64
        guard frame.count - 64 >= leastBytes else {
            throw RadiographyError.truncated(needed: leastBytes + 64, found: frame.count)
        }
        var values = [UInt16](repeating: 0, count: format.pixelCount * format.samplesPerPixel)
        try values.withUnsafeMutableBufferPointer { target in
            for segment in 0..<expected {
                let (sample, byte) = (segment / format.bytesPerSample, segment % format.bytesPerSample)
                let bytes = UnsafeRawBufferPointer(rebasing: frame[starts[segment]..<starts[segment + 1]])
                try unpack(
                    bytes, into: target, first: sample, step: format.samplesPerPixel, count: format.pixelCount,
                    shift: UInt16((format.bytesPerSample - 1 - byte) * 8))
            }
        }
        return RawSamples(
            values: values, bits: format.bitsAllocated, isLossy: false, colourModel: format.photometricInterpretation)
    }

    /// PackBits (PS3.5 G.3.2): a byte of 0 to 127 announces that many and one literals, -1 to -127 as many and one
    /// repeats of the next byte; -128 is nothing.
    private static func unpack(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<UInt16>, first: Int, step: Int,
        count: Int, shift: UInt16
    ) throws {
        var (position, pixel, index) = (0, 0, first)
        while pixel < count {
            guard position < bytes.count else { throw RadiographyError.truncated(needed: count, found: pixel) }
            let control = Int(Int8(bitPattern: bytes[position]))
            position += 1
            if control >= 0 {
                let length = min(control + 1, count - pixel)
                guard position + length <= bytes.count else {
                    throw RadiographyError.truncated(needed: count, found: pixel)
                }
                for offset in 0..<length {
                    target[index] |= UInt16(bytes[position + offset]) << shift
                    index += step
                }
                position += control + 1
                pixel += length
            } else if control > -128 {
                guard position < bytes.count else { throw RadiographyError.truncated(needed: count, found: pixel) }
                let value = UInt16(bytes[position]) << shift
                let length = min(1 - control, count - pixel)
                for _ in 0..<length {
                    target[index] |= value
                    index += step
                }
                position += 1
                pixel += length
            }
        }
    }
}
