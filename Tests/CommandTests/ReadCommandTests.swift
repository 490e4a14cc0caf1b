import DICOM
import Findings
import Foundation
import Radiography
import TestSupport
import Testing

@Suite struct ReadCommandTests {
    /// Its junk names a finding, so that there is a reading.
    private static let model = ["--model", Workplace.model("maira2")]

    @Test func everyStudyGetsItsReadingAndValidResults() throws {
        let place = try Workplace()
        try place.image("one", study: "2.25.11")
        try place.image("two", study: "2.25.12")
        try Data("Nothing to see.".utf8).write(to: URL(fileURLWithPath: place.path("README.txt")))
        let answer = try place.run(
            ["read", place.scratch.url.path, "--output", place.path("out"), "--format", "json"] + Self.model)
        #expect(answer.status == 0, "\(answer.errors)")
        let studies = try object(answer.output).list("studies")
        #expect(Set(studies.compactMap { $0.text("studyInstanceUID") }) == ["2.25.11", "2.25.12"])
        for study in studies {
            #expect(study.text("outcome") == "read")
            let folder = place.path("out/\(study.text("studyInstanceUID") ?? "")")
            let reading = try Reading(json: Data(contentsOf: URL(fileURLWithPath: folder + "/reading.json")))
            #expect(reading.studyInstanceUID == study.text("studyInstanceUID"))
            #expect(!reading.sentences.isEmpty)
            let kinds = study.list("objects").compactMap { $0.text("kind") }
            #expect(kinds.contains("narrative") && kinds.contains("findings") && kinds.contains("overlay"))
            for object in study.list("objects") {
                let file = try #require(object.text("file"))
                let check = try Command.run("dciodvfy", ["-new", file])
                #expect(check.status == 0, "\(check.output)\(check.errors)")
            }
            let picture = try #require((study["pictures"] as? [String])?.first)
            let png = try PNGFile(contentsOf: URL(fileURLWithPath: picture), channels: .rgb)
            #expect(png.columns == 512 && png.rows > 640)
        }
    }

    @Test func imagesOfOneStudyAreReadTogether() throws {
        let place = try Workplace()
        let files = [try place.image("ap", view: "AP"), try place.image("pa")]
        let answer = try place.run(["read"] + files + ["--format", "json"] + Self.model)
        #expect(answer.status == 0, "\(answer.errors)")
        let studies = try object(answer.output).list("studies")
        #expect(studies.count == 1)
        #expect(studies[0].list("images").compactMap { $0.text("file") } == files)
        // The postero-anterior view leads, whatever the order of the files.
        let read = (studies[0]["reading"] as? [String: Any])?.list("images") ?? []
        #expect(read.first?.text("sopInstanceUID") == "2.25.11.1.1")
        // A lateral belongs to the study and is no reading of its own.
        let lateral = try place.image("lateral", view: "LL")
        let both = try place.run(["read", lateral, files[1], "--format", "json"] + Self.model).output
        let images = try object(both).list("studies").first?.list("images") ?? []
        #expect(images.map { $0["isSuitable"] as? Bool } == [false, true])
    }

    @Test func whatIsNotSuitableGetsACodedReasonInstead() throws {
        let place = try Workplace()
        let file = try place.image("lateral", view: "LL")
        let answer = try place.run(
            ["read", file, "--output", place.path("out"), "--format", "json"] + Self.model)
        #expect(answer.status == 0)
        let study = try #require(try object(answer.output).list("studies").first)
        #expect(study.text("outcome") == "abstained" && study.text("reason") == "lateral_only")
        #expect(study.list("objects").compactMap { $0.text("kind") } == ["narrative", "findings"])
        let records = try place.records("study-abstained")
        #expect(records.count == 1)
        let text = try place.run(["read", file] + Self.model).output
        #expect(text.contains("Not analysed (lateral_only)"))
    }

    @Test func anAnswerThatIsNoReportFailsAndSaysSo() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let answer = try place.run(
            [
                "read", file, "--output", place.path("out"), "--format", "json", "--model",
                Workplace.model("onevision"),
            ])
        #expect(answer.status == 1)
        let study = try #require(try object(answer.output).list("studies").first)
        #expect(study.text("outcome") == "failed" && study.text("reason") == "output_unusable")
        #expect(study.text("error")?.contains("cannot be used") == true)
        #expect(study.list("objects").compactMap { $0.text("kind") } == ["narrative", "findings"])
        #expect(try place.records("study-abstained").first?.text("outcome") == "serious-failure")
    }

    @Test func aBadFileStopsNoOther() throws {
        let place = try Workplace()
        let good = try place.image("good")
        let cut = try place.image("cut", study: "2.25.12")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: cut))
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: cut))
        var picture = SyntheticRadiograph()
        picture.studyInstanceUID = "2.25.13"
        picture.omitted = [.pixelData]
        let empty = try picture.write(named: "empty", in: place.scratch.url).path
        let junk = place.path("junk.dcm")
        try Data((0..<5000).map { _ in UInt8.random(in: 0...255) }).write(to: URL(fileURLWithPath: junk))
        let answer = try place.run(
            ["read", junk, cut, empty, good, "--output", place.path("out"), "--format", "json"] + Self.model)
        #expect(answer.status == 1)
        let report = try object(answer.output)
        #expect(report.list("rejected").compactMap { $0.text("file") } == [junk, cut])
        let studies = report.list("studies")
        #expect(studies.compactMap { $0.text("studyInstanceUID") } == ["2.25.13", "2.25.11"])
        #expect(studies.compactMap { $0.text("outcome") } == ["abstained", "read"])
        #expect(studies.first?.text("reason") == "unreadable_pixels")
    }

    @Test func theRecordTellsHowAReadingCameAbout() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let answer = try place.run(["read", file, "--output", place.path("out")] + Self.model)
        #expect(answer.status == 0)
        let record = try #require(try place.records("study-read").first)
        let provenance = try #require(record["provenance"] as? [String: Any])
        #expect(provenance.list("inputs").first?.text("sopInstanceUID") == "2.25.11.1.1")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let sum = try Command.run("sha256sum", [file]).output.prefix(64)
        #expect(provenance.list("inputs").first?.text("sha256") == String(sum), "of \(bytes.count) bytes")
        #expect(!provenance.list("turns").isEmpty)
        let objects = try FileManager.default.contentsOfDirectory(atPath: place.path("out/2.25.11"))
        #expect(provenance.list("results").count == objects.filter { $0.hasSuffix(".dcm") }.count)
        #expect(try place.run(["audit", "verify"]).status == 0)
    }

    @Test func badUsageIsToldApartFromFailure() throws {
        let place = try Workplace()
        #expect(try place.run(["read"]).status == 2)
        let absent = try place.run(["read", place.path("absent.dcm")] + Self.model)
        #expect(absent.status == 1 && absent.errors.contains("absent.dcm does not exist"))
        let file = try place.image("one")
        let model = try place.run(["read", file, "--model", place.path("no-model")])
        #expect(model.status == 1 && model.errors.contains("no-model"))
    }

    @Test func withoutAGatewayItSaysThatNothingIsRecorded() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let answer = try Command.run(
            Command.cxrgate,
            ["read", file, "--set", "storage.directory=\(place.path("nowhere"))"] + Self.model)
        #expect(answer.status == 0)
        #expect(answer.errors.contains("not recorded in an audit log"))
        // A database that is named must be there.
        let named = try Command.run(
            Command.cxrgate, ["read", file, "--database", place.path("other.sqlite")] + Self.model)
        #expect(named.status == 1)
    }
}
