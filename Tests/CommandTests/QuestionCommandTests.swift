import Foundation
import Radiography
import TestSupport
import Testing

@Suite struct QuestionCommandTests {
    private static let model = ["--model", Workplace.model("onevision")]

    @Test func aQuestionAndItsAnswerAreRecorded() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let answer = try place.run(["ask", file, "Is there an effusion?", "--format", "json"] + Self.model)
        #expect(answer.status == 0, "\(answer.errors)")
        let turn = try #require(try object(answer.output).list("turns").first)
        let words = try #require(turn.text("answer"))
        #expect(!words.isEmpty)
        let record = try #require(try place.records("study-accessed").first)
        #expect((record["description"] as? String)?.contains("Is there an effusion?") == true)
        let recorded = try #require((record["provenance"] as? [String: Any])?.list("turns").first)
        #expect(recorded.text("prompt")?.contains("Is there an effusion?") == true)
        #expect(recorded.text("answer")?.isEmpty == false)
        let decoding = (record["provenance"] as? [String: Any])?["decoding"] as? [String: String]
        #expect(decoding?["sampling"] == "greedy" && decoding?["maximumTokens"] != nil)
        #expect(record.text("person")?.isEmpty == false)
        #expect(record.text("patientID") == "PID-000123" && record.text("studyUID") == "2.25.11")
        #expect(try place.run(["audit", "verify"]).status == 0)
    }

    @Test func theSameQuestionGetsTheSameAnswer() throws {
        let place = try Workplace()
        let file = try place.image("one")
        func ask() throws -> String? {
            try object(place.run(["ask", file, "Describe it.", "--format", "json"] + Self.model).output)
                .list("turns").first?.text("answer")
        }
        #expect(try ask() == ask())
    }

    @Test func aSetOfQuestionsIsAskedInOneConversation() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let set = place.path("set.json")
        try Data(#"{"name": "short", "title": "Two", "questions": ["First?", "Second?"]}"#.utf8)
            .write(to: URL(fileURLWithPath: set))
        let answer = try place.run(["ask", file, "--questions", set, "--format", "json"] + Self.model)
        #expect(answer.status == 0, "\(answer.errors)")
        let turns = try object(answer.output).list("turns")
        #expect(turns.compactMap { $0.text("question") } == ["First?", "Second?"])
        #expect((turns[1].number("reusedTokens") ?? 0) > (turns[0].number("reusedTokens") ?? 0))
    }

    @Test func chatKeepsTheHistoryAndReadsTheImageOnce() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let answer = try place.run(
            ["chat", file, "--format", "json"] + Self.model, input: "Is the heart large?\nWhy?\n\nNot asked?\n")
        #expect(answer.status == 0, "\(answer.errors)")
        let turns = try answer.output.split(separator: "\n").map { try object(String($0)) }
        #expect(turns.compactMap { $0.text("question") } == ["Is the heart large?", "Why?"])
        let first = try #require(turns[0].number("promptTokens"))
        #expect(try #require(turns[1].number("reusedTokens")) >= first)
        let records = try place.records("study-accessed")
        #expect(records.count == 2)
        let details = records.compactMap { $0["details"] as? [String: Any] }
        #expect(Set(details.compactMap { $0.text("conversation") }).count == 1)
        #expect(details.compactMap { $0.text("turn") } == ["1", "2"])
        let prompt = (records[1]["provenance"] as? [String: Any])?.list("turns").first?.text("prompt")
        #expect(prompt?.contains("Is the heart large?") == true)
        let story = try place.run(["audit", "show", "2.25.11"]).output
        #expect(story.contains("Is the heart large?") && story.contains("Why?"))
    }

    @Test func anImageThatIsNotSuitableGetsNoAnswer() throws {
        let place = try Workplace()
        let file = try place.image("lateral", view: "LL")
        for arguments in [["ask", file, "Is there an effusion?"], ["chat", file], ["ground", file, "effusion"]] {
            let answer = try place.run(arguments + Self.model, input: "Is there an effusion?\n")
            #expect(answer.status == 1)
            #expect(answer.errors.contains("not analysed (lateral_only"))
        }
        #expect(try place.records("study-abstained").count == 3)
    }

    @Test func aModelThatCannotIsToldSo() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let ground = try place.run(["ground", file, "effusion", "--model", Workplace.model("llava-rad")])
        #expect(ground.status == 1 && ground.errors.contains("cannot locate findings"))
        let ask = try place.run(["ask", file, "Why?", "--model", Workplace.model("maira2")])
        #expect(ask.status == 1 && ask.errors.contains("cannot answer questions"))
    }

    @Test func groundAnswersInPixelsOfTheImage() throws {
        let place = try Workplace()
        let file = try place.image("one")
        let answer = try place.run(
            ["ground", file, "pleural effusion", "--format", "json", "--overlay", place.path("boxes.png")]
                + Self.model)
        #expect(answer.status == 0, "\(answer.errors)")
        let report = try object(answer.output)
        #expect(report.number("rows") == 640 && report.number("columns") == 512)
        let regions = report.list("regions")
        for region in regions {
            #expect((region["x0"] as? Double ?? -1) >= 0 && (region["x1"] as? Double ?? 513) <= 512)
            #expect((region["y0"] as? Double ?? -1) >= 0 && (region["y1"] as? Double ?? 641) <= 640)
        }
        // No box, no picture: nobody shall take an empty one for a normal image.
        #expect(FileManager.default.fileExists(atPath: place.path("boxes.png")) == !regions.isEmpty)
        #expect(try place.records("study-accessed").count == 1)
    }

    @Test func badUsageIsToldApartFromFailure() throws {
        let place = try Workplace()
        let file = try place.image("one")
        #expect(try place.run(["ask", file] + Self.model).status == 2)
        #expect(try place.run(["ask", file, "Why?", "--questions", "reasoning"] + Self.model).status == 2)
        let unknown = try place.run(["ask", file, "--questions", "riddles"] + Self.model)
        #expect(unknown.status == 2 && unknown.errors.contains("detailed-description, reasoning"))
        #expect(try place.run(["ground", file, " "] + Self.model).status == 2)
        let two = [try place.image("other", study: "2.25.12")]
        let answer = try place.run(["ask", place.scratch.url.path, "Why?"] + Self.model)
        #expect(answer.status == 1 && answer.errors.contains("2 studies"), "\(two)")
    }
}
