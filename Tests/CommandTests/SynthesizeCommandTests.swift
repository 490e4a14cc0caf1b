import DICOM
import Foundation
import Radiography
import TestSupport
import Testing

@Suite struct SynthesizeCommandTests {
    private static func synthesize(_ place: Workplace, _ name: String, seed: Int) throws -> [String: Any] {
        let answer = try Command.run(
            Command.cxrgate,
            [
                "synthesize", "PA view, left effusion", "-o", place.path(name), "--seed", "\(seed)", "--format", "json",
                "--png", place.path(name + ".png"), "--model", Workplace.model("reference"),
            ])
        #expect(answer.status == 0, "\(answer.errors)")
        return try object(answer.output)
    }

    @Test func theFileIsNobodysAndAnotherReaderAgrees() throws {
        let place = try Workplace()
        let report = try Self.synthesize(place, "image.dcm", seed: 5)
        let script = """
            import json, sys, pydicom
            d = pydicom.dcmread(sys.argv[1])
            p = d.pixel_array
            print(json.dumps(dict(
                synthetic=d.SyntheticData, name=str(d.PatientName), id=d.PatientID, birth=d.PatientBirthDate,
                study=d.StudyInstanceUID, sop=d.file_meta.MediaStorageSOPInstanceUID, age=d.PatientAge,
                comments=d.ImageComments, rows=p.shape[0], columns=p.shape[1], top=int(p.max()), bits=d.BitsStored)))
            """
        let check = try Command.run(try Command.python(), ["-c", script, place.path("image.dcm")])
        #expect(check.status == 0, "\(check.errors)")
        let seen = try object(check.output)
        #expect(seen.text("synthetic") == "YES" && seen.text("name") == "SYNTHETIC^CHEST XRAY")
        #expect(seen.text("id")?.hasPrefix("SYNTH-") == true && seen.text("birth") == "")
        #expect(seen.text("study") == report.text("studyInstanceUID"))
        #expect(seen.text("sop") == report.text("sopInstanceUID"))
        #expect(seen.text("comments")?.contains("PA view, left effusion") == true)
        #expect(seen.text("comments")?.contains("seed 5") == true)
        #expect((seen.number("rows") ?? 0) >= 512 && (seen.number("top") ?? 0) <= 4095 && seen.number("bits") == 12)
        let picture = try PNGFile(contentsOf: URL(fileURLWithPath: place.path("image.dcm.png")))
        #expect(picture.rows == seen.number("rows"))
    }

    @Test func theSeedDecidesThePictureAndNeverTheUIDs() throws {
        let place = try Workplace()
        let reports = try [("a", 5), ("b", 5), ("c", 6)].map { try Self.synthesize(place, $0.0, seed: $0.1) }
        #expect(Set(reports.compactMap { $0.text("studyInstanceUID") }).count == 3)
        let pixels = try ["a", "b", "c"].map { name in
            try DICOMFile(contentsOf: URL(fileURLWithPath: place.path(name))).dataset.bytes(.pixelData)
        }
        #expect(pixels[0] != nil && pixels[0] == pixels[1])
        #expect(pixels[0] != pixels[2])
    }

    @Test func aModelThatCannotDrawIsToldSo() throws {
        let place = try Workplace()
        let answer = try Command.run(
            Command.cxrgate,
            ["synthesize", "x", "-o", place.path("x.dcm"), "--model", Workplace.model("onevision")])
        #expect(answer.status == 1 && answer.errors.contains("cannot draw images"))
        #expect(!FileManager.default.fileExists(atPath: place.path("x.dcm")))
    }
}
