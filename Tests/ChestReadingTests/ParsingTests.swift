import Findings
import Foundation
import TestSupport
import Testing
import VisionLanguage

@testable import ChestReading

/// Hand-written answers in each family's syntax.
@Suite struct ParsingTests {
    @Test func aGroundedReportOfTheReferenceModel() throws {
        let parsed = try Parsed(
            """
            An endotracheal tube is in place [0.45, 0.0, 0.55, 0.3]. There is a moderate right pleural effusion \
            [0.1, 0.55, 0.42, 0.86]. Bilateral nodules [0.2, 0.2, 0.3, 0.3], [0.6, 0.2, 0.7, 0.3] and \
            [0.6, 0.5, 0.7, 0.6]. No pneumothorax. The heart size is normal.
            """)
        #expect(parsed.dropped.isEmpty)
        #expect(
            parsed.sentences.map(\.text) == [
                "An endotracheal tube is in place.", "There is a moderate right pleural effusion.",
                "Bilateral nodules.", "No pneumothorax.", "The heart size is normal.",
            ])
        let effusion = try #require(parsed.finding("pleural_effusion"))
        #expect(effusion.polarity == .present)
        #expect(effusion.laterality == .right)
        #expect(effusion.severity == .moderate)
        #expect(effusion.regions.count == 1)
        #expect(effusion.regions[0].region.isNear(.fraction(0.1, 0.55, 0.42, 0.86)))
        #expect(parsed.sentences[1].findings == [effusion.id])
        #expect(parsed.finding("nodule")?.regions.count == 3)
        #expect(parsed.finding("nodule")?.laterality == .bilateral)
        #expect(parsed.finding("endotracheal_tube")?.regions.count == 1)
        #expect(parsed.finding("pneumothorax")?.polarity == .absent)
        #expect(parsed.finding("cardiomegaly")?.polarity == .absent)
        #expect(parsed.reading.validate(against: .standard).isEmpty)
    }

    @Test func severalFindingsInOneSentenceKeepTheirOwnBoxes() throws {
        let parsed = try Parsed(
            "cardiomegaly [0.3, 0.5, 0.7, 0.9]; pleural effusion [0.1, 0.6, 0.3, 0.9] and [0.7, 0.6, 0.9, 0.9].")
        #expect(parsed.finding("cardiomegaly")?.regions.map(\.region.x0) == [300])
        #expect(parsed.finding("pleural_effusion")?.regions.map(\.region.x0) == [100, 700])
        #expect(parsed.sentences.map(\.text) == ["cardiomegaly; pleural effusion."])
    }

    @Test func pythonsWaysToWriteANumber() throws {
        let parsed = try Parsed("Cardiomegaly [0, 0.0, 1, 1.0]. Atelectasis [ 0.05 ,1e-1, .5,0.3 ].")
        #expect(parsed.finding("cardiomegaly")?.regions[0].region.isNear(.fraction(0, 0, 1, 1)) == true)
        #expect(parsed.finding("atelectasis")?.regions[0].region.isNear(.fraction(0.05, 0.1, 0.5, 0.3)) == true)
    }

    @Test func aGroundedReportOfMAIRA2() throws {
        let parsed = try Parsed(
            "<obj>There is a small left pneumothorax.<box><x55><y45><x70><y56></box><box><x10><y10><x20><y20></box></obj>"
                + "<obj>The heart is enlarged<box><x30><y50><x70><y90></box></obj> No pleural effusion.",
            .binTokens)
        #expect(parsed.dropped.isEmpty)
        #expect(
            parsed.sentences.map(\.text) == [
                "There is a small left pneumothorax.", "The heart is enlarged", "No pleural effusion.",
            ])
        let pneumothorax = try #require(parsed.finding("pneumothorax"))
        #expect(pneumothorax.laterality == .left)
        #expect(pneumothorax.regions.count == 2)
        #expect(pneumothorax.regions[0].region.isNear(.fraction(0.555, 0.455, 0.705, 0.565)))
        #expect(parsed.finding("cardiomegaly")?.regions.count == 1)
        #expect(parsed.finding("pleural_effusion")?.polarity == .absent)
    }

    @Test func brokenTagsOfMAIRA2StayOutOfTheTextAndAreRecorded() throws {
        let parsed = try Parsed(
            "<obj>Cardiomegaly.<box><x30><y50><x70></box></obj><obj>Left effusion.<box><x1><y2><x3><y400></box>"
                + "<x5></obj></box>No pneumothorax.", .binTokens)
        #expect(parsed.sentences.map(\.text).joined(separator: "|").contains("<x3") == false)
        #expect(parsed.reasons(about: "<box><x30>") == [BoxedText.malformed])
        #expect(parsed.dropped.contains { $0.reason == "a coordinate stands outside a box" })
        #expect(parsed.dropped.contains { $0.reason == "a box ends that did not begin" })
        #expect(parsed.findings.flatMap(\.regions).isEmpty)
        #expect(parsed.findings.count == 3)
    }

    @Test func aConversationOfRadVLM() throws {
        let parsed = try Parsed([
            (.report, generation("The heart is enlarged. There is no pneumothorax.")),
            (
                .list,
                generation("The following abnormalities are present: cardiomegaly, pleural effusion and whirligigs.")
            ),
            (
                .region(of: "cardiomegaly"),
                generation("The cardiomegaly is located at the coordinates [0.3, 0.4, 0.7, 0.8] on the image.")
            ),
            (
                .region(of: "pleural_effusion"),
                generation("The effusion is located at the coordinates [0.1, 0.7, 0.2, 0.9] and [0.8, 0.7, 0.9, 0.9].")
            ),
        ])
        #expect(parsed.finding("cardiomegaly")?.regions.count == 1)
        let effusion = try #require(parsed.finding("pleural_effusion"))
        #expect(effusion.regions.count == 2)
        #expect(parsed.sentences.last?.findings == [effusion.id])
        #expect(parsed.sentences.last?.text.hasPrefix("The following abnormalities are present") == true)
        #expect(parsed.reasons(about: "whirligigs") == ["the terminology does not know this finding"])
    }

    @Test func aListThatTheReportDeniesIsUndetermined() throws {
        let parsed = try Parsed([
            (.report, generation("There is no pleural effusion.")),
            (.list, generation("The following abnormalities are present: pleural effusion.")),
            (.region(of: "pleural_effusion"), generation("There is no pleural effusion on the image.")),
        ])
        #expect(parsed.finding("pleural_effusion")?.polarity == .undetermined)
        #expect(parsed.dropped.map(\.reason).contains("it contradicts an earlier sentence"))
        #expect(parsed.dropped.map(\.reason).contains("it denies a finding that was listed"))
    }

    @Test func markdownAndHeadingsOfMedGemma() throws {
        let parsed = try Parsed(
            """
            **Indication:** Pneumonia? Rule out effusion.

            **Findings:**
            * **Lungs:** There is a left lower lobe consolidation.
            * Heart: enlarged.
            1. Possible small right pleural effusion.

            ## Impression
            - Left lower lobe pneumonia.
            """, nil)
        #expect(parsed.finding("pneumonia")?.polarity == .present)
        #expect(parsed.finding("consolidation")?.laterality == .left)
        #expect(parsed.finding("pleural_effusion")?.polarity == .undetermined)
        #expect(parsed.finding("pleural_effusion")?.certainty == .possible)
        #expect(parsed.sentences.filter { $0.section == .impression }.map(\.text) == ["Left lower lobe pneumonia."])
        #expect(parsed.sentences.allSatisfy { !$0.text.contains("*") && !$0.text.contains("#") })
    }

    @Test func aComparisonInPassingSilencesNoFinding() throws {
        let parsed = try Parsed(
            "Comparison: none available. There is a large right pneumothorax. The heart is enlarged.")
        #expect(parsed.finding("pneumothorax")?.polarity == .present)
        #expect(parsed.finding("cardiomegaly")?.polarity == .present)
    }

    @Test func whatStandsUnderTheIndicationIsNoFinding() throws {
        let parsed = try Parsed("Indication:\nPneumonia. Effusion?\nThe heart is enlarged.", nil)
        #expect(parsed.findings.map(\.concept) == [.term("cardiomegaly")])
        let inline = try Parsed("History: Pneumonia. Fracture.\nThe heart is enlarged.", nil)
        #expect(inline.findings.map(\.concept) == [.term("cardiomegaly")])
    }

    @Test func listsComeInManyForms() {
        func keys(_ answer: String) -> [String] { FindingList(answer, Parsed.extractor).findings.map(\.key) }
        #expect(
            keys("The following abnormalities are present: a nodule, pleural effusions and enlarged heart.")
                == ["nodule", "pleural_effusion", "cardiomegaly"])
        #expect(keys("1. Cardiomegaly\n2. Left pleural effusion\n") == ["cardiomegaly", "pleural_effusion"])
        #expect(keys("* Edema\n* The edema") == ["edema"])
        #expect(keys("No abnormality is present.").isEmpty)
        #expect(FindingList("whirligig", Parsed.extractor).unknown == ["whirligig"])
        #expect(FindingList("", Parsed.extractor).unknown.isEmpty)
    }

    /// Every noun that the reference model was taught, in a sentence of its grammar, must come back as its label's finding
    /// with its side and its box.
    @Test func everyNounOfTheTrainersGrammarIsUnderstood() throws {
        let file = SharedData.packageRoot.appendingPathComponent("Training/cxrtrain/text/terms.py")
        let text = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(text.range(of: "NOUNS: dict[str, tuple[str, ...]] = {"))
        let end = try #require(text[start.upperBound...].firstIndex(of: "}"))
        var nouns = 0
        for line in text[start.upperBound..<end].split(separator: "\n") {
            let quoted = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
            guard let label = quoted.first, case .term(let key)? = HeadEvidence.concept(of: label) else { continue }
            for noun in quoted.dropFirst() {
                nouns += 1
                let parsed = try Parsed("There is a moderate right \(noun) [0.1, 0.55, 0.42, 0.86]. No whirligig.")
                let found = parsed.findings.first { finding in
                    guard case .term(let own) = finding.concept else { return false }
                    return Terminology.standard.lineage(of: own).contains { $0.key == key }
                        || Terminology.standard.lineage(of: key).contains { $0.key == own }
                }
                #expect(found?.polarity == .present, "\(label): \(noun)")
                #expect(found?.regions.count == 1, "\(label): \(noun)")
            }
        }
        #expect(nouns > 40)
    }

    @Test(
        arguments: [
            ("[0.1, 0.2, 1.3, 0.4]", "the box leaves the image"), ("[-0.1, 0.2, 0.3, 0.4]", "the box leaves the image"),
            ("[120, 300, 400, 500]", "the box leaves the image"), ("[0.4, 0.2, 0.3, 0.4]", "the box covers nothing"),
            ("[0.3, 0.4, 0.3, 0.4]", "the box covers nothing"), ("[0.1, 0.2, 0.3]", BoxedText.malformed),
            ("[0.1, 0.2, 0.3, 0.4, 0.5]", BoxedText.malformed), ("[0.1, 0..2, 0.3, 0.4]", BoxedText.malformed),
            ("[0.1, 0.2, 1e999, 0.4]", BoxedText.malformed), ("[0.1, , 0.3, 0.4]", BoxedText.malformed),
            ("[0.1, 0.2, 0.3", BoxedText.unfinished),
        ])
    func aBoxThatIsNoneIsRecordedAndNotGuessed(_ box: String, _ reason: String) throws {
        let parsed = try Parsed("Cardiomegaly \(box)")
        #expect(parsed.finding("cardiomegaly")?.polarity == .present)
        #expect(parsed.finding("cardiomegaly")?.regions.isEmpty == true)
        #expect(parsed.sentences.map(\.text) == ["Cardiomegaly"])
        #expect(parsed.dropped == [ReadingRecord.Dropped(text: box, reason: reason)])
    }

    @Test func bracketsThatAreNoBoxStayText() throws {
        let parsed = try Parsed("The heart is enlarged [see note]. No effusion [1].")
        #expect(parsed.sentences.map(\.text) == ["The heart is enlarged [see note].", "No effusion [1]."])
        #expect(parsed.dropped.isEmpty)
    }

    @Test func aBoxBesideAnUnknownOrADeniedFindingIsRecorded() throws {
        let parsed = try Parsed("A whirligig is seen [0.1, 0.1, 0.2, 0.2]. No pneumothorax [0.3, 0.3, 0.4, 0.4].")
        #expect(throws: ReadingError.unusableAnswer("no sentence of it names a finding")) {
            try Parsed("A whirligig is seen [0.1, 0.1, 0.2, 0.2]. Hm.")
        }
        #expect(parsed.reasons(about: "whirligig") == ["a box stands beside no known finding"])
        #expect(parsed.reasons(about: "pneumothorax") == ["a box stands beside a finding that is denied"])
        #expect(parsed.sentences.count == 2)
        #expect(parsed.reading.validate(against: .standard).isEmpty)
    }

    @Test func aContradictionIsUndeterminedAndRecorded() throws {
        for text in [
            "There is a right pleural effusion. There is no pleural effusion.",
            "No pleural effusion. Small right pleural effusion [0.1, 0.7, 0.3, 0.9].",
        ] {
            let parsed = try Parsed(text)
            #expect(parsed.findings.count == 1)
            #expect(parsed.finding("pleural_effusion")?.polarity == .undetermined, "\(text)")
            #expect(parsed.dropped.contains { $0.reason == "it contradicts an earlier sentence" })
            #expect(parsed.sentences.allSatisfy { $0.findings == ["f1"] })
        }
    }

    @Test func sidesDoNotContradictEachOther() throws {
        let parsed = try Parsed("There is no left pleural effusion. There is a moderate right pleural effusion.")
        let effusions = parsed.findings.filter { $0.concept == .term("pleural_effusion") }
        #expect(effusions.map(\.polarity) == [.absent, .present])
        #expect(effusions.map(\.laterality) == [.left, .right])
        #expect(parsed.dropped.isEmpty)
    }

    @Test func aSpecificFindingOutweighsAGeneralDenial() throws {
        let parsed = try Parsed("The lungs are clear. There is a nodule. No acute cardiopulmonary abnormality.")
        #expect(parsed.finding("nodule")?.polarity == .present)
        #expect(parsed.finding("lung_opacity") == nil)
        #expect(parsed.finding("no_finding") == nil)
        let reason = "a specific finding contradicts this general statement"
        #expect(parsed.dropped.filter { $0.reason == reason }.count == 2)
        #expect(parsed.sentences.count == 3)
    }

    @Test func aLargeHeartDoesNotContradictANormalMediastinum() throws {
        let parsed = try Parsed("The heart is enlarged. The mediastinum is normal.")
        #expect(parsed.finding("cardiomegaly")?.polarity == .present)
        #expect(parsed.finding("enlarged_cardiomediastinum")?.polarity == .absent)
        #expect(parsed.dropped.isEmpty)
    }

    @Test func aRepetitionLoopKeepsWhatStandsBeforeIt() throws {
        let kept = "The heart is enlarged. There is a left effusion."
        let parsed = try Parsed(
            kept, ending: .repetition, decoded: kept + String(repeating: " There is a left effusion.", count: 6))
        #expect(parsed.sentences.map(\.text) == ["The heart is enlarged.", "There is a left effusion."])
        #expect(parsed.dropped.map(\.reason) == ["the model repeated itself"])
        #expect(parsed.dropped[0].text.contains("left effusion"))
    }

    @Test func aSentenceThatStandsTwiceIsToldOnce() throws {
        let parsed = try Parsed("No effusion. No effusion. The heart is enlarged.")
        #expect(parsed.sentences.map(\.text) == ["No effusion.", "The heart is enlarged."])
        #expect(parsed.dropped == [ReadingRecord.Dropped(text: "No effusion.", reason: "the sentence stands twice")])
    }

    @Test func aSentenceThatWasCutOffIsLeftOut() throws {
        for ending in [Generation.Ending.maximumTokens, .contextFull] {
            let parsed = try Parsed("The heart is enlarged. There is no pleural", ending: ending)
            #expect(parsed.sentences.map(\.text) == ["The heart is enlarged."])
            #expect(parsed.reasons(about: "There is no pleural") == ["the sentence was not finished"])
            #expect(parsed.finding("pleural_effusion") == nil)
        }
        #expect(throws: ReadingError.self) { try Parsed("There is no pleural", ending: .maximumTokens) }
    }

    @Test func anAnswerWithoutWordsIsUnusable() {
        for text in ["", "  \n", "...", "[0.1, 0.2, 0.3, 0.4]", "**"] {
            #expect(throws: ReadingError.self, "\(text)") { try Parsed(text) }
        }
    }

    @Test func controlCharactersAndBidirectionalTricksAreRemoved() throws {
        let parsed = try Parsed("The heart\u{0} is \u{202E}enlarged\u{2066}.\u{E000} No\u{7} effusion.")
        #expect(parsed.reading.validate(against: .standard).isEmpty)
        #expect(parsed.findings.count == 2)
    }

    @Test func theAnswersTextHasNoCoordinates() {
        let answer = ParsedAnswer(
            "The heart is located at the coordinates [0.3, 0.4, 0.7, 0.8] on the image.", syntax: .normalizedList)
        #expect(answer.text == "The heart is located on the image.")
        let two = ParsedAnswer(
            "The sentence is located at the coordinates [0.1, 0.2, 0.3, 0.4] and [0.5, 0.6, 0.7, 0.8] on the image.",
            syntax: .normalizedList)
        #expect(two.text == "The sentence is located on the image.")
        #expect(two.sentences[0].boxes.count == 2)
    }
}
