import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// Fragments, frames and colour.
@Suite struct FrameTests {
    /// One JPEG-LS frame of `values` as compressed by DCMTK.
    private func compressed(_ values: [UInt16], rows: Int, columns: Int, _ scratch: ScratchDirectory) throws -> [UInt8]
    {
        let file = SyntheticDICOM.image(
            rows: UInt16(rows), columns: UInt16(columns), stored: 12, pixels: .words(values))
        let url = try file.write(to: scratch.url)
        let encoded = scratch.url.appendingPathComponent("encoded.dcm")
        try Tool.dcmcjpls("+el", url.path, encoded.path)
        let read = try DICOMFile(contentsOf: encoded)
        guard case .encapsulated(let count) = try read.pixelDataLayout() else { return [] }
        return try (0..<count).flatMap { try read.withPixelFragment($0) { Array($0) } }
    }

    private func multiFrame(_ frames: [[UInt8]], count: Int, table: [UInt32] = []) throws -> DecodedFrame {
        var file = SyntheticDICOM.image(
            rows: 30, columns: 21, stored: 12, transferSyntax: TransferSyntax.jpegLSLossless.uid,
            pixels: .fragments(frames, table: table))
        file.set(0x0028, 0x0008, "IS", .text("\(count)"))
        return try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes))
    }

    @Test func theFirstFrameIsFoundWithAndWithoutAnOffsetTable() throws {
        let scratch = try ScratchDirectory()
        let values = SyntheticPixels.values(rows: 30, columns: 21, bits: 12)
        let first = try compressed(values, rows: 30, columns: 21, scratch)
        let second = try compressed(values.map { 4095 - $0 }, rows: 30, columns: 21, scratch)
        let half = first.count / 2 & ~1
        let (head, tail) = (Array(first[..<half]), Array(first[half...]))

        #expect(try multiFrame([first], count: 1).values == values)
        #expect(try multiFrame([head, tail], count: 1).values == values)
        let whole = try multiFrame([first, second], count: 2)
        #expect(whole.values == values)
        #expect(whole.notes.contains { $0.contains("first of 2 frames") })
        // Fragmented frames: by the table, and by the next frame's first marker where there is none.
        let padded = tail.count + tail.count % 2
        let length = UInt32(head.count + padded + 16)
        #expect(try multiFrame([head, tail, second], count: 2, table: [0, length]).values == values)
        #expect(try multiFrame([head, tail, second], count: 2).values == values)
    }

    @Test func nativeMultiFrameImagesGiveTheFirstFrame() throws {
        let values = SyntheticPixels.values(rows: 5, columns: 7, bits: 8)
        var file = SyntheticDICOM.image(
            rows: 5, columns: 7, allocated: 8, stored: 8, pixels: .bytes((values + values.reversed()).map { UInt8($0) })
        )
        file.set(0x0028, 0x0008, "IS", .text("2"))
        #expect(try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes)).values == values)
    }

    /// Colours by pixel, their luma, and the same colours in each layout.
    @Test func colourBecomesLuma() throws {
        let (rows, columns) = (6, 4)
        let colours: [[UInt8]] = (0..<rows * columns).map { index in
            [10 * UInt8(index), 255 - 7 * UInt8(index), 3 * UInt8(index)]
        }
        let luma = colours.map { colour -> UInt16 in
            let (red, green, blue) = (Double(colour[0]), Double(colour[1]), Double(colour[2]))
            let sum: Double = 0.299 * red + 0.587 * green + 0.114 * blue
            return UInt16(sum.rounded())
        }
        func image(_ photometric: String, planar: UInt16 = 0, _ bytes: [UInt8]) throws -> [UInt16] {
            var file = SyntheticDICOM.image(
                rows: UInt16(rows), columns: UInt16(columns), allocated: 8, stored: 8, photometric: photometric,
                samples: 3, pixels: .bytes(bytes))
            file.set(0x0028, 0x0006, "US", .words([planar]))
            return try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes)).values
        }
        #expect(try image("RGB", colours.flatMap { $0 }) == luma)
        #expect(try image("RGB", planar: 1, (0..<3).flatMap { channel in colours.map { $0[channel] } }) == luma)
        #expect(try image("YBR_FULL", colours.flatMap { $0 }) == colours.map { UInt16($0[0]) })
        let packed = stride(from: 0, to: colours.count, by: 2).flatMap { index -> [UInt8] in
            [colours[index][0], colours[index + 1][0], colours[index][1], colours[index][2]]
        }
        #expect(try image("YBR_FULL_422", packed) == colours.map { UInt16($0[0]) })
    }

    @Test func compressedColourBecomesTheSameLuma() throws {
        let scratch = try ScratchDirectory()
        let (rows, columns) = (32, 24)
        let gray = SyntheticPixels.values(rows: rows, columns: columns, bits: 8)
        let bytes = gray.flatMap { value -> [UInt8] in [UInt8(value), UInt8(255 - value), UInt8(value / 2)] }
        let file = SyntheticDICOM.image(
            rows: UInt16(rows), columns: UInt16(columns), allocated: 8, stored: 8, photometric: "RGB", samples: 3,
            pixels: .bytes(bytes))
        let url = try file.write(to: scratch.url)
        let original = try PixelDecoder().firstFrame(of: DICOMFile(contentsOf: url))
        let encodings: [(String, Int, (String, String) throws -> Void)] = [
            ("RLE", 0, { try Tool.dcmcrle($0, $1) }), ("JPEG-LS", 0, { try Tool.dcmcjpls("+el", $0, $1) }),
            ("JPEG lossless", 0, { try Tool.dcmcjpeg("+e1", $0, $1) }),
            ("JPEG 2000", 0, { try Tool.gdcmconv("--j2k", $0, $1) }),
            ("JPEG baseline", 12, { try Tool.dcmcjpeg("+eb", "+q", "95", $0, $1) }),
        ]
        for (name, tolerance, encode) in encodings {
            let encoded = scratch.url.appendingPathComponent("encoded.dcm")
            try encode(url.path, encoded.path)
            let frame = try PixelDecoder().firstFrame(of: DICOMFile(contentsOf: encoded))
            #expect(largestDifference(frame.values, original.values) <= tolerance, "\(name)")
        }
    }

    @Test func paletteColourBecomesLuma() throws {
        let indices = (0..<24).map { UInt8($0 % 4) }
        var file = SyntheticDICOM.image(
            rows: 4, columns: 6, allocated: 8, stored: 8, photometric: "PALETTE COLOR", pixels: .bytes(indices))
        let channels: [[UInt16]] = [[0, 65535, 0, 100], [0, 65535, 65535, 200], [0, 65535, 0, 300]]
        for (index, channel) in channels.enumerated() {
            file.set(0x0028, 0x1101 + UInt16(index), "US", .words([4, 0, 16]))
            file.set(0x0028, 0x1201 + UInt16(index), "OW", .words(channel))
        }
        let frame = try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes))
        let expected: [UInt16] = [0, 65535, UInt16((0.587 * 65535).rounded()), 182]
        #expect(frame.values == indices.map { expected[Int($0)] })
        #expect(frame.bitsStored == 16)
        file.remove(0x0028, 0x1203)
        #expect(throws: RadiographyError.self) { try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes)) }
    }
}
