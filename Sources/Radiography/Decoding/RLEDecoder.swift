import Foundation

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
        let values = try [UInt16](
            unsafeUninitializedCapacity: format.pixelCount * format.samplesPerPixel
        ) { target, initialized in
            var segments = (0..<expected).map {
                PackBits(frame[starts[$0]..<starts[$0 + 1]], pixels: format.pixelCount)
            }
            try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: part * format.bytesPerSample) { bytes in
                for first in stride(from: 0, to: format.pixelCount, by: part) {
                    let count = min(part, format.pixelCount - first)
                    let high = UnsafeMutableBufferPointer(rebasing: bytes[..<count])
                    // Of a sample of one byte, which is not shifted, both are the same.
                    let low = UnsafeMutableBufferPointer(rebasing: bytes[(bytes.count - part)...].prefix(count))
                    for sample in 0..<format.samplesPerPixel {
                        try segments[sample * format.bytesPerSample].unpack(into: high)
                        if format.bytesPerSample == 2 { try segments[sample * 2 + 1].unpack(into: low) }
                        var index = first * format.samplesPerPixel + sample
                        let shift: UInt16 = format.bytesPerSample == 2 ? 8 : 0
                        if format.samplesPerPixel == 1 {
                            let line = UnsafeMutableBufferPointer(rebasing: target[index..<(index + count)])
                            for pixel in 0..<count { line[pixel] = UInt16(high[pixel]) << shift | UInt16(low[pixel]) }
                        } else {
                            for pixel in 0..<count {
                                target[index] = UInt16(high[pixel]) << shift | UInt16(low[pixel])
                                index += format.samplesPerPixel
                            }
                        }
                    }
                }
            }
            initialized = target.count
        }
        return RawSamples(
            values: values, bits: format.bitsAllocated, isLossy: false, colourModel: format.photometricInterpretation)
    }

    /// Pixels whose bytes are unpacked together: few enough to stay in the processor's cache.
    private static let part = 8192
}

/// A PackBits segment (PS3.5 G.3.2), unpacked part by part: a byte of 0 to 127 announces that many and one literals,
/// -1 to -127 as many and one repeats of the next byte; -128 is nothing.
private struct PackBits {
    private let bytes: UnsafeRawBufferPointer
    private let pixels: Int
    private var position = 0
    private var done = 0
    /// What is left of the literals or the repeats that the last part ended in.
    private var pending = 0
    private var isRepeat = false

    init(_ bytes: Slice<UnsafeRawBufferPointer>, pixels: Int) {
        self.bytes = UnsafeRawBufferPointer(rebasing: bytes)
        self.pixels = pixels
    }

    mutating func unpack(into target: UnsafeMutableBufferPointer<UInt8>) throws {
        guard let source = bytes.baseAddress, let base = UnsafeMutableRawPointer(target.baseAddress) else { return }
        var filled = 0
        while filled < target.count {
            if pending == 0 {
                guard position < bytes.count else { throw truncated(filled) }
                let control = Int(Int8(bitPattern: bytes[position]))
                position += 1
                guard control > -128 else { continue }
                isRepeat = control < 0
                pending = abs(control) + 1
            }
            let length = min(pending, target.count - filled)
            guard position + (isRepeat ? 1 : length) <= bytes.count else { throw truncated(filled) }
            if isRepeat {
                memset(base + filled, Int32(bytes[position]), length)
            } else {
                memcpy(base + filled, source + position, length)
                position += length
            }
            filled += length
            pending -= length
            if isRepeat, pending == 0 { position += 1 }
        }
        done += filled
    }

    private func truncated(_ filled: Int) -> RadiographyError {
        .truncated(needed: pixels, found: done + filled)
    }
}
