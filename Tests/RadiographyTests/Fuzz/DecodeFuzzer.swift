import DICOM
import Radiography

/// libFuzzer's entry point: every way into the decoders.
///
/// The first byte chooses. Below 10: a compressed frame of that transfer syntax; the next five bytes are rows,
/// columns, bits allocated, bits stored and flags (1: three samples, 2: signed), the rest the frame. From 10: the rest
/// is a whole file, taken to a decision.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    guard count > 6 else { return 0 }
    let decoder = PixelDecoder(limits: PixelLimits(maximumPixels: 1 << 20))
    do {
        if bytes[0] < 10 {
            let allocated = bytes[3] & 1 == 0 ? 8 : 16
            let isColour = bytes[5] & 1 == 1
            let format = PixelFormat(
                rows: Int(bytes[1]) + 1, columns: Int(bytes[2]) + 1, samplesPerPixel: isColour ? 3 : 1,
                bitsAllocated: allocated, bitsStored: Int(bytes[4]) % allocated + 1, isSigned: bytes[5] & 2 == 2,
                photometricInterpretation: isColour ? "RGB" : "MONOCHROME2")
            let frame = UnsafeRawBufferPointer(rebasing: bytes[6...])
            _ = try decoder.decode(frame, syntaxes[Int(bytes[0])], format)
        } else {
            let file = try DICOMFile(bytes: Array(bytes[1...]))
            _ = try AssessedRadiograph(file, longestSide: 64, decoder: decoder)
        }
    } catch {
        // A named error is the right answer to most inputs.
    }
    return 0
}

private let syntaxes: [TransferSyntax] = [
    .jpegBaseline, .jpegExtended, .jpegLossless, .jpegLosslessSV1, .jpegLSLossless, .jpegLSNearLossless, .rleLossless,
    .jpeg2000, .jpeg2000Lossless, .htj2kLossless,
]
