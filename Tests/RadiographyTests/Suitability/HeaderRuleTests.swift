import DICOM
import Foundation
import Testing

@testable import Radiography

/// What the header says: body part, view, age, modality, presentation.
@Suite struct HeaderRuleTests {
    /// A picture that looks like the mean chest, so that only the header decides.
    private static let chest: [UInt16] = {
        let side = ChestTemplate.side
        let cells = Resampler.resize(
            ChestTemplate.cells.map { $0 / 6 + 0.5 }, rows: side, columns: side, newRows: 256, newColumns: 256)
        return cells.map { UInt16(min(max($0, 0.02), 0.98) * 4095) }
    }()

    private func decide(
        policy: SuitabilityPolicy = SuitabilityPolicy(), pixels: [UInt16] = chest,
        _ change: (inout SyntheticDICOM) -> Void = { _ in }
    ) throws -> SuitabilityDecision {
        var file = SyntheticDICOM.image(rows: 256, columns: 256, stored: 12, pixels: .words(pixels))
        file.set(0x0008, 0x0016, "UI", .text("1.2.840.10008.5.1.4.1.1.1.1"))
        file.set(0x0010, 0x1010, "AS", .text("050Y"))
        file.set(0x0018, 0x0015, "CS", .text("CHEST"))
        file.set(0x0018, 0x5101, "CS", .text("PA"))
        file.set(0x0028, 0x1050, "DS", .text("2048"))
        file.set(0x0028, 0x1051, "DS", .text("4096"))
        change(&file)
        return try AssessedRadiograph(DICOMFile(bytes: file.bytes), policy: policy).suitability
    }

    @Test func aChestWithAnUsualHeaderIsRead() throws {
        let decision = try decide()
        #expect(decision.isSuitable, "\(decision.explanation)")
        #expect(decision.view == ViewEvidence(projection: .posteroAnterior, source: "View Position"))
        #expect(decision.measures.map { $0.likeness > 0.9 } == true)
    }

    @Test func eachHeaderRuleHasItsReason() throws {
        let cases: [(String, AbstentionReason, (inout SyntheticDICOM) -> Void)] = [
            ("CT", .notRadiograph, { $0.set(0x0008, 0x0060, "CS", .text("CT")) }),
            ("CT SOP class", .notRadiograph, { $0.set(0x0008, 0x0016, "UI", .text("1.2.840.10008.5.1.4.1.1.2")) }),
            (
                "for processing without presentation", .noPresentation,
                {
                    $0.set(0x0008, 0x0016, "UI", .text("1.2.840.10008.5.1.4.1.1.1.1.1"))
                    $0.remove(0x0028, 0x1050)
                }
            ),
            ("a knee", .notChest, { $0.set(0x0018, 0x0015, "CS", .text("KNEE")) }),
            ("thoracic spine", .notChest, { $0.set(0x0018, 0x0015, "CS", .text("TSPINE")) }),
            ("a lateral", .lateralOnly, { $0.set(0x0018, 0x5101, "CS", .text("LL")) }),
            (
                "a lateral by its orientation", .lateralOnly,
                {
                    $0.remove(0x0018, 0x5101)
                    $0.set(0x0020, 0x0020, "CS", .text("A\\F"))
                }
            ),
            (
                "a lateral by code", .lateralOnly,
                {
                    $0.remove(0x0018, 0x5101)
                    $0.set(
                        0x0054, 0x0220, "SQ",
                        .items([
                            [
                                .init(group: 0x0008, number: 0x0100, vr: "SH", value: .text("399198007")),
                                .init(group: 0x0008, number: 0x0104, vr: "LO", value: .text("right lateral")),
                            ]
                        ]))
                }
            ),
            ("an oblique", .unsupportedView, { $0.set(0x0018, 0x5101, "CS", .text("RAO")) }),
            ("a child", .belowAgeRange, { $0.set(0x0010, 0x1010, "AS", .text("017Y")) }),
            ("an infant", .belowAgeRange, { $0.set(0x0010, 0x1010, "AS", .text("030M")) }),
            (
                "a child by birth date", .belowAgeRange,
                {
                    $0.remove(0x0010, 0x1010)
                    $0.set(0x0010, 0x0030, "DA", .text("20100301"))
                    $0.set(0x0008, 0x0020, "DA", .text("20240301"))
                }
            ),
            ("no age", .ageUnknown, { $0.remove(0x0010, 0x1010) }),
            ("a senseless age", .ageUnknown, { $0.set(0x0010, 0x1010, "AS", .text("XXXY")) }),
        ]
        for (name, reason, change) in cases {
            let decision = try decide(change)
            #expect(decision.reasons == [reason], "\(name): \(decision.findings)")
        }
    }

    @Test func aSilentHeaderLeavesTheDecisionToThePicture() throws {
        let silent: (inout SyntheticDICOM) -> Void = {
            $0.remove(0x0018, 0x0015)
            $0.remove(0x0018, 0x5101)
        }
        let decision = try decide(silent)
        #expect(decision.isSuitable)
        #expect(decision.view == ViewEvidence(projection: .frontal, source: "the picture"))
        let ramp = (0..<256 * 256).map { UInt16($0 % 256 * 15) }
        #expect(try decide(pixels: ramp, silent).reasons.contains(.bodyPartUnknown))
    }

    @Test func aForProcessingImageWithAWindowIsRead() throws {
        let decision = try decide { $0.set(0x0008, 0x0068, "CS", .text("FOR PROCESSING")) }
        #expect(decision.isSuitable && decision.findings.map(\.rule) == ["presentation"])
    }

    @Test func thePolicyDecides() throws {
        var policy = SuitabilityPolicy()
        policy.readsUnknownAge = true
        policy.minimumAge = 5
        #expect(try decide(policy: policy) { $0.remove(0x0010, 0x1010) }.isSuitable)
        #expect(try decide(policy: policy) { $0.set(0x0010, 0x1010, "AS", .text("006Y")) }.isSuitable)
        let data = try JSONEncoder().encode(policy)
        #expect(try JSONDecoder().decode(SuitabilityPolicy.self, from: data) == policy)
    }

    @Test func agesAreReadInTheFormsThatSendersWrite() {
        let forms: [(String, Double?, Bool)] = [
            ("081Y", 81, false), ("81", 81, true), ("081", 81, true), ("6Y", 6, false), (" 45 Y", 45, false),
            ("018M", 1.5, false), ("026W", 26 * 7 / 365.25, false), ("010D", 10 / 365.25, false), ("045y", 45, false),
            ("Y45", nil, false), ("", nil, false), ("999Y", nil, false), ("-12Y", nil, false), ("12X", nil, false),
        ]
        for (text, years, noted) in forms {
            let age = AgeEvidence.stated(text)
            #expect(age?.years == years, "'\(text)'")
            #expect((age?.note != nil) == noted, "'\(text)'")
        }
        #expect(AgeEvidence.days("20240229").map { day in AgeEvidence.days("20240301").map { $0 - day } } == 1)
        #expect(AgeEvidence.days("2023.12.31").map { day in AgeEvidence.days("20240101").map { $0 - day } } == 1)
        #expect(AgeEvidence.days("20231301") == nil)
    }

    @Test func ofTwoAgesTheLowerOneCounts() throws {
        let decision = try decide {
            $0.set(0x0010, 0x1010, "AS", .text("040Y"))
            $0.set(0x0010, 0x0030, "DA", .text("20150301"))
            $0.set(0x0008, 0x0020, "DA", .text("20240301"))
        }
        #expect(decision.reasons == [.belowAgeRange])
        #expect(decision.age?.note?.contains("birth date 9") == true)
    }

    @Test func bodyPartsAreReadFromFreeText() {
        let texts: [(String, Bool?)] = [
            ("CHEST", true), ("XR CHEST PA AND LATERAL", true), ("Rx torace", true), ("Röntgen Thorax", true),
            ("THORACIC SPINE", false), ("LEFT KNEE", false), ("CHEST AND ABDOMEN", true), ("No Finding", nil),
            ("Handed over", nil), ("PORTABLE", nil), ("Lungs", true), ("[LOWER LEG         ]", false),
        ]
        for (text, expected) in texts {
            #expect(BodyPartEvidence.namesChest(text) == expected, "\(text)")
        }
    }
}
