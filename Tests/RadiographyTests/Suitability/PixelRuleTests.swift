import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// What the pixels show. The rates over all radiographs come from `RadiographyBenchmark suitability`.
@Suite struct PixelRuleTests {
    private func decide(_ pixels: [UInt8], rows: Int = 256, columns: Int = 256) throws -> SuitabilityDecision {
        var file = SyntheticDICOM.image(
            rows: UInt16(rows), columns: UInt16(columns), allocated: 8, stored: 8, pixels: .bytes(pixels))
        file.set(0x0010, 0x1010, "AS", .text("050Y"))
        file.set(0x0018, 0x0015, "CS", .text("CHEST"))
        file.set(0x0018, 0x5101, "CS", .text("PA"))
        return try AssessedRadiograph(DICOMFile(bytes: file.bytes)).suitability
    }

    @Test func picturesThatShowNothingAreRefused() throws {
        var generator = SeededGenerator(seed: 5)
        let count = 256 * 256
        let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(try decide([UInt8](repeating: 128, count: count)).reasons.first == .blankImage)
        #expect(try decide([UInt8](repeating: 0, count: count)).reasons.first == .blankImage)
        #expect(try decide(noise).reasons.first == .implausiblePixels)
        let checkers = (0..<count).map { index -> UInt8 in
            let field = index / 256 / 32 + index % 256 / 32
            return field % 2 == 0 ? 0 : 255
        }
        #expect(try decide(checkers).reasons.contains(.implausiblePixels))
        let small = SyntheticPixels.values(rows: 100, columns: 300, bits: 8).map { UInt8($0) }
        #expect(try decide(small, rows: 100, columns: 300).reasons.contains(.imageTooSmall))
    }

    @Test func anUnreadableImageHasADecisionToo() {
        let decision = SuitabilityDecision.unreadable(RadiographyError.truncated(needed: 10, found: 2))
        #expect(decision.reasons == [.unreadablePixels])
        #expect(decision.explanation.contains("10 bytes are needed"))
    }

    @Suite(.enabled(if: SharedData.isPresent, "shared data is absent")) struct OnRealImages {
        @Test(arguments: RealFiles.all)
        func everyRealFileIsDecidedAsTheDocumentationSays(_ url: URL) throws {
            let decision = try AssessedRadiograph(DICOMFile(contentsOf: url), longestSide: 512).suitability
            let name = url.lastPathComponent
            let expected: [AbstentionReason] =
                name.contains("tibia") ? [.notChest] : (name.contains("fake") ? [.polarityContradiction] : [])
            #expect(decision.reasons == expected, "\(decision.findings)")
        }

        @Test func aFalsePolarityIsSaidInTheProvenanceAndCorrected() throws {
            let name = "real/siim_txrv_850819"
            let lie = try AssessedRadiograph(DICOMFile(contentsOf: RealFiles.url("\(name)_fake_monochrome1")))
            let truth = try AssessedRadiograph(DICOMFile(contentsOf: RealFiles.url("\(name)_jpegbaseline")))
            #expect(lie.radiograph.provenance.polarityCorrected)
            #expect(lie.radiograph.provenance.notes.contains { $0.contains("contradicts MONOCHROME1") })
            #expect(!truth.radiograph.provenance.polarityCorrected)
            let difference = zip(lie.radiograph.pixels, truth.radiograph.pixels).map { abs($0 - $1) }.max() ?? 1
            #expect(difference < 1e-5)

            var policy = SuitabilityPolicy()
            policy.onPolarityContradiction = .correct
            let read = try AssessedRadiograph(
                DICOMFile(contentsOf: RealFiles.url("\(name)_fake_monochrome1")), policy: policy)
            #expect(read.suitability.isSuitable)
            #expect(read.suitability.findings.contains { $0.rule == "polarity" && $0.reason == nil })
        }

        /// A header that is silent or wrong must not let a leg through.
        @Test func aTibiaUnderASilentHeaderIsRefused() throws {
            let file = try DICOMFile(contentsOf: RealFiles.url("real/wg04_RG3_tibia_UNC"))
            for tag in [Tag.bodyPartExamined, .studyDescription, .acquisitionDeviceProcessingDescription] {
                file.dataset.remove(tag)
            }
            let decision = try AssessedRadiograph(file).suitability
            #expect(decision.reasons.contains(.bodyPartUnknown))
        }
    }
}
