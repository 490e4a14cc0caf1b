import DICOM
import Foundation
import Radiography
import TestSupport
import Testing

@Suite struct DemoCommandTests {
    @Test(arguments: ["storescp", "orthanc", "own"])
    func theResultsArriveAtThePACSAndAreShown(pacs: String) throws {
        let place = try Workplace()
        let image = try place.image("image")
        let folder = place.path("demo")
        let answer = try Command.run(
            Command.cxrgate,
            [
                "demo", "--image", image, "--pacs", pacs, "--model", Workplace.model("maira2"), "--directory", folder,
                "--keep",
            ])
        #expect(answer.status == 0, "\(answer.errors)")
        for words in ["THE DRAFT", "last result at the PACS", "narrative, findings", folder + "/overlay.png"] {
            #expect(answer.output.contains(words), "\(words) is missing: \(answer.output)")
        }
        let picture = try PNGFile(contentsOf: URL(fileURLWithPath: folder + "/overlay.png"), channels: .rgb)
        #expect(picture.columns == 512)
        // The story can be told from what is kept, and nobody has changed it.
        let database = ["--database", folder + "/gateway/cxrgate.sqlite"]
        let story = try Command.run(Command.cxrgate, ["audit", "show", "2.25.11"] + database)
        #expect(story.output.contains("Result delivered"))
        #expect(try Command.run(Command.cxrgate, ["audit", "verify"] + database).status == 0)
    }

    @Test func aDrawnStudyGoesTheWholeWay() throws {
        let place = try Workplace()
        let folder = place.path("demo")
        let answer = try Command.run(
            Command.cxrgate,
            ["demo", "--model", Workplace.model("reference"), "--directory", folder, "--pacs", "own"])
        #expect(answer.status == 0, "\(answer.errors)")
        let image = try DICOMFile(contentsOf: URL(fileURLWithPath: folder + "/image.dcm")).dataset
        #expect(image.text(.syntheticData) == "YES")
        // What comes back says so too: a result of a synthetic image is no patient's.
        let objects = try FileManager.default.contentsOfDirectory(atPath: folder + "/pacs")
        #expect(objects.count >= 2)
        for name in objects {
            let dataset = try DICOMFile(contentsOf: URL(fileURLWithPath: folder + "/pacs/" + name)).dataset
            #expect(dataset.text(.syntheticData) == "YES" && dataset.text(.patientID) == image.text(.patientID))
        }
        #expect(!FileManager.default.fileExists(atPath: folder + "/gateway"))
    }

    @Test func theGatewayOfThisMachineIsNotTouched() throws {
        let place = try Workplace()
        let answer = try Command.run(
            Command.cxrgate,
            [
                "demo", "--image", place.image("image"), "--model", Workplace.model("maira2"), "--directory",
                place.path("demo"), "--pacs", "own",
            ], environment: ["CXRGATE_STORAGE__DIRECTORY": place.path("real")])
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.path("real")))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aStopLeavesNothingBehind(signal: Int32) throws {
        let place = try Workplace()
        let folder = place.path("demo")
        let process = try BackgroundProcess(
            Command.cxrgate,
            [
                "demo", "--image", place.image("image"), "--model", Workplace.model("reference"), "--directory",
                folder,
            ], log: URL(fileURLWithPath: place.path("log")))
        #expect(eventually { process.output.contains("Gateway: CXRGATE") })
        let port = try #require(process.output.firstMatch(of: /Gateway: .* port (\d+),/)?.output.1)
        #expect(process.kill(signal) == 130)
        #expect(!FileManager.default.fileExists(atPath: folder))
        let echo = try Command.run(Command.cxrgate, ["echo", "127.0.0.1", String(port)])
        #expect(echo.status == 1, "the gateway still answers")
    }

    @Test func aDirectoryThatIsThereIsLeftAlone() throws {
        let place = try Workplace()
        let answer = try Command.run(
            Command.cxrgate,
            ["demo", "--model", Workplace.model("reference"), "--directory", place.scratch.url.path])
        #expect(answer.status == 1 && answer.errors.contains("is there already"))
        #expect(FileManager.default.fileExists(atPath: place.database))
    }
}
