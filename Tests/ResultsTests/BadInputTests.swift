import DICOM
import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

@Suite struct BadInputTests {
    /// Every fault of a reading is named, and no file is written.
    private func fault(_ change: (inout Reading) -> Void) throws -> [ReadingFault] {
        var study = SampleStudy.oneRegion
        change(&study.reading)
        let scratch = try ScratchDirectory()
        let source = try SourceInstance(contentsOf: study.images[0].write(named: "source", in: scratch.url))
        let output = scratch.url.appendingPathComponent("out")
        try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
        do {
            _ = try ResultBuilder(identity: Built.identity).build(
                study.reading, sources: [source], instant: Built.instant, into: output)
            Issue.record("the reading was accepted")
            return []
        } catch let error as InvalidReading {
            #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).isEmpty)
            return error.faults
        }
    }

    @Test func aRegionOutsideTheImageIsNamed() throws {
        let faults = try fault { $0.findings[0].regions[0].region.x1 = 600 }
        guard case .regionOutsideImage(let finding, _, _, _)? = faults.first else {
            Issue.record("\(faults)")
            return
        }
        #expect(finding == "effusion")
    }

    @Test func notANumberIsNamed() throws {
        #expect(try fault { $0.findings[0].regions[0].region.y0 = .nan } == [.regionNotFinite(finding: "effusion")])
    }

    @Test func anUnknownCodeIsNamed() throws {
        let faults = try fault { $0.findings[0].concept = .term("dragon_pox") }
        #expect(faults == [.unknownFinding(finding: "effusion", key: "dragon_pox")])
    }

    @Test func emptyTextAndControlCharactersAreNamed() throws {
        #expect(try fault { $0.sentences[0].text = " \n" } == [.emptyText(place: "sentences[0].text")])
        let faults = try fault { $0.sentences[0].text = "A\u{1B}[31mB" }
        #expect(faults == [.forbiddenCharacter(place: "sentences[0].text", scalar: 0x1B)])
    }

    @Test func aMegabyteOfTextIsNamed() throws {
        let faults = try fault { reading in
            reading.sentences = [
                ReportSentence(section: .findings, text: String(repeating: "Opacity. ", count: 120_000))
            ]
        }
        #expect(faults.contains { if case .textTooLong = $0 { true } else { false } })
    }

    @Test func aRoundingErrorAtTheEdgeIsCut() throws {
        var study = SampleStudy.oneRegion
        study.reading.findings[0].regions[0].region.x1 = 512.4
        let root = try ReadItem(dataset: Built(study).dataset(.findings))
        let points = try #require(root.first("111030")?.dataset.doubles(.graphicData))
        #expect(points[2] == 512)
    }

    @Test func backslashesAndLineBreaksDoNotBreakValues() throws {
        var study = SampleStudy.oneRegion
        study.reading.model.name = "vlm\\large"
        study.reading.disclaimer = "Line one\nline \\ two"
        let built = try Built(study)
        let dataset = try built.dataset(.findings)
        #expect(dataset.texts(.softwareVersions) == [Implementation.version, "vlm/large 2026.02-q4"])
        let words = ReadItem(dataset: dataset).descendants.compactMap(\.text).joined()
        #expect(words.contains("Line one\r\nline \\ two"))
    }

    @Test func sourcesOfAnotherStudyOrPatientAreRefused() throws {
        var study = SampleStudy.twoImages
        study.images[1].studyInstanceUID = "2.25.9"
        #expect(throws: ResultsError.self) { try Built(study) }
        study = .twoImages
        study.images[1].patientID = "SOMEBODY-ELSE"
        #expect(throws: ResultsError.self) { try Built(study) }
    }

    @Test func aReadingThatContradictsItsImagesIsRefused() throws {
        var study = SampleStudy.oneRegion
        study.images[0].rows = 700
        #expect(throws: ResultsError.self) { try Built(study) }
        study = .twoImages
        study.images.removeLast()
        #expect(
            throws: ResultsError.missingSource(sopInstanceUID: SampleStudy.twoImages.images[1].sopInstanceUID)
        ) { try Built(study) }
        study.images = []
        #expect(throws: ResultsError.noSource) { try Built(study) }
    }

    @Test func revisionsAndIdentitiesAreChecked() throws {
        #expect(throws: ResultsError.self) { try Revision(number: 0, predecessors: []).validated() }
        #expect(throws: ResultsError.self) { try Revision(number: 2, predecessors: []).validated() }
        let reference = ResultReference(
            kind: .narrative, sopClassUID: "1", sopInstanceUID: "2", seriesInstanceUID: "3")
        #expect(throws: ResultsError.self) { try Revision(number: 1, predecessors: [reference]).validated() }
        for change: (inout GatewayIdentity) -> Void in [
            { $0.stationName = "a name of more than sixteen" }, { $0.manufacturer = "" },
            { $0.serialNumber = "a\\b" }, { $0.deviceUID = "not a UID" },
        ] {
            var identity = Built.identity
            change(&identity)
            #expect(throws: ResultsError.self) { try identity.validated() }
        }
    }

    @Test func pixelsThatCannotBeShownStillGiveTheAbstention() throws {
        let study = SampleStudy.abstention("unreadable_pixels")
        let scratch = try ScratchDirectory()
        let file = try study.images[0].file()
        try file.dataset.set(.pixelData, bytes: [UInt8](repeating: 0, count: 1000), vr: "OW")
        let url = scratch.url.appendingPathComponent("source.dcm")
        try file.write(to: url)
        let objects = try ResultBuilder(identity: Built.identity).build(
            study.reading, sources: [SourceInstance(contentsOf: url)], instant: Built.instant, into: scratch.url)
        #expect(objects.map(\.reference.kind) == [.narrative, .findings])
        let reading = SampleStudy.oneRegion.reading
        #expect(throws: ResultsError.self) {
            try ResultBuilder(identity: Built.identity).build(
                reading, sources: [SourceInstance(contentsOf: url)], instant: Built.instant, into: scratch.url)
        }
    }

    @Test func textKeepsToItsValueRepresentation() {
        #expect(DICOMText.line("a\\b \t\n c ") == "a/b c")
        #expect(DICOMText.line(String(repeating: "x", count: 70), limit: 64).unicodeScalars.count == 64)
        #expect(DICOMText.paragraphs("a\nb\tc\r\nd  ") == "a\r\nb c\r\nd")
    }
}
