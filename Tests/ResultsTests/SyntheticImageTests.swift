import DICOM
import Foundation
import Radiography
import TestSupport
import Testing

@testable import Results

@Suite struct SyntheticImageTests {
    private static func image(side: Int = 128) -> SyntheticImageFile {
        var phantom = SyntheticRadiograph()
        (phantom.rows, phantom.columns) = (side, side)
        return SyntheticImageFile(
            rows: side, columns: side, samples: phantom.drawn(), text: "Large left pleural effusion \\ \"sure\"",
            seed: .max, model: SampleStudy.model)
    }

    private static func written(_ image: SyntheticImageFile, in scratch: ScratchDirectory) throws -> URL {
        let url = scratch.url.appendingPathComponent("image.dcm")
        try image.file(identity: Built.identity, instant: Built.instant, localTimeZone: .gmt).write(to: url)
        return url
    }

    @Test func theHeaderCannotBeTakenForAPatients() throws {
        let scratch = try ScratchDirectory()
        let dataset = try DICOMFile(contentsOf: Self.written(Self.image(), in: scratch)).dataset
        #expect(dataset.text(.syntheticData) == "YES")
        #expect(dataset.text(.patientName) == "SYNTHETIC^CHEST XRAY")
        #expect(dataset.text(.patientID)?.hasPrefix("SYNTH-") == true)
        #expect(dataset.text(.issuerOfPatientID) == "CXRGATE-SYNTHETIC")
        #expect(dataset.contains(.patientBirthDate) && dataset.text(.patientBirthDate) == nil)
        #expect(dataset.text(.studyDescription)?.contains("SYNTHETIC") == true)
        #expect(dataset.text(.seriesDescription)?.contains("SYNTHETIC") == true)
        let comments = try #require(dataset.text(.imageComments))
        #expect(comments.contains("Large left pleural effusion \\ \"sure\""))
        #expect(comments.contains("seed 18446744073709551615") && comments.contains("cxr-vlm 2026.02-q4"))
    }

    @Test func noTwoImagesShareAUID() throws {
        let scratch = try ScratchDirectory()
        var seen: Set<String> = []
        for _ in 0..<3 {
            let dataset = try DICOMFile(contentsOf: Self.written(Self.image(side: 32), in: scratch)).dataset
            for tag in [DICOM.Tag.studyInstanceUID, .seriesInstanceUID, .sopInstanceUID, .patientID] {
                #expect(seen.insert(try #require(dataset.text(tag))).inserted)
            }
        }
    }

    @Test func theDICOMValidatorFindsNothing() throws {
        let scratch = try ScratchDirectory()
        let file = try Self.image().file(identity: Built.identity, instant: Built.instant)
        // dicom3tools of 2022 takes Synthetic Data, which DICOM has since 2023, for an error.
        file.dataset.remove(.syntheticData)
        let url = scratch.url.appendingPathComponent("image.dcm")
        try file.write(to: url)
        let answer = try Command.run("dciodvfy", ["-new", url.path])
        let said = (answer.output + answer.errors).split(separator: "\n")
        #expect(answer.status == 0)
        #expect(said.filter { $0.contains("Error") || $0.contains("Warning") }.isEmpty, "\(said)")
    }

    @Test func itIsReadAsAFrontalChestOfAnAdult() throws {
        let scratch = try ScratchDirectory()
        let file = try DICOMFile(contentsOf: Self.written(Self.image(), in: scratch))
        let assessed = try AssessedRadiograph(file)
        #expect(assessed.suitability.isSuitable, "\(assessed.suitability.explanation)")
        #expect(assessed.suitability.view.projection == .posteroAnterior)
        #expect(assessed.suitability.age?.years == 50)
        #expect(assessed.radiograph.provenance.notes.isEmpty, "\(assessed.radiograph.provenance.notes)")
    }

    @Test func theReaderSeesWhatWasDrawnAndAPersonTheWord() throws {
        let image = Self.image()
        let scratch = try ScratchDirectory()
        let radiograph = try AssessedRadiograph(DICOMFile(contentsOf: Self.written(image, in: scratch))).radiograph
        #expect(radiograph.rows == 1024 && radiograph.columns == 1024)
        let reduced = radiograph.resized(rows: 128, columns: 128)
        // Below the word's plate in the top left corner and the phantom's sharp side marker in the top right one, both
        // pictures agree.
        var worst: Float = 0
        for row in 16..<128 {
            for column in 0..<128 {
                worst = max(worst, abs(reduced.pixels[row * 128 + column] - image.samples[row * 128 + column]))
            }
        }
        #expect(worst < 0.06, "differs by \(worst)")
        let plate = (8..<44).flatMap { row in (8..<220).map { radiograph.pixels[row * 1024 + $0] } }
        #expect(plate.contains { $0 > 0.98 } && plate.contains { $0 < 0.02 })
    }

    @Test func enlargingKeepsFlatAreasAndSlopes() {
        let flat = SmoothEnlargement(factor: 5).apply(to: [Float](repeating: 0.3, count: 12), rows: 3, columns: 4)
        #expect(flat.count == 300 && flat.allSatisfy { abs($0 - 0.3) < 1e-6 })
        let slope = (0..<16).map { Float($0 % 16) }
        let steep = SmoothEnlargement(factor: 4).apply(to: slope, rows: 1, columns: 16)
        for column in 8..<56 {
            #expect(abs(steep[column] - ((Float(column) + 0.5) / 4 - 0.5)) < 1e-4)
        }
    }
}
