import Findings
import Foundation
import TestSupport
import Testing

@testable import ChestReading
@testable import VisionLanguage

@Suite struct HeadTests {
    private func label(_ name: String, _ probability: Double, _ evidence: String = "real") -> LabelProbability {
        LabelProbability(name: name, probability: probability, evidence: evidence)
    }

    private func point(
        _ name: String, _ threshold: Double, auroc: Double? = 0.8, positives: Int = 20
    ) -> OperatingPoints.Point {
        OperatingPoints.Point(name: name, threshold: threshold, validation: .init(auroc: auroc, positives: positives))
    }

    @Test func aStatedFindingCarriesItsCalibratedProbability() throws {
        let parsed = try Parsed(
            "There is a right pleural effusion. A rib fracture is seen.",
            labels: [label("Effusion", 0.71), label("Fracture", 0.9, "phantom")])
        #expect(parsed.finding("pleural_effusion")?.probability == Probability(0.71, calibrated: true))
        #expect(parsed.finding("rib_fracture")?.probability == nil)
        #expect(parsed.findings.allSatisfy { $0.probability?.calibrated != false })
        #expect(parsed.dropped.isEmpty)
    }

    @Test func aLabelGoesToItsKindsAndNotToOthersOfThem() throws {
        let parsed = try Parsed(
            "There is a hiatal hernia. There is pneumonia.",
            labels: [label("Hernia", 0.6), label("Lung Opacity", 0.8), label("Pneumonia", 0.5)])
        #expect(parsed.finding("hiatal_hernia")?.probability?.value == 0.6)
        #expect(parsed.finding("pneumonia")?.probability?.value == 0.5)
    }

    @Test func theHeadAgainstTheTextLeavesItOpen() throws {
        let parsed = try Parsed(
            "No pleural effusion or pneumothorax.", labels: [label("Effusion", 0.6), label("Pneumothorax", 0.1)],
            points: [point("Effusion", 0.3), point("Pneumothorax", 0.3)])
        let effusion = try #require(parsed.finding("pleural_effusion"))
        #expect(effusion.polarity == .undetermined)
        #expect(effusion.certainty == .possible)
        #expect(effusion.probability == Probability(0.6, calibrated: true))
        #expect(parsed.finding("pneumothorax")?.polarity == .absent)
        #expect(parsed.finding("pneumothorax")?.probability == nil)
        #expect(parsed.dropped.map(\.reason) == ["the classifier contradicts the text"])
        #expect(
            parsed.sentences.last?.text
                == "The classifier suggests pleural effusion (probability 0.60), which the text denies.")
        #expect(parsed.reading.validate(against: .standard).isEmpty)
    }

    @Test func aLabelNearChanceRaisesNoDoubt() throws {
        let parsed = try Parsed(
            "No pleural effusion.", labels: [label("Effusion", 0.9)], points: [point("Effusion", 0.3, auroc: 0.55)])
        #expect(parsed.finding("pleural_effusion")?.polarity == .absent)
        #expect(parsed.sentences.count == 1)
        #expect(parsed.dropped.isEmpty)
    }

    @Test func aLabelSeenInTooFewImagesRaisesNoDoubt() throws {
        let parsed = try Parsed(
            "No pleural effusion.", labels: [label("Effusion", 0.9)],
            points: [point("Effusion", 0.3, auroc: 0.99, positives: 1)])
        #expect(parsed.finding("pleural_effusion")?.polarity == .absent)
        #expect(parsed.sentences.count == 1)
    }

    @Test func whatOnlyTheHeadSeesIsASuggestionWithASentenceOfItsOwn() throws {
        let parsed = try Parsed(
            "The heart size is normal. No acute abnormality.",
            labels: [
                label("Nodule", 0.4), label("Mass", 0.4), label("Emphysema", 0.1), label("Pneumonia", 0.4),
                label("Fracture", 0.9, "phantom"), label("Lung Opacity", 0.9), label("No Finding", 0.9),
            ],
            points: [
                point("Nodule", 0.3), point("Mass", 0.3, auroc: 0.55), point("Emphysema", 0.3),
                point("Pneumonia", 0.3, auroc: nil), point("Fracture", 0.3), point("Lung Opacity", 0.3),
                point("No Finding", 0.3),
            ])
        let nodule = try #require(parsed.finding("nodule"))
        #expect(nodule.polarity == .undetermined)
        #expect(nodule.probability == Probability(0.4, calibrated: true))
        #expect(parsed.sentences.last?.findings == [nodule.id])
        #expect(parsed.sentences.last?.text.contains("which the text does not mention") == true)
        // Near chance, unmeasured, below its point, phantom only, an umbrella, a normality: no suggestion.
        #expect(Set(parsed.findings.map(\.concept)) == [.term("nodule"), .term("cardiomegaly")])
    }

    @Test func everyLabelOfTheTrainerHasAConcept() throws {
        let file = SharedData.packageRoot.appendingPathComponent("Training/cxrtrain/labels.py")
        let text = try String(contentsOf: file, encoding: .utf8)
        var labels: [String] = []
        for name in ["NIH_LABELS", "DERIVED_LABELS", "PHANTOM_LABELS"] {
            let start = try #require(text.range(of: "\(name): tuple[str, ...] = ("))
            let end = try #require(text[start.upperBound...].firstIndex(of: ")"))
            labels += text[start.upperBound..<end].split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        }
        #expect(labels.count == 23)
        for label in labels { #expect(HeadEvidence.concept(of: label) != nil, "\(label)") }
        let nih = ["Atelectasis", "Cardiomegaly", "Effusion", "Pleural_Thickening", "Hernia", "No Finding"]
        let cheXpert = ["Enlarged Cardiomediastinum", "Lung Lesion", "Pleural Effusion", "Pleural Other"]
        for label in nih + cheXpert { #expect(HeadEvidence.concept(of: label) != nil, "\(label)") }
        #expect(HeadEvidence.concept(of: "Whirligig") == nil)
    }

    @Test func operatingPointsAreReadAsPythonWritesThem() throws {
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let json = """
            [{"name": "Hernia", "evidence": "real", "threshold": 0.25,
              "validation": {"auroc": NaN, "positives": 0, "negatives": 9, "sensitivity": NaN, "specificity": 0.9}}]
            """
        let file = scratch.url.appendingPathComponent("operating_points.json")
        try Data(json.utf8).write(to: file)
        let points = try OperatingPoints.load(directory: scratch.url)
        #expect(points.points["Hernia"]?.threshold == 0.25)
        #expect(points.points["Hernia"]?.validation?.auroc == nil)
        #expect(points.points["Hernia"]?.validation?.specificity == 0.9)
        try Data("{".utf8).write(to: file)
        #expect(throws: PromptFault.self) { try OperatingPoints.load(directory: scratch.url) }
    }
}
