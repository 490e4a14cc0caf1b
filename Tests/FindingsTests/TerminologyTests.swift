import Findings
import Foundation
import Testing

@Suite struct TerminologyTests {
    let terminology = Terminology.standard

    @Test func everyDataSetLabelHasATerm() {
        #expect(terminology.findings.compactMap(\.nih14).count == 14)
        #expect(terminology.findings.compactMap(\.cheXpert14).count == 14)
        for label in ["Effusion", "Pleural_Thickening", "Support Devices", "No Finding", "ENLARGED CARDIOMEDIASTINUM"] {
            #expect(terminology.finding(named: label) != nil, "\(label)")
        }
    }

    /// The values of RESULTS.md, word for word: viewers and validators compare them.
    @Test(arguments: [
        ("no_finding", "121402", "DCM", "Normality"), ("cardiomegaly", "8186001", "SCT", "Cardiomegaly"),
        ("lung_opacity", "112001", "DCM", "Opacity"), ("lung_lesion", "52988006", "SCT", "Lesion"),
        ("edema", "19242006", "SCT", "Pulmonary edema"), ("consolidation", "95436008", "SCT", "Lung consolidation"),
        ("pneumonia", "233604007", "SCT", "Pneumonia"), ("atelectasis", "46621007", "SCT", "Atelectasis"),
        ("pneumothorax", "36118008", "SCT", "Pneumothorax"),
        ("pleural_effusion", "60046008", "SCT", "Pleural effusion"),
        ("fracture", "125605004", "SCT", "Fracture of bone"), ("rib_fracture", "33737001", "SCT", "Fracture of rib"),
        ("infiltration", "112121", "DCM", "Infiltrate"), ("mass", "4147007", "SCT", "Mass"),
        ("nodule", "27925004", "SCT", "Nodule"), ("emphysema", "87433001", "SCT", "Pulmonary emphysema"),
        ("fibrosis", "51615001", "SCT", "Fibrosis of lung"),
        ("diaphragmatic_hernia", "39839004", "SCT", "Diaphragmatic hernia"),
        ("hiatal_hernia", "84089009", "SCT", "Hiatal hernia"),
        ("endotracheal_tube", "26412008", "SCT", "Endotracheal tube"), ("port", "112172", "DCM", "Portacath"),
        ("chest_tube", "112173", "DCM", "Chest tube"), ("central_line", "112174", "DCM", "Central line"),
    ])
    func findingCodesAreExact(_ key: String, _ value: String, _ scheme: String, _ meaning: String) {
        #expect(terminology.finding(key)?.code == Code(value: value, scheme: scheme, meaning: meaning))
    }

    @Test func sidesPolaritiesAndSitesAreExact() {
        #expect(terminology.code(of: .right) == Code(value: "24028007", scheme: "SCT", meaning: "Right"))
        #expect(terminology.code(of: .bilateral) == Code(value: "51440002", scheme: "SCT", meaning: "Bilateral"))
        #expect(terminology.code(of: .absent) == Code(value: "272519000", scheme: "SCT", meaning: "Absent"))
        #expect(terminology.code(of: .severe) == Code(value: "24484000", scheme: "SCT", meaning: "Severe"))
        #expect(terminology.site("apex")?.code == Code(value: "86598002", scheme: "SCT", meaning: "Apex of Lung"))
        #expect(terminology.finding("no_finding")?.valueCode?.value == "17621005")
    }

    @Test func theSeptalForamenIsNotCardiomegaly() {
        #expect(!terminology.findings.contains { $0.code.value == "287272002" })
    }

    @Test func everyAbstentionReasonExplainsItself() {
        for key in [
            "not_chest", "lateral_only", "patient_too_young", "age_unknown", "unreadable_pixels", "implausible_pixels",
            "no_presentation", "model_failed", "timed_out", "unsupported_object",
        ] {
            let reason = terminology.abstentionReason(key)
            #expect(reason != nil, "\(key)")
            #expect((reason?.explanation.count ?? 0) > 30, "\(key)")
            #expect(reason?.code.scheme == terminology.privateScheme.designator)
        }
    }

    @Test func narrowTermsKnowTheirBroaderOnes() {
        #expect(
            terminology.lineage(of: "lung_nodule").map(\.key) == [
                "lung_nodule", "nodule", "lung_lesion", "lung_opacity",
            ])
        let finding = Finding(id: "1", concept: .term("rib_fracture"), polarity: .present)
        #expect(terminology.site(of: finding)?.key == "rib")
    }

    @Test(arguments: [
        ("\"key\": \"edema\"", "\"key\": \"pneumonia\"", "duplicate key"),
        ("\"value\": \"19242006\"", "\"value\": \"36118008\"", "duplicate code"),
        ("\"value\": \"19242006\"", "\"value\": \"\"", "empty code"),
        ("\"value\": \"19242006\"", "\"value\": \"12345678901234567\"", "overlong code"),
        ("\"meaning\": \"Atelectasis\"", "\"meaning\": \"Atelec\\\\tasis\"", "backslash"),
        ("\"code\": {\"value\": \"19242006\", \"scheme\": \"SCT\", \"meaning\": \"Pulmonary edema\"}, ", "", "no code"),
        ("\"site\": \"heart\"", "\"site\": \"hart\"", "unknown site"),
        ("\"parent\": \"consolidation\"", "\"parent\": \"pneumonia\"", "own parent"),
        ("\"ptx\"", "\"edema\"", "ambiguous alias"),
        ("\"scheme\": \"99CXRGW\"", "\"scheme\": \"SCT\"", "private code in a public scheme"),
        ("\"key\": \"severe\"", "\"key\": \"grave\"", "severity missing"),
    ])
    func aFaultInTheFileIsNamed(_ old: String, _ new: String, _ what: String) throws {
        let text = try Self.text()
        let range = try #require(text.range(of: old), "\(what)")
        let damaged = text.replacingCharacters(in: range, with: new)
        #expect(throws: TerminologyFault.self, "\(what)") { try Terminology(json: Data(damaged.utf8)) }
    }

    static func text() throws -> String {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Findings/Resources/terminology.json")
        return try String(contentsOf: file, encoding: .utf8)
    }
}
