import CAssertionGuard
import COpenJPEG
import Foundation
import Synchronization

/// Decodes JPEG 2000 and HTJ2K code-streams with OpenJPEG in strict mode: an incomplete stream is an error.
///
/// An assertion of OpenJPEG can be survived on the thread that decodes only, so a large image is decoded in bands, each
/// on one thread with a codec of its own; code-blocks on a seam are decoded twice. HTJ2K is decoded whole: OpenJPEG 2.5
/// returns other values when it decodes a part of it.
struct JPEG2000Decoder {
    /// The least number of rows of a band: with fewer, the code-blocks that bands share cost more than a thread gains.
    static let leastBandRows = 512

    /// Decodes to samples by pixel (`[rows, columns, components]`), each the low 16 bits of the component's value.
    ///
    /// - Parameters:
    ///   - facts: What `JPEG2000Inspector` read; a decoder that finds otherwise is not believed.
    ///   - bands: How many bands are decoded side by side, if any may be; by default as many as there are processors and
    ///     rows for.
    /// - Throws: `RadiographyError.decoderFailed`.
    func decode(_ bytes: UnsafeRawBufferPointer, facts: CodeStreamFacts, bands: Int? = nil) throws -> [UInt16] {
        let possible = min(ProcessInfo.processInfo.activeProcessorCount, facts.rows / Self.leastBandRows)
        let rows = Self.split(facts.rows, into: facts.isHighThroughput ? 1 : max(bands ?? possible, 1))
        let rowSamples = facts.columns * facts.components
        return try [UInt16](unsafeUninitializedCapacity: facts.rows * rowSamples) { buffer, initialized in
            let shared = SharedBuffers(bytes: bytes, samples: buffer)
            let failure = Mutex<(any Error)?>(nil)
            DispatchQueue.concurrentPerform(iterations: rows.count) { band in
                let target = rows[band].lowerBound * rowSamples..<rows[band].upperBound * rowSamples
                do {
                    let samples = UnsafeMutableBufferPointer(rebasing: shared.samples[target])
                    try decode(shared.bytes, rows[band], facts, into: samples)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
            if let error = failure.withLock({ $0 }) { throw error }
            initialized = facts.rows * rowSamples
        }
    }

    /// The rows of each band, about as many in each.
    private static func split(_ rows: Int, into bands: Int) -> [Range<Int>] {
        (0..<bands).map { (rows * $0 / bands)..<(rows * ($0 + 1) / bands) }
    }

    /// Decodes the given rows.
    private func decode(
        _ bytes: UnsafeRawBufferPointer, _ rows: Range<Int>, _ facts: CodeStreamFacts,
        into samples: UnsafeMutableBufferPointer<UInt16>
    ) throws {
        var source = MemoryStream(bytes: bytes)
        try withUnsafeMutablePointer(to: &source) { source in
            let report = DecoderReport()
            guard let stream = source.pointee.open(source), let codec = opj_create_decompress(OPJ_CODEC_J2K) else {
                throw RadiographyError.decoderFailed("OpenJPEG has no memory")
            }
            defer {
                opj_destroy_codec(codec)
                opj_stream_destroy(stream)
            }
            let context = Unmanaged.passUnretained(report).toOpaque()
            opj_set_error_handler(codec, keepMessage, context)
            opj_set_warning_handler(codec, keepMessage, context)
            opj_set_info_handler(codec, nil, nil)
            var image: UnsafeMutablePointer<opj_image_t>?
            defer { opj_image_destroy(image) }
            var parameters = opj_dparameters_t()
            opj_set_default_decoder_parameters(&parameters)
            guard opj_setup_decoder(codec, &parameters) != 0, opj_decoder_set_strict_mode(codec, 1) != 0 else {
                throw RadiographyError.decoderFailed(report.text ?? "no reason given")
            }
            let isWhole = rows.count == facts.rows
            let count = isWhole ? 0 : Int32(rows.count)
            switch cxr_decode_guarded(codec, stream, &image, Int32(rows.lowerBound), count) {
            case CXR_DECODED: break
            case CXR_ASSERTION_FAILED: throw RadiographyError.decoderFailed("the code-stream is damaged")
            default: throw RadiographyError.decoderFailed(report.text ?? "no reason given")
            }
            guard let image else { throw RadiographyError.decoderFailed(report.text ?? "no image") }
            try copy(image.pointee, rows.count, facts, to: samples)
        }
    }

    private func copy(
        _ image: opj_image_t, _ rows: Int, _ facts: CodeStreamFacts, to samples: UnsafeMutableBufferPointer<UInt16>
    ) throws {
        let components = UnsafeBufferPointer(start: image.comps, count: Int(image.numcomps))
        guard components.count == facts.components,
            components.allSatisfy({
                Int($0.w) == facts.columns && Int($0.h) == rows && Int($0.prec) == facts.precision && $0.data != nil
            })
        else { throw RadiographyError.decoderFailed("OpenJPEG decoded another image than the code-stream announced") }
        for (index, component) in components.enumerated() {
            var target = index
            for position in 0..<(rows * facts.columns) {
                samples[target] = UInt16(truncatingIfNeeded: component.data[position])
                target += components.count
            }
        }
    }
}

/// The code-stream and the picture that bands read and write.
///
/// `@unchecked Sendable`: the bytes are only read, and each band writes rows of its own.
private struct SharedBuffers: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    let samples: UnsafeMutableBufferPointer<UInt16>
}

/// The last message of one decoding.
private final class DecoderReport {
    var text: String?
}

private func keepMessage(_ message: UnsafePointer<CChar>?, _ context: UnsafeMutableRawPointer?) {
    guard let message, let context else { return }
    let text = String(String(cString: message).prefix(200).filter { !$0.isNewline })
    Unmanaged<DecoderReport>.fromOpaque(context).takeUnretainedValue().text = text
}

/// A buffer as an OpenJPEG input stream.
private struct MemoryStream {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    func open(_ context: UnsafeMutablePointer<MemoryStream>) -> UnsafeMutablePointer<opj_stream_t?>? {
        guard let stream = opj_stream_create(max(1024, min(bytes.count, 1 << 20)), 1) else { return nil }
        opj_stream_set_user_data(stream, context, nil)
        opj_stream_set_user_data_length(stream, UInt64(bytes.count))
        opj_stream_set_read_function(stream, readBytes)
        opj_stream_set_skip_function(stream, skipBytes)
        opj_stream_set_seek_function(stream, seekByte)
        return stream
    }
}

/// The return value by which OpenJPEG knows the end of a stream.
private let endOfStream = OPJ_SIZE_T.max

private func readBytes(
    _ buffer: UnsafeMutableRawPointer?, _ count: OPJ_SIZE_T, _ context: UnsafeMutableRawPointer?
) -> OPJ_SIZE_T {
    guard let buffer, let stream = context?.assumingMemoryBound(to: MemoryStream.self) else { return endOfStream }
    let available = min(Int(count), stream.pointee.bytes.count - stream.pointee.position)
    guard available > 0, let base = stream.pointee.bytes.baseAddress else { return endOfStream }
    buffer.copyMemory(from: base + stream.pointee.position, byteCount: available)
    stream.pointee.position += available
    return OPJ_SIZE_T(available)
}

private func skipBytes(_ count: OPJ_OFF_T, _ context: UnsafeMutableRawPointer?) -> OPJ_OFF_T {
    guard let stream = context?.assumingMemoryBound(to: MemoryStream.self) else { return -1 }
    let available = stream.pointee.bytes.count - stream.pointee.position
    guard count >= 0, count <= available else { return -1 }
    stream.pointee.position += Int(count)
    return count
}

private func seekByte(_ position: OPJ_OFF_T, _ context: UnsafeMutableRawPointer?) -> OPJ_BOOL {
    guard let stream = context?.assumingMemoryBound(to: MemoryStream.self) else { return 0 }
    guard position >= 0, position <= stream.pointee.bytes.count else { return 0 }
    stream.pointee.position = Int(position)
    return 1
}
