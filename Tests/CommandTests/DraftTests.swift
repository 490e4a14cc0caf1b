import ChestReading
import DICOM
import Findings
import Foundation
import Radiography
import Results
import TestSupport
import Testing

@testable import cxrgate

/// What people are shown of regions, from readings that have some: the fixtures' models find nothing.
@Suite struct DraftTests {
    private static let identity = GatewayIdentity(serialNumber: "SN123")

    @Test func theDemonstrationShowsTheRegionsThatThePACSGot() throws {
        let scratch = try ScratchDirectory()
        let study = SampleStudy.manyRegions(SyntheticRadiograph())
        let source = try SourceInstance(contentsOf: study.images[0].write(named: "source", in: scratch.url))
        let objects = try ResultBuilder(identity: Self.identity).build(
            study.reading, sources: [source], instant: Date(), into: scratch.url)
        let report = ReceivedReport(objects.map(\.file))
        #expect(report.sections.map(\.title) == ["Summary", "Findings", "Impressions"])
        #expect(report.sections[1].sentences == SampleStudy.standardSentences.prefix(2).map(\.text))
        let lines = report.findings.aligned().split(separator: "\n")
        let effusion = try #require(lines.first { $0.hasPrefix("Pleural effusion") })
        for cell in ["Present", "91 %", "left", "337,396 to 477,525"] { #expect(effusion.contains(cell)) }
        let opacity = try #require(lines.first { $0.hasPrefix("Opacity") })
        for cell in ["Undetermined", "bilateral", "97,320 to 185,423; 327,217 to 400,301"] {
            #expect(opacity.contains(cell), "\(opacity)")
        }
        #expect(lines.contains { $0.hasPrefix("Pneumothorax") && $0.contains("Absent") })
        #expect(!report.isAbstention)
    }

    @Test func theDraftOnTheTerminalHasTheSameRegions() {
        let reading = SampleStudy.manyRegions(SyntheticRadiograph()).reading
        let image = reading.images[0].sopInstanceUID
        let table = DraftText.findings(reading, imageNames: [image: "frontal.dcm"]).aligned()
        let effusion = table.split(separator: "\n").first { $0.hasPrefix("Pleural effusion") } ?? ""
        for cell in ["present", "91 %", "moderate", "left", "337,396 to 477,525", "frontal.dcm"] {
            #expect(effusion.contains(cell), "\(table)")
        }
        let text = DraftText.narrative(reading)
        #expect(text.hasPrefix("DRAFT, NOT VERIFIED."))
        #expect(text.contains("Moderate left pleural effusion with blunting of the costophrenic angle."))
    }

    @Test func noWordOfAModelMovesTheCursor() {
        var reading = SampleStudy.manyRegions(SyntheticRadiograph()).reading
        reading.sentences[0].text = "Clear\u{1B}[2J lungs.\u{202E}"
        let text = DraftText.narrative(reading)
        #expect(!text.contains("\u{1B}") && !text.contains("\u{202E}") && text.contains("lungs."))
    }

    @Test func groundedBoxesAreDrawnWhereTheyAre() throws {
        let scratch = try ScratchDirectory()
        let picture = SyntheticRadiograph()
        let file = try picture.write(named: "source", in: scratch.url)
        let image = picture.sourceImage
        func labelled(_ label: String, _ region: Region) -> LabelledRegion {
            LabelledRegion(label: label, region: ImageRegion(sopInstanceUID: image.sopInstanceUID, region: region))
        }
        let reading = GroundCommand.reading(
            of: [
                labelled("Pleural effusion", Region(x0: 300, y0: 400, x1: 450, y1: 500)),
                labelled("the bright spot near the apex", Region(x0: 100.2, y0: 150.7, x1: 160, y1: 210)),
            ], on: image, studyInstanceUID: picture.studyInstanceUID, model: SampleStudy.model, disclaimer: "Draft.")
        let target = scratch.url.appendingPathComponent("boxes.png")
        try ResultPicture.draw(reading, over: file, identity: Self.identity, to: target)
        let png = try PNGFile(contentsOf: target, channels: .rgb)
        func isColoured(_ x: Int, _ y: Int) -> Bool {
            let pixel = png.pixels[((y * png.columns + x) * 3)..<((y * png.columns + x) * 3 + 3)]
            return Int(pixel.max() ?? 0) - Int(pixel.min() ?? 0) > 40
        }
        // The outlines' outer edges lie on the boxes, widened to whole pixels.
        for (x, y) in [(300, 400), (449, 499), (100, 150), (159, 209)] { #expect(isColoured(x, y), "\(x), \(y)") }
        for (x, y) in [(299, 450), (450, 450), (99, 180), (160, 180)] { #expect(!isColoured(x, y), "\(x), \(y)") }
    }
}
