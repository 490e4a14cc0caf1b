import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// How a transfer syntax is made from an uncompressed file, and what may be lost.
struct Encoding: Sendable, CustomTestStringConvertible {
    let name: String
    let transferSyntax: TransferSyntax
    /// The largest difference from the original, in stored values of a depth of 12 bits; 0 for lossless.
    var tolerance = 0
    /// Whether pydicom's plugins decode to exactly the same values.
    var independentTolerance = 0
    let encode: @Sendable (URL, URL) throws -> Void

    var testDescription: String { name }

    static let lossless = [
        Encoding(name: "implicit LE", transferSyntax: .implicitVRLittleEndian) {
            try Tool.dcmconv("+ti", $0.path, $1.path)
        },
        Encoding(name: "explicit BE", transferSyntax: .explicitVRBigEndian) {
            try Tool.dcmconv("+tb", $0.path, $1.path)
        },
        Encoding(name: "deflated", transferSyntax: .deflatedExplicitVRLittleEndian) {
            try Tool.dcmconv("+td", $0.path, $1.path)
        },
        Encoding(name: "RLE", transferSyntax: .rleLossless) { try Tool.dcmcrle($0.path, $1.path) },
        Encoding(name: "JPEG SV1", transferSyntax: .jpegLosslessSV1) { try Tool.dcmcjpeg("+e1", $0.path, $1.path) },
        Encoding(name: "JPEG P14", transferSyntax: .jpegLossless) {
            try Tool.dcmcjpeg("+el", "+sv", "6", $0.path, $1.path)
        },
        Encoding(name: "JPEG SV1 by GDCM", transferSyntax: .jpegLosslessSV1) {
            try Tool.gdcmconv("--jpeg", $0.path, $1.path)
        },
        Encoding(name: "JPEG-LS", transferSyntax: .jpegLSLossless) { try Tool.dcmcjpls("+el", $0.path, $1.path) },
        Encoding(name: "JPEG-LS by GDCM", transferSyntax: .jpegLSLossless) {
            try Tool.gdcmconv("--jpegls", $0.path, $1.path)
        },
        Encoding(name: "JPEG 2000", transferSyntax: .jpeg2000Lossless) { try Tool.gdcmconv("--j2k", $0.path, $1.path) },
        Encoding(name: "JPEG 2000 in a JP2 file", transferSyntax: .jpeg2000Lossless) {
            try runPython("encode.py", "jp2-file", $0.path, $1.path)
        },
        Encoding(name: "HTJ2K", transferSyntax: .htj2kLossless) {
            try runPython("encode.py", "htj2k", $0.path, $1.path)
        },
        Encoding(name: "HTJ2K RPCL", transferSyntax: .htj2kLosslessRPCL) {
            try runPython("encode.py", "htj2k-rpcl", $0.path, $1.path)
        },
    ]

    static let lossy = [
        Encoding(
            name: "JPEG extended 12 bit", transferSyntax: .jpegExtended, tolerance: 400, independentTolerance: 2
        ) { try Tool.dcmcjpeg("+ee", "+q", "95", $0.path, $1.path) },
        Encoding(name: "JPEG-LS near-lossless", transferSyntax: .jpegLSNearLossless, tolerance: 3) {
            try Tool.dcmcjpls("+en", "+md", "3", $0.path, $1.path)
        },
        Encoding(name: "JPEG 2000 lossy", transferSyntax: .jpeg2000, tolerance: 40, independentTolerance: 1) {
            try runPython("encode.py", "j2k-lossy", $0.path, $1.path)
        },
        Encoding(name: "HTJ2K lossy", transferSyntax: .htj2k, tolerance: 120, independentTolerance: 1) {
            try runPython("encode.py", "htj2k-lossy", $0.path, $1.path)
        },
    ]
}

/// Pixel encodings: odd sizes, so that frames of bytes have an odd length.
struct Depth: Sendable, CustomTestStringConvertible {
    let allocated: UInt16
    let stored: UInt16
    let signed: Bool

    var testDescription: String { "\(stored) of \(allocated) bits\(signed ? ", signed" : "")" }

    static let all = [
        Depth(allocated: 8, stored: 8, signed: false), Depth(allocated: 16, stored: 10, signed: false),
        Depth(allocated: 16, stored: 12, signed: false), Depth(allocated: 16, stored: 16, signed: false),
        Depth(allocated: 16, stored: 16, signed: true),
    ]

    static let rows = 61
    static let columns = 47

    /// The original's stored values and the file that holds them.
    func write(to directory: URL) throws -> (values: [UInt16], url: URL) {
        let values = SyntheticPixels.values(rows: Self.rows, columns: Self.columns, bits: Int(stored))
            .map { signed ? $0 ^ 0x8000 : $0 }
        let pixels: SyntheticDICOM.Value = allocated == 8 ? .bytes(values.map { UInt8($0) }) : .words(values)
        let file = SyntheticDICOM.image(
            rows: UInt16(Self.rows), columns: UInt16(Self.columns), allocated: allocated, stored: stored,
            signed: signed, pixels: pixels)
        return (values, try file.write(to: directory))
    }
}

@Suite struct TransferSyntaxTests {
    @Test(arguments: Encoding.lossless, Depth.all)
    func losslessSyntaxesGiveTheOriginalBitForBit(_ encoding: Encoding, _ depth: Depth) throws {
        let scratch = try ScratchDirectory()
        let (values, url) = try depth.write(to: scratch.url)
        let encoded = scratch.url.appendingPathComponent("encoded.dcm")
        try encoding.encode(url, encoded)
        let file = try DICOMFile(contentsOf: encoded)
        #expect(file.transferSyntaxUID == encoding.transferSyntax.uid)
        let frame = try PixelDecoder().firstFrame(of: file)
        #expect(frame.rows == Depth.rows && frame.columns == Depth.columns)
        #expect(frame.isSigned == depth.signed && frame.bitsStored == Int(depth.stored))
        #expect(frame.values == values)
    }

    @Test func theUncompressedOriginalIsReadAsItIs() throws {
        for depth in Depth.all {
            let scratch = try ScratchDirectory()
            let (values, url) = try depth.write(to: scratch.url)
            #expect(try PixelDecoder().firstFrame(of: DICOMFile(contentsOf: url)).values == values)
        }
    }

    @Test(arguments: Encoding.lossy)
    func lossySyntaxesAgreeWithIndependentDecoders(_ encoding: Encoding) throws {
        let scratch = try ScratchDirectory()
        let (values, url) = try Depth(allocated: 16, stored: 12, signed: false).write(to: scratch.url)
        let encoded = scratch.url.appendingPathComponent("encoded.dcm")
        try encoding.encode(url, encoded)
        let frame = try PixelDecoder().firstFrame(of: DICOMFile(contentsOf: encoded))
        let raw = scratch.url.appendingPathComponent("decoded.raw")
        try runPython("decode.py", encoded.path, raw.path)
        let independent = try words(of: raw)
        #expect(largestDifference(frame.values, independent) <= encoding.independentTolerance)
        #expect(largestDifference(frame.values, values) <= encoding.tolerance)
        #expect(frame.values != values, "nothing was lost: the test does not test what it says")
    }

    @Test func jpegBaselineAgreesWithAnIndependentDecoder() throws {
        let scratch = try ScratchDirectory()
        let (values, url) = try Depth(allocated: 8, stored: 8, signed: false).write(to: scratch.url)
        let encoded = scratch.url.appendingPathComponent("encoded.dcm")
        try Tool.dcmcjpeg("+eb", "+q", "95", url.path, encoded.path)
        let frame = try PixelDecoder().firstFrame(of: DICOMFile(contentsOf: encoded))
        let raw = scratch.url.appendingPathComponent("decoded.raw")
        try runPython("decode.py", encoded.path, raw.path)
        #expect(largestDifference(frame.values, try words(of: raw)) <= 1)
        #expect(largestDifference(frame.values, values) <= 10)
    }
}

func largestDifference(_ left: [UInt16], _ right: [UInt16]) -> Int {
    if left == right { return 0 }
    guard left.count == right.count else { return .max }
    return zip(left, right).map { abs(Int($0) - Int($1)) }.max() ?? 0
}
