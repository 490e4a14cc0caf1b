import DICOM
import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

/// Promise 4: one finding, three views.
@Suite struct CrossCheckTests {
    @Test(arguments: [
        (640, 512, false, 0), (1200, 1500, false, 1), (300, 280, true, 2), (2500, 2048, false, 3),
    ])
    func theBoxIsTheSameInReportStateAndOverlay(rows: Int, columns: Int, isMonochrome1: Bool, round: UInt64) throws {
        let seed = UInt64.random(in: 0...999_999) &* 4 &+ round
        print("boxes from seed \(seed)")
        var generator = SeededGenerator(state: seed)
        var picture = SyntheticRadiograph()
        picture.rows = rows
        picture.columns = columns
        picture.isMonochrome1 = isMonochrome1
        let keys = ["pleural_effusion", "nodule", "consolidation", "pneumothorax", "fracture", "mass"]
        let study = SampleStudy("random", picture) { image in
            // Boxes of different thirds and halves do not hide each other's outermost lines; edges are not whole.
            let findings = keys.enumerated().map { index, key in
                let cell = (x: Double(index % 3), y: Double(index / 3))
                let x0 = (cell.x + .random(in: 0...0.3, using: &generator)) / 3 * Double(columns)
                let y0 = (cell.y + .random(in: 0...0.3, using: &generator)) / 2 * Double(rows)
                let x1 = (cell.x + .random(in: 0.6...1, using: &generator)) / 3 * Double(columns)
                let y1 = (cell.y + .random(in: 0.6...1, using: &generator)) / 2 * Double(rows)
                return Finding(
                    id: key, concept: .term(key), polarity: .present,
                    regions: [
                        ImageRegion(
                            sopInstanceUID: image.sopInstanceUID, region: Region(x0: x0, y0: y0, x1: x1, y1: y1))
                    ])
            }
            return SampleStudy.reading(
                of: image, findings: findings, sentences: [ReportSentence(section: .findings, text: "Many boxes.")])
        }
        let built = try Built(study)
        func file(_ kind: ResultKind) throws -> String {
            try #require(built.objects.first { $0.reference.kind == kind }).file.path
        }
        let boxes = try ResultBoxes.read(
            findings: file(.findings), presentation: file(.presentation), overlay: file(.overlay),
            source: built.sources[0].url.path)
        // An edge that is a whole number but for arithmetic noise is that number.
        let noise = 0.001
        let expected = study.reading.findings.flatMap(\.regions).map(\.region).map { region in
            [(region.x0 + noise).rounded(.down), (region.y0 + noise).rounded(.down)]
                + [(region.x1 - noise).rounded(.up), (region.y1 - noise).rounded(.up)]
        }
        #expect(boxes.report == expected)
        #expect(boxes.presentation == expected)
        #expect(boxes.overlay == expected)
    }
}

/// SplitMix64, so that a printed seed repeats a test.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
