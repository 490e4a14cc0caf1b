import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// Bands that are decoded side by side make the same picture as one thread does.
@Suite struct JPEG2000BandTests {
    private static let rows = 301
    private static let columns = 149

    /// A code-stream of the given kind of `encode.py`, and what its headers say.
    private func stream(_ kind: String) throws -> (bytes: [UInt8], facts: CodeStreamFacts) {
        let scratch = try ScratchDirectory()
        let values = SyntheticPixels.values(rows: Self.rows, columns: Self.columns, bits: 12)
        let file = SyntheticDICOM.image(
            rows: UInt16(Self.rows), columns: UInt16(Self.columns), allocated: 16, stored: 12, signed: false,
            pixels: .words(values))
        let encoded = scratch.url.appendingPathComponent("encoded.dcm")
        try runPython("encode.py", kind, file.write(to: scratch.url).path, encoded.path)
        let data = try Data(contentsOf: encoded)
        let start = try #require(data.range(of: Data([0xFF, 0x4F, 0xFF, 0x51])))
        let bytes = [UInt8](data[start.lowerBound...])
        return (bytes, try bytes.withUnsafeBytes { try JPEG2000Inspector.inspect($0, limits: PixelLimits()) })
    }

    @Test(arguments: ["jp2-file", "j2k-lossy", "htj2k", "htj2k-rpcl", "htj2k-lossy"])
    func bandsEqualTheWhole(_ kind: String) throws {
        let (bytes, facts) = try stream(kind)
        #expect(facts.rows == Self.rows && facts.columns == Self.columns)
        #expect(facts.isHighThroughput == kind.hasPrefix("htj2k"))
        let pictures = try [1, 2, 3, 7].map { bands in
            try bytes.withUnsafeBytes { try JPEG2000Decoder().decode($0, facts: facts, bands: bands) }
        }
        for picture in pictures.dropFirst() {
            #expect(largestDifference(picture, pictures[0]) <= (kind.hasSuffix("lossy") ? 1 : 0))
        }
    }

    @Test func aDamagedBandFailsTheWhole() throws {
        let (bytes, facts) = try stream("jp2-file")
        let cut = Array(bytes.prefix(bytes.count * 2 / 3))
        #expect(throws: RadiographyError.self) {
            try cut.withUnsafeBytes { try JPEG2000Decoder().decode($0, facts: facts, bands: 2) }
        }
    }
}
