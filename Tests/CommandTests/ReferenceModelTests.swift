import DICOM
import Foundation
import Radiography
import Results
import TestSupport
import Testing

/// The commands with the model that comes with the gateway, which answers sense.
@Suite(.enabled(if: ReferenceModelDirectory.trained != nil, "Models/reference is absent"))
struct ReferenceModelTests {
    @Test func aNewcomerSeesAGroundedDraft() throws {
        let place = try Workplace()
        let folder = place.path("demo")
        let answer = try Command.run(Command.cxrgate, ["demo", "--directory", folder])
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(answer.output.contains("THE DRAFT") && !answer.output.contains("Not analysed"))
        #expect(answer.output.contains(/Present.* \d+,\d+ to \d+,\d+/), "\(answer.output)")
        let picture = try PNGFile(contentsOf: URL(fileURLWithPath: folder + "/overlay.png"), channels: .rgb)
        #expect(picture.columns >= 1024)

        // Promise 4 on what the PACS got: one finding, three views.
        let returned = try FileManager.default.contentsOfDirectory(atPath: folder + "/pacs")
            .map { "\(folder)/pacs/\($0)" }
        func object(_ modality: String, _ sopClass: String? = nil) throws -> String {
            try #require(
                returned.first { path in
                    let dataset = try? DICOMFile(contentsOf: URL(fileURLWithPath: path)).dataset
                    return dataset?.text(.modality) == modality
                        && (sopClass == nil || dataset?.text(.sopClassUID) == sopClass)
                }, "no \(modality) at the PACS")
        }
        let boxes = try ResultBoxes.read(
            findings: object("SR", FindingsReportClass.comprehensive.sopClassUID), presentation: object("PR"),
            overlay: object("OT"), source: folder + "/image.dcm")
        #expect(!boxes.report.isEmpty)
        #expect(boxes.presentation == boxes.report && boxes.overlay == boxes.report)
    }

    @Test func whatIsDrawnIsReadAskedAndLocated() throws {
        let place = try Workplace()
        let image = place.path("image.dcm")
        let drawn = try Command.run(
            Command.cxrgate, ["synthesize", "PA view, large left pleural effusion", "-o", image, "--seed", "1"])
        #expect(drawn.status == 0, "\(drawn.errors)")
        let read = try object(place.run(["read", image, "--format", "json"]).output).list("studies")
        #expect(read.first?.text("outcome") == "read", "\(read)")
        let asked = try place.run(["ask", image, "Is there a pleural effusion?"])
        #expect(asked.status == 0 && asked.output.contains("not for diagnosis"))
        let found = try object(place.run(["ground", image, "pleural effusion", "--format", "json"]).output)
        for region in found.list("regions") {
            #expect((region["x1"] as? Double ?? 0) <= Double(found.number("columns") ?? 0))
        }
        #expect(try place.records("study-accessed").count == 2)
    }
}
