import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// The real files beside the checkout.
enum RealFiles {
    static let all: [URL] = {
        let root = SharedData.root.appendingPathComponent("data/dicom")
        return ["real", "derived"].flatMap { folder in
            let contents = try? FileManager.default.contentsOfDirectory(
                at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            return (contents ?? []).filter { $0.pathExtension == "dcm" }
        }.sorted { $0.path < $1.path }
    }()

    static func url(_ name: String) -> URL {
        SharedData.root.appendingPathComponent("data/dicom/\(name).dcm")
    }
}

@Suite(.enabled(if: SharedData.isPresent, "shared data is absent")) struct RealFileTests {
    /// GDCM, a decoder family of its own for JPEG (its own libjpeg build), RLE and native; pydicom would refuse the
    /// 12-bit file.
    @Test(arguments: RealFiles.all)
    func everyRealFileDecodesAsGDCMDecodesIt(_ url: URL) throws {
        let scratch = try ScratchDirectory()
        let file = try DICOMFile(contentsOf: url)
        let frame = try PixelDecoder().firstFrame(of: file)
        let raw = scratch.url.appendingPathComponent("raw.dcm")
        try Tool.gdcmconv("--raw", url.path, raw.path)
        let bytes = try #require(try DICOMFile(contentsOf: raw).dataset.bytes(.pixelData))
        let width = frame.bitsStored > 8 ? 2 : 1
        let stored =
            width == 1
            ? bytes.prefix(frame.values.count).map(UInt16.init)
            : bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self).prefix(frame.values.count)) }
        if stored == frame.values { return }
        // Overshoot of a lossy codec beyond the stored bits is clamped here; GDCM cuts the bits off, so that a little
        // more than white becomes black.
        let top = UInt16((1 << frame.bitsStored) - 1)
        let independent = zip(frame.values, stored).map { $0 == top && $1 < 16 ? top : $1 }
        let wrapped = zip(independent, stored).filter { $0 != $1 }.count
        #expect(wrapped * 100_000 <= stored.count, "\(wrapped) pixels")
        let isLossyJPEG = [TransferSyntax.jpegBaseline.uid, TransferSyntax.jpegExtended.uid].contains(
            file.transferSyntaxUID)
        #expect(largestDifference(frame.values, independent) <= (isLossyJPEG ? 1 : 0))
    }

    @Test func theSameImageInEveryLosslessSyntaxIsTheSame() throws {
        let original = try PixelDecoder().firstFrame(
            of: DICOMFile(contentsOf: RealFiles.url("real/wg04_RG3_tibia_UNC")))
        for name in ["J2KR", "JLSL", "JPLL", "RLE"] {
            let other = try PixelDecoder().firstFrame(
                of: DICOMFile(contentsOf: RealFiles.url("real/wg04_RG3_tibia_\(name)")))
            #expect(other.values == original.values, "\(name)")
        }
    }

    @Test func nonConformantTwelveBitJPEGIsDecodedWithANote() throws {
        let frame = try PixelDecoder().firstFrame(of: DICOMFile(contentsOf: RealFiles.url("real/wg04_RG3_tibia_JPLY")))
        #expect(frame.notes.contains { $0.contains("scan parameters") })
        let original = try PixelDecoder().firstFrame(
            of: DICOMFile(contentsOf: RealFiles.url("real/wg04_RG3_tibia_UNC")))
        let total = zip(frame.values, original.values).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        #expect(Double(total) / Double(frame.values.count) < 2.5)
        #expect(frame.values.allSatisfy { $0 < 1024 })
    }
}
