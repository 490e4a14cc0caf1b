import Findings
import Foundation
import Testing

@Suite struct ReadingTests {
    static let uid = "1.2.826.0.1.3680043.8.498.1"

    static func sound() -> Reading {
        Reading(
            studyInstanceUID: uid,
            images: [
                SourceImage(
                    sopClassUID: "1.2.840.10008.5.1.4.1.1.1.1", sopInstanceUID: uid + ".2",
                    seriesInstanceUID: uid + ".3",
                    rows: 100, columns: 80)
            ],
            sentences: [
                ReportSentence(section: .findings, text: "Small left pleural effusion.", findings: ["1"]),
                ReportSentence(section: .impression, text: "Left effusion."),
            ],
            findings: [
                Finding(
                    id: "1", concept: .term("pleural_effusion"), polarity: .present, certainty: .probable,
                    probability: Probability(0.8, calibrated: true), laterality: .left, severity: .mild,
                    regions: [ImageRegion(sopInstanceUID: uid + ".2", region: Region(x0: 1, y0: 60, x1: 30, y1: 90))]),
                Finding(id: "2", concept: .term("pneumothorax"), polarity: .absent),
            ],
            model: ModelIdentity(name: "reference", version: "1", weightsDigest: "sha256:00", manufacturer: "project"))
    }

    @Test func aSoundReadingSurvivesJSON() throws {
        let reading = Self.sound()
        #expect(reading.validate().isEmpty)
        let json = try reading.json()
        #expect(try Reading(json: json) == reading)
        #expect(try Reading(json: json).json() == json)
    }

    @Test func theDocumentedExampleIsSound() throws {
        let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Findings/README.md")
        let text = try String(contentsOf: readme, encoding: .utf8)
        let start = try #require(text.range(of: "```json\n"))
        let end = try #require(text.range(of: "\n```", range: start.upperBound..<text.endIndex))
        let reading = try Reading(json: Data(text[start.upperBound..<end.lowerBound].utf8))
        #expect(reading.validate().isEmpty)
        #expect(reading.findings.count == 3)
    }

    @Test func anAbstentionStandsAlone() {
        var reading = Self.sound()
        reading.abstention = Abstention(reason: "lateral_only")
        #expect(reading.validate() == [.abstentionWithFindings])
        reading.findings = []
        reading.sentences = []
        #expect(reading.validate().isEmpty)
        reading.images = []
        #expect(reading.validate().isEmpty)
        reading.abstention = Abstention(reason: "mood")
        #expect(reading.validate() == [.unknownAbstentionReason("mood")])
    }

    @Test func aRoundingErrorIsClampedAndMoreIsAFault() throws {
        var reading = Self.sound()
        reading.findings[0].regions[0].region = Region(x0: -0.6, y0: 10, x1: 80.9, y1: 100.4)
        #expect(!reading.validate().isEmpty)
        let clamped = try reading.validated()
        #expect(clamped.findings[0].regions[0].region == Region(x0: 0, y0: 10, x1: 80, y1: 100))
        reading.findings[0].regions[0].region = Region(x0: 0, y0: 10, x1: 81.5, y1: 100)
        #expect(throws: InvalidReading.self) { try reading.validated() }
    }

    struct Damage: CustomTestStringConvertible {
        let name: String
        let apply: @Sendable (inout Reading) -> Void
        let isNamed: @Sendable (ReadingFault) -> Bool
        var testDescription: String { name }
    }

    static let damages: [Damage] = [
        Damage(
            name: "nan", apply: { $0.findings[0].regions[0].region.x1 = .nan },
            isNamed: {
                $0 == .regionNotFinite(finding: "1")
            }),
        Damage(
            name: "infinite", apply: { $0.findings[0].regions[0].region.y1 = .infinity },
            isNamed: {
                $0 == .regionNotFinite(finding: "1")
            }),
        Damage(
            name: "swapped", apply: { $0.findings[0].regions[0].region.x1 = 0.5 },
            isNamed: {
                if case .regionEmpty("1", _) = $0 { true } else { false }
            }),
        Damage(
            name: "outside", apply: { $0.findings[0].regions[0].region.x1 = 300 },
            isNamed: {
                if case .regionOutsideImage("1", _, 100, 80) = $0 { true } else { false }
            }),
        Damage(
            name: "other image", apply: { $0.findings[0].regions[0].sopInstanceUID = "1.2" },
            isNamed: {
                if case .regionOnUnknownImage("1", "1.2", 1) = $0 { true } else { false }
            }),
        Damage(
            name: "absent with region", apply: { $0.findings[0].polarity = .absent },
            isNamed: {
                $0 == .regionWithoutPresence(finding: "1")
            }),
        Damage(
            name: "unknown finding", apply: { $0.findings[0].concept = .term("bad mood") },
            isNamed: {
                $0 == .unknownFinding(finding: "1", key: "bad mood")
            }),
        Damage(
            name: "malformed code",
            apply: { $0.findings[0].concept = .code(Code(value: "", scheme: "SCT", meaning: "x")) },
            isNamed: { if case .malformedCode("1", _) = $0 { true } else { false } }),
        Damage(
            name: "unknown site", apply: { $0.findings[0].site = "toe" },
            isNamed: {
                $0 == .unknownSite(finding: "1", key: "toe")
            }),
        Damage(
            name: "probability", apply: { $0.findings[0].probability = Probability(1.5) },
            isNamed: {
                $0 == .probabilityOutOfRange(finding: "1", value: 1.5)
            }),
        Damage(
            name: "probability nan", apply: { $0.findings[0].probability = Probability(.nan) },
            isNamed: {
                if case .probabilityOutOfRange("1", _) = $0 { true } else { false }
            }),
        Damage(name: "duplicate id", apply: { $0.findings[1].id = "1" }, isNamed: { $0 == .duplicateFindingID("1") }),
        Damage(
            name: "dangling link", apply: { $0.sentences[0].findings = ["9"] },
            isNamed: {
                $0 == .unknownFindingID(place: "sentences[0]", id: "9")
            }),
        Damage(
            name: "empty text", apply: { $0.sentences[0].text = " \n" },
            isNamed: {
                $0 == .emptyText(place: "sentences[0].text")
            }),
        Damage(
            name: "control character", apply: { $0.sentences[1].text = "a\u{1B}[31m" },
            isNamed: {
                $0 == .forbiddenCharacter(place: "sentences[1].text", scalar: 0x1B)
            }),
        Damage(
            name: "right-to-left override", apply: { $0.sentences[1].text = "no \u{202E}effusion" },
            isNamed: {
                $0 == .forbiddenCharacter(place: "sentences[1].text", scalar: 0x202E)
            }),
        Damage(
            name: "long sentence", apply: { $0.sentences[1].text = String(repeating: "x", count: 20_000) },
            isNamed: {
                $0 == .textTooLong(place: "sentences[1].text", characters: 20_000, limit: 10_240)
            }),
        Damage(
            name: "a megabyte of text",
            apply: {
                let sentence = ReportSentence(section: .findings, text: String(repeating: "x", count: 10_000))
                $0.sentences += Array(repeating: sentence, count: 105)
            }, isNamed: { if case .textTooLong("The narrative", _, _) = $0 { true } else { false } }),
        Damage(
            name: "line break in a name", apply: { $0.model.name = "a\nb" },
            isNamed: {
                $0 == .forbiddenCharacter(place: "model.name", scalar: 10)
            }),
        Damage(
            name: "study UID", apply: { $0.studyInstanceUID = "1.02.3" },
            isNamed: {
                if case .malformedUID("studyInstanceUID", _) = $0 { true } else { false }
            }),
        Damage(
            name: "zero rows", apply: { $0.images[0].rows = 0 },
            isNamed: {
                if case .imageSizeOutOfRange = $0 { true } else { false }
            }),
        Damage(
            name: "frame 0", apply: { $0.images[0].frame = 0 },
            isNamed: {
                if case .frameOutOfRange = $0 { true } else { false }
            }),
        Damage(
            name: "image twice", apply: { $0.images.append($0.images[0]) },
            isNamed: {
                if case .duplicateImage = $0 { true } else { false }
            }),
        Damage(name: "no images", apply: { $0.images = [] }, isNamed: { $0 == .noImages }),
        Damage(
            name: "language", apply: { $0.language = "english please" },
            isNamed: {
                $0 == .malformedLanguage("english please")
            }),
        Damage(
            name: "nothing",
            apply: {
                $0.findings = []
                $0.sentences = []
            }, isNamed: { $0 == .nothingSaid }),
        Damage(name: "schema", apply: { $0.schemaVersion = 2 }, isNamed: { $0 == .unsupportedSchema(2) }),
        Damage(
            name: "too many findings",
            apply: { reading in
                reading.findings += (10..<600).map {
                    Finding(id: "\($0)", concept: .term("edema"), polarity: .absent)
                }
            }, isNamed: { if case .tooMany("findings", 592, 500) = $0 { true } else { false } }),
    ]

    @Test(arguments: damages) func aFaultIsNamed(_ damage: Damage) {
        var reading = Self.sound()
        damage.apply(&reading)
        let faults = reading.validate()
        #expect(faults.contains(where: damage.isNamed), "\(faults)")
        for fault in faults { #expect(fault.description.count > 10) }
    }

    @Test(arguments: [
        (#"{"schemaVersion": 9}"#, "schemaVersion 9"), (#"{"schemaVersion": 1}"#, "studyInstanceUID"), (#"{"#, "JSON"),
        (
            #"{"schemaVersion":1,"studyInstanceUID":"1","model":{"name":"a","version":"1","weightsDigest":"d","#
                + #""manufacturer":"m"},"findings":[{"id":"1","concept":"edema","polarity":"maybe"}]}"#,
            "findings[0].polarity"
        ),
    ])
    func aFaultInTheJSONIsPlaced(_ json: String, _ place: String) {
        let fault = #expect(throws: ReadingFault.self) { try Reading(json: Data(json.utf8)) }
        #expect(fault?.description.contains(place) == true, "\(String(describing: fault))")
    }

    @Test func anOwnCodeIsAccepted() throws {
        var reading = Self.sound()
        let code = Code(value: "413839001", scheme: "SCT", meaning: "Chronic lung disease")
        reading.findings[1].concept = .code(code)
        #expect(reading.validate().isEmpty)
        #expect(Terminology.standard.code(of: try Reading(json: reading.json()).findings[1].concept) == code)
    }
}
