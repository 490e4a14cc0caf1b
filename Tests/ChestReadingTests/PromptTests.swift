import Radiography
import Testing

@testable import ChestReading

@Suite struct PromptTests {
    private func question(
        _ family: String, _ context: ClinicalContext, images: [ReadingImage], after: [Exchange] = []
    ) throws -> Question? {
        let type = try #require(DriverRegistry.driver(of: family))
        let driver = type.init(prompts: try PromptSet.load(family: family, override: nil))
        let images = driver.selection(of: images)
        return driver.question(
            after: after, context: PromptContext(context, images: images, extractor: Parsed.extractor))
    }

    @Test func llavaRadIsAskedAsItWasTrained() throws {
        let image = try readingImage()
        #expect(
            try question("llava_rad", ClinicalContext(indication: "Cough."), images: [image])?.text
                == "Provide a description of the findings in the radiology image given the following indication: Cough")
        #expect(
            try question("llava_rad", ClinicalContext(), images: [image])?.text
                == "Provide a description of the findings in the radiology image.")
    }

    @Test func maira2PlacesItsImages() throws {
        let context = ClinicalContext(indication: "Cough", projection: .posteroAnterior)
        let frontal = try readingImage()
        let lateral = try lateralImage()
        let one = try #require(try question("maira2", context, images: [frontal])).text
        #expect(one.hasPrefix("Given the current frontal image only<image> Provide a description of the findings"))
        #expect(one.hasSuffix("INDICATION: Cough TECHNIQUE: PA view of the chest. COMPARISON: N/A"))
        let two = try #require(try question("maira2", context, images: [frontal, lateral])).text
        #expect(two.hasPrefix("Given the current frontal image<image> and the current lateral image<image> Provide"))
        #expect(two.contains("TECHNIQUE: PA and lateral views of the chest."))
        let unknown = try #require(try question("maira2", ClinicalContext(), images: [frontal])).text
        #expect(unknown.hasSuffix("INDICATION: N/A TECHNIQUE: N/A COMPARISON: N/A"))
        // A second frontal image has no place in the prompt.
        #expect(try question("maira2", context, images: [frontal, frontal])?.text == one)
    }

    @Test func theReferenceModelIsAskedInAFormThatItWasTrainedIn() throws {
        let image = try readingImage()
        let asked = try question("cxr_reference", ClinicalContext(indication: "cough"), images: [image])
        #expect(
            asked?.text == "Provide a radiology report for this Chest X-Ray with the location of each finding.")
    }

    @Test func medGemmaGetsWhatIsKnownAndNothingElse() throws {
        let image = try readingImage()
        let full = ClinicalContext(
            indication: "Cough.", history: "Smoker", diagnoses: "COPD", projection: .anteroPosterior, ageBand: "60-69",
            sex: "M")
        let text = try #require(try question("gemma3", full, images: [image])).text
        #expect(text.contains("(AP view)"))
        #expect(
            text.hasSuffix(
                "Indication: Cough. History: Smoker. Diagnoses on admission: COPD. Age: 60-69 years. Sex: male."))
        let bare = try #require(try question("gemma3", ClinicalContext(), images: [image])).text
        #expect(!bare.contains("Indication") && !bare.contains("view") && !bare.contains("{") && !bare.contains("["))
    }

    @Test func radVLMAsksForTheReportThenTheListThenEachRegionOnce() throws {
        let image = try readingImage()
        var exchanges: [Exchange] = []
        let answers = [
            "The heart is enlarged.",
            "The following abnormalities are present: cardiomegaly, pleural effusion, whirligig and cardiomegaly.",
            "The cardiomegaly is located at the coordinates [0.3, 0.4, 0.7, 0.8] on the image.",
            "There is no pleural effusion on the image.",
        ]
        var asked: [Question] = []
        while let next = try question("llava_onevision", ClinicalContext(), images: [image], after: exchanges) {
            asked.append(next)
            try #require(asked.count <= answers.count)
            let answer = generation(answers[asked.count - 1])
            exchanges.append(Exchange(question: next, prompt: next.text, generation: answer))
        }
        #expect(asked.map(\.purpose) == [.report, .list, .region(of: "cardiomegaly"), .region(of: "pleural_effusion")])
        #expect(asked.last?.text == "Where is the pleural effusion located in this Chest X-ray?")
    }

    @Test func templatesAreFilledOnceAndOnlyWhole() {
        let template = PromptTemplate(text: "A {a}[[ B {b}]] {c|none}")
        #expect(template.filled(["a": "{b}", "b": "x"]) == "A {b} B x none")
        #expect(template.filled(["a": "1"]) == "A 1 none")
        #expect(template.filled(["b": "1"]) == nil)
        #expect(PromptTemplate(text: "A {a").filled(["a": "1"]) == nil)
        #expect(PromptTemplate(text: "A [[ {a}").filled(["a": "1"]) == nil)
    }

    @Test func namesGoToTheRegionPromptAndSentencesToThePhrasePrompt() async throws {
        let model = try await TinyModel.load("reference")
        let context = model.promptContext(ClinicalContext(), [try readingImage()])
        func asked(_ phrase: String) -> String? { model.groundingQuestion(phrase, context).question?.text }
        #expect(asked("Effusion") == "Where is the pleural effusion located in this Chest X-ray?")
        #expect(asked("Edema") == "Where is the pulmonary edema located in this Chest X-ray?")
        #expect(asked("right lower lung zone") == "Where is the right lower lung zone located in this Chest X-ray?")
        let sentence = "There is a moderate right pleural effusion."
        #expect(asked(sentence) == "Please locate the following sentence: \(sentence)")
        #expect(asked("a moderate right pleural effusion")?.hasSuffix("a moderate right pleural effusion.") == true)
        #expect(asked("") == nil)
    }
}
