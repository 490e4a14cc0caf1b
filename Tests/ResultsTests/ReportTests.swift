import DICOM
import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

@Suite struct ReportTests {
    @Test func everyReportIsMarkedAsADraft() throws {
        let built = try Built(.oneRegion)
        for kind in [ResultKind.narrative, .findings] {
            let dataset = try built.dataset(kind)
            #expect(dataset.text(.completionFlag) == "PARTIAL")
            #expect(dataset.text(.completionFlagDescription) != nil)
            #expect(dataset.text(.verificationFlag) == "UNVERIFIED")
            #expect(dataset.text(.preliminaryFlag) == "PRELIMINARY")
            #expect(dataset.items(.authorObserverSequence).first?.text(.observerType) == "DEV")
            let words = ReadItem(dataset: dataset).descendants.compactMap(\.text).joined()
            #expect(words.contains(Reading.standardDisclaimer))
            #expect(words.contains("cxr-vlm, version 2026.02-q4"))
        }
    }

    @Test func theNarrativeHoldsEverySentenceInOrder() throws {
        let study = SampleStudy.longReport
        let root = try ReadItem(dataset: Built(study).dataset(.narrative))
        let texts = root.all("121071").compactMap(\.text) + root.all("121073").compactMap(\.text)
        #expect(texts == study.reading.sentences.map { $0.text.replacing("\n", with: "\r\n") })
        #expect(root.children.filter { $0.type == "CONTAINER" }.map(\.name) == ["55112-7", "59776-5", "19005-8"])
    }

    /// dciodvfy and PixelMed pass a report whose probability lacks its algorithm or has another unit.
    @Test func probabilitiesAreCalibratedAndCarryUnitAndAlgorithm() throws {
        let root = try ReadItem(dataset: Built(.manyRegions).dataset(.findings))
        let numbers = root.all("122157")
        // The nodule's 0.64 is not calibrated: no number may appear for it.
        #expect(numbers.count == 1)
        for number in numbers {
            let value = try #require(number.dataset.items(.measuredValueSequence).first)
            #expect(value.text(.numericValue) == "91.0")
            let unit = try #require(value.items(.measurementUnitsCodeSequence).first)
            #expect(unit.text(.codeValue) == "%")
            #expect(unit.text(.codingSchemeDesignator) == "UCUM")
            #expect(unit.text(.codeMeaning) == "Percent")
            #expect(number.children.map(\.name) == ["111001", "111003"])
            #expect(number.children.map(\.text) == ["cxr-vlm", "2026.02-q4"])
        }
        let measurements = try #require(root.first("126010"))
        #expect(measurements.children.prefix(2).map(\.name) == ["111001", "111003"])
        for size in root.all("110910") + root.all("110911") {
            let unit = size.dataset.items(.measuredValueSequence).first?.items(.measurementUnitsCodeSequence).first
            #expect(unit?.text(.codeValue) == "{pixels}")
        }
    }

    @Test func aGroupStandsForEachRegionAsViewersExpect() throws {
        let study = SampleStudy.manyRegions
        let root = try ReadItem(dataset: Built(study).dataset(.findings))
        let groups = root.all("125007")
        #expect(groups.count == study.reading.findings.flatMap(\.regions).count)
        var tracking: Set<String> = []
        for (index, group) in groups.enumerated() {
            #expect(group.meaning == "Measurement Group")
            #expect(group.dataset.items(.contentTemplateSequence).first?.text(.templateIdentifier) == "1410")
            let uids = group.children.filter { $0.type == "UIDREF" }
            #expect(uids.first?.name == "112040")
            tracking.insert(try #require(uids.first?.dataset.text(.uidValue)))
            #expect(group.children.first?.text?.hasPrefix("AI-\(index + 1) ") == true)
            let region = try #require(group.first("111030"))
            #expect(region.dataset.text(.graphicType) == "POLYLINE")
            #expect(region.dataset.doubles(.graphicData)?.count == 10)
            let image = try #require(region.children.first)
            #expect(image.relationship == "SELECTED FROM")
            #expect(image.type == "IMAGE")
            #expect(group.first("121106")?.text?.isEmpty == false)
        }
        #expect(tracking.count == groups.count)
    }

    @Test func negativesAndDoubtsAreStated() throws {
        let root = try ReadItem(dataset: Built(.oneRegion).dataset(.findings))
        let evaluations = try #require(root.first("C0034375"))
        let said = Dictionary(
            evaluations.children.filter { $0.type == "CODE" }.map { ($0.name ?? "", $0.code ?? "") },
            uniquingKeysWith: { first, _ in first })
        #expect(said == ["60046008": "52101004", "36118008": "272519000", "8186001": "373068000", "F001": "52101004"])
    }

    @Test func aNormalReadingHasMeasurementsWithoutGroups() throws {
        let built = try Built(.noRegion)
        let root = try ReadItem(dataset: built.dataset(.findings))
        #expect(root.first("126010") != nil)
        #expect(root.all("125007").isEmpty)
        #expect(root.first("121402")?.code == "17621005")
        #expect(built.objects.map(\.reference.kind) == [.narrative, .findings, .overlay])
    }

    @Test(arguments: Terminology.standard.abstentionReasons.map(\.key))
    func everyAbstentionIsAResultWithItsCode(reason: String) throws {
        let term = try #require(Terminology.standard.abstentionReason(reason))
        let built = try Built(.abstention(reason))
        #expect(built.objects.map(\.reference.kind) == [.narrative, .findings])
        let narrative = try ReadItem(dataset: built.dataset(.narrative))
        #expect(narrative.all("121077").compactMap(\.code) == [term.code.value])
        let words = narrative.all("121077").compactMap(\.text).joined()
        #expect(words.contains(term.code.meaning) && words.contains("Body Part Examined is HAND."))
        let findings = try ReadItem(dataset: built.dataset(.findings))
        #expect(findings.all("125007").isEmpty)
        #expect(findings.first("121402")?.code == "373068000")
        #expect(findings.first("121077")?.code == term.code.value)
        let scheme = try #require(built.dataset(.findings).items(.codingSchemeIdentificationSequence).first)
        #expect(scheme.text(.codingSchemeDesignator) == "99CXRGW")
        #expect(scheme.text(.codingSchemeUID) == Terminology.standard.privateScheme.uid)
    }

    @Test func anAbstentionWithoutImagesIsAResultToo() throws {
        var study = SampleStudy.abstention("no_image")
        study.reading.images = []
        let built = try Built(study)
        #expect(built.objects.count == 2)
        #expect(try ReadItem(dataset: built.dataset(.findings)).first("111028") == nil)
    }

    @Test func theLanguageIsCoded() throws {
        let root = try ReadItem(dataset: Built(.integrator).dataset(.narrative))
        #expect(root.first("121049")?.code == "ja")
        #expect(root.first("121071")?.text == "右上葉に結節影を認める。")
        #expect(ReportLanguage.code("pt-BR").value == "pt-BR")
        #expect(ReportLanguage.code("tlh").meaning == "tlh")
    }

    @Test func keyObjectsNameTheImagesOfFlaggedFindingsOnly() throws {
        let all = try Built(.twoImages).dataset(.keyObjects)
        #expect(ReadItem(dataset: all).children.filter { $0.type == "IMAGE" }.count == 2)
        var options = Built.everything
        options.flaggedFindings = ["rib_fracture"]
        let one = try ReadItem(dataset: Built(.twoImages, options: options).dataset(.keyObjects))
        #expect(one.children.filter { $0.type == "IMAGE" }.count == 1)
        options.flaggedFindings = ["pneumothorax"]
        #expect(try Built(.twoImages, options: options).files(.keyObjects).isEmpty)
    }
}
