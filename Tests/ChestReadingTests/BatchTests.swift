import Findings
import Foundation
import TestSupport
import Testing
import VisionLanguage

@testable import ChestReading

@Suite struct BatchTests {
    private func pictures() throws -> [ReadingImage] {
        try [(640, 512), (512, 640), (300, 300), (480, 256), (640, 512)].enumerated().map { index, size in
            var picture = SyntheticRadiograph()
            (picture.rows, picture.columns) = size
            picture.isMonochrome1 = index == 4
            picture.sopInstanceUID = "2.25.\(100 + index)"
            return try readingImage(picture)
        }
    }

    @Test(arguments: ["reference", "onevision", "maira2", "llava-rad"])
    func studiesReadTogetherAreThoseReadAlone(_ name: String) async throws {
        let model = try await TinyModel.babbling(name)
        let requests = try pictures().enumerated().map { readingRequest([$1], indication: "cough", study: $0 + 1) }
        let together = await model.read(requests)
        #expect(together.count == requests.count)
        if ["reference", "maira2"].contains(name) {
            #expect(together.contains { Outcome($0).reading != nil }, "only refusals were compared")
        }
        for (request, result) in zip(requests, together) {
            #expect(Outcome(result) == Outcome(await model.read([request])[0]))
        }
    }

    @Test func aBatchMayBeLargerThanWhatIsDecodedTogether() async throws {
        let model = try await TinyModel.babbling("reference", maximumBatch: 2)
        let requests = try pictures().enumerated().map { readingRequest([$1], study: $0 + 1) }
        let results = await model.read(requests)
        #expect(results.count == 5)
        for (request, result) in zip(requests, results) {
            #expect(Outcome(result) == Outcome(await model.read([request])[0]))
        }
    }

    @Test func oneBadStudySpoilsNoOther() async throws {
        let model = try await TinyModel.babbling("reference")
        let image = try readingImage()
        var nameless = image
        nameless.source.sopInstanceUID = "not a UID"
        let results = await model.read([
            readingRequest([image], study: 1), readingRequest([], study: 2),
            readingRequest([image], deadline: .zero, study: 3), readingRequest([nameless], study: 4),
            readingRequest([image], study: 5),
        ])
        let alone = Outcome(await model.read([readingRequest([image], study: 1)])[0])
        #expect(alone.reading != nil)
        #expect(Outcome(results[0]) == alone)
        #expect(Outcome(results[1]).error == ReadingError.noImage.description)
        #expect(Outcome(results[2]).error == ReadingError.deadline.description)
        #expect(Outcome(results[3]).error?.contains("\"not a UID\" is not a DICOM UID") == true)
        #expect(Outcome(results[4]).turns == alone.turns)
    }

    @Test func aDeadlineFailsTheReadingBeforeAndWhileItDecodes() async throws {
        let model = try await TinyModel.load("reference")
        let image = try readingImage()
        let late = Outcome(await model.read([readingRequest([image], deadline: .nanoseconds(1))])[0])
        #expect(late.error == ReadingError.deadline.description)
        let cut = generation("The lungs are clear. The", ending: .deadline)
        #expect(throws: ReadingError.deadline) {
            _ = try model.answer(cut, to: "", fallbackLabel: "", view: uprightView(rows: 100, columns: 100))
        }
        await #expect(throws: ReadingError.deadline) { _ = try await model.ground("heart", in: image, deadline: .zero) }
    }

    @Test func aConversationThatOutgrowsTheContextKeepsWhatWasAnswered() async throws {
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let image = try readingImage()
        let prompts = try PromptSet.load(family: "llava_onevision", override: nil)
        let report = try #require(prompts.report?.first)
        let chat = try await TinyModel.load("onevision", tokens: 24).converse(about: [image])
        let tokens = try await chat.ask(report).promptTokens
        // Room for the report and its answer, none for the next question.
        let copy = scratch.url.appendingPathComponent("onevision")
        try FileManager.default.copyItem(at: TinyModel.directory("onevision"), to: copy)
        let file = copy.appendingPathComponent("config.json")
        var config = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        var text = try #require(config["text_config"] as? [String: Any])
        text["max_position_embeddings"] = tokens + 25
        config["text_config"] = text
        try JSONSerialization.data(withJSONObject: config).write(to: file)
        let options = ChestModelOptions(loading: .exact, maximumTokens: 24)
        let model = try await ChestModel.load(directory: copy, options: options)
        let result = await model.read([readingRequest([image])])[0]
        switch result {
        case .success(let study):
            #expect(study.record.turns.count == 1)
            #expect(study.record.dropped.contains { $0.reason.hasPrefix("the conversation outgrew the model") })
        case .failure(let error):
            // Junk without a whole sentence is no reading, but the reason is never the later question.
            #expect("\(error)".contains("it holds no sentence"))
        }
    }

    @Test func aCancelledTaskStopsReading() async throws {
        let model = try await TinyModel.load("reference")
        let request = readingRequest([try readingImage()])
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await model.read([request, request])
        }
        for result in await task.value {
            guard case .failure(let error) = result else {
                Issue.record("a cancelled reading gave a result")
                continue
            }
            #expect(error is CancellationError)
        }
    }
}
