import DICOM

/// The projection that an image shows, and where that is known from.
public struct ViewEvidence: Codable, Equatable, Sendable {
    /// Kinds of projection, as far as they matter for reading.
    public enum Projection: String, Codable, Sendable {
        case posteroAnterior = "PA"
        case anteroPosterior = "AP"
        /// Frontal, of unknown direction.
        case frontal
        case lateral
        /// Oblique, axial and others.
        case other
        case unknown

        /// Whether it is a frontal view.
        public var isFrontal: Bool { [.posteroAnterior, .anteroPosterior, .frontal].contains(self) }
    }

    /// The projection.
    public var projection: Projection
    /// The attribute or measure that told it.
    public var source: String

    /// One phrase for a person.
    public var explanation: String {
        projection == .unknown ? "the view is not known" : "\(projection.rawValue) view, from \(source)"
    }

    /// Nothing is known.
    static let unknown = ViewEvidence(projection: .unknown, source: "nothing")

    /// What the header says, the most specific attribute first: View Position, View Code Sequence, Patient
    /// Orientation, then the series' description and protocol.
    public init(_ dataset: Dataset) {
        if let text = dataset.text(.viewPosition), let projection = Self.position(text) {
            self.init(projection: projection, source: "View Position")
        } else if let item = dataset.items(.viewCodeSequence).first, let projection = Self.code(item) {
            self.init(projection: projection, source: "View Code Sequence")
        } else if let projection = Self.orientation(dataset.texts(.patientOrientation)) {
            self.init(projection: projection, source: "Patient Orientation")
        } else if let found = Self.description(dataset) {
            self = found
        } else {
            self = .unknown
        }
    }

    init(projection: Projection, source: String) {
        self.projection = projection
        self.source = source
    }

    /// View Position's defined terms (PS3.3 C.8.1.1, C.8.11.5): laterals and decubitus views among them. A
    /// decubitus radiograph is taken with a horizontal beam and shows the chest in a frontal projection.
    private static func position(_ text: String) -> Projection? {
        switch text.uppercased() {
        case "PA": .posteroAnterior
        case "AP": .anteroPosterior
        case "LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT": .lateral
        case "RLD", "LLD": .frontal
        case "RLO", "LLO", "RAO", "LAO", "RPO", "LPO", "OBL", "OBLIQUE", "AXIAL": .other
        case let other where other.isEmpty: nil
        default: word(text)
        }
    }

    /// CID 4010 (DX View), by SNOMED CT code, or else by the meaning, since older objects use SRT codes.
    private static func code(_ item: Dataset) -> Projection? {
        switch item.text(.codeValue) {
        case "272479007": .posteroAnterior
        case "399348003": .anteroPosterior
        case "399033003": .frontal
        case "399067008", "399173006", "399198007", "399352003", "399260004", "30730003": .lateral
        default: item.text(.codeMeaning).flatMap(word)
        }
    }

    private static func orientation(_ values: [String]) -> Projection? {
        guard values.count == 2 else { return nil }
        let letters = values.compactMap { $0.uppercased().first }
        guard letters.count == 2, letters.contains("F") || letters.contains("H") else { return nil }
        if letters.contains("A") || letters.contains("P") { return .lateral }
        return letters.contains("L") || letters.contains("R") ? .frontal : nil
    }

    private static func description(_ dataset: Dataset) -> ViewEvidence? {
        let sources: [(Tag, String)] = [
            (.seriesDescription, "Series Description"), (.protocolName, "Protocol Name"),
            (.acquisitionDeviceProcessingDescription, "Acquisition Device Processing Description"),
        ]
        for (tag, name) in sources {
            if let text = dataset.text(tag), let projection = word(text) {
                return ViewEvidence(projection: projection, source: name)
            }
        }
        return nil
    }

    /// A projection named within free text. Text that names a frontal and a lateral view, as a series of both has it,
    /// tells nothing of one image.
    private static func word(_ text: String) -> Projection? {
        let words = Set(text.uppercased().split { !$0.isLetter }.map(String.init))
        let meanings: [(Projection, Set<String>)] = [
            (.other, ["OBLIQUE", "OBL", "LORDOTIC", "AXIAL", "TANGENTIAL"]),
            (.lateral, ["LAT", "LATERAL", "LL", "RL", "SEITLICH", "PROFIL"]),
            (.posteroAnterior, ["PA", "POSTEROANTERIOR"]),
            (.anteroPosterior, ["AP", "ANTEROPOSTERIOR", "PORTABLE"]),
            (.frontal, ["FRONTAL"]),
        ]
        let pairs: [(Projection, [String])] = [
            (.posteroAnterior, ["POSTERO", "ANTERIOR"]), (.anteroPosterior, ["ANTERO", "POSTERIOR"]),
        ]
        var found = Set(meanings.filter { !$0.1.isDisjoint(with: words) }.map(\.0))
        for (projection, parts) in pairs where parts.allSatisfy(words.contains) {
            found.insert(projection)
        }
        if found.contains(.other) { return .other }
        if found.contains(.lateral) { return found.count == 1 ? .lateral : nil }
        return found.count == 1 ? found.first : (found.isEmpty ? nil : .frontal)
    }
}
