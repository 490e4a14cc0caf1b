import DICOM

/// Whether the header says that the image shows a chest.
public struct BodyPartEvidence: Codable, Equatable, Sendable {
    /// What the header says.
    public enum Verdict: String, Codable, Sendable {
        case chest, other, unknown, contradictory
    }

    /// The verdict.
    public var verdict: Verdict
    /// What it rests on, for a person.
    public var evidence: String

    /// Coded attributes first (Anatomic Region, Body Part Examined), then procedure codes and descriptions. The coded
    /// body part of real objects is often the device's default: where a description says otherwise, the header
    /// contradicts itself and the picture has to decide.
    init(_ dataset: Dataset) {
        var statements: [(source: String, text: String, isChest: Bool)] = []
        func add(_ source: String, _ text: String?) {
            guard let text, !text.isEmpty, let isChest = Self.namesChest(text) else { return }
            statements.append((source, String(text.prefix(64)), isChest))
        }
        if let region = dataset.items(.anatomicRegionSequence).first {
            let code = region.text(.codeValue) ?? ""
            let meaning = region.text(.codeMeaning) ?? code
            if Self.chestCodes.contains(code) {
                statements.append(("Anatomic Region", meaning, true))
            } else {
                add("Anatomic Region", meaning)
            }
        }
        add("Body Part Examined", dataset.text(.bodyPartExamined))
        for tag in [Tag.procedureCodeSequence, .requestedProcedureCodeSequence] {
            add("procedure code", dataset.items(tag).first?.text(.codeMeaning))
        }
        let descriptions: [(Tag, String)] = [
            (.seriesDescription, "Series Description"), (.studyDescription, "Study Description"),
            (.protocolName, "Protocol Name"), (.requestedProcedureDescription, "Requested Procedure Description"),
            (.performedProcedureStepDescription, "Performed Procedure Step Description"),
            (.acquisitionDeviceProcessingDescription, "Acquisition Device Processing Description"),
        ]
        for (tag, name) in descriptions {
            add(name, dataset.text(tag))
        }
        let text = statements.map { "\($0.source) '\($0.text)'" }.joined(separator: ", ")
        evidence = statements.isEmpty ? "the header does not name the body part" : text
        if statements.isEmpty {
            verdict = .unknown
        } else if statements.allSatisfy(\.isChest) {
            verdict = .chest
        } else if statements.contains(where: \.isChest) {
            verdict = .contradictory
        } else {
            verdict = .other
        }
    }

    /// CID 4009 (DX Anatomy Imaged) and lung: SNOMED CT, and the older SRT and SNM3 codes.
    private static let chestCodes: Set<String> = [
        "816094009", "51185008", "43799004", "39607008", "86598002", "72410000", "T-D3000", "T-28000", "T-D3300",
    ]

    /// Whether a text names the chest (`true`), another body part (`false`), or neither.
    static func namesChest(_ text: String) -> Bool? {
        let words = Set(text.uppercased().split { !$0.isLetter }.map(String.init))
        func names(_ stems: [String]) -> Bool {
            words.contains { word in
                stems.contains { stem in stem.hasSuffix("*") ? word.hasPrefix(stem.dropLast()) : word == stem }
            }
        }
        // Spine first: THORACIC SPINE is not a chest radiograph.
        if names(["SPINE", "TSPINE", "CSPINE", "LSPINE", "WIRBEL*", "BWS", "COLUMNA", "RACHIS"]) { return false }
        let chest = names([
            "CHEST", "CXR", "THORAX", "THORAC*", "LUNG*", "PULMON*", "POUMON*", "TORAX", "TORACE", "TORACIC*",
            "MEDIASTINUM",
        ])
        let other = names([
            "ABDOM*", "PELV*", "EXTREMIT*", "KNEE*", "HAND", "HANDS", "FINGER*", "FOOT", "FEET", "TOE", "TOES",
            "ANKLE*", "TIBIA*",
            "FIBULA*", "FEMUR*", "THIGH*", "LEG", "HIP", "HIPS", "ARM", "FOREARM*", "ELBOW*", "HUMERUS*", "SHOULDER*",
            "CLAVIC*", "SCAPULA*", "WRIST*", "SKULL", "HEAD", "SINUS*", "JAW", "MANDIB*", "NECK", "BREAST*", "RIB",
            "RIBS", "STERNUM", "CALCANEUS", "PATELLA*", "DENTAL", "TOOTH", "TEETH", "PHANTOM", "BONE", "KUB",
        ])
        // CHEST AND ABDOMEN, NECK AND CHEST: a chest is in it, and the picture decides how much of one.
        return chest ? true : (other ? false : nil)
    }
}
