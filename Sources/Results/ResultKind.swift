import Foundation

/// The kinds of result objects, in the order in which they are built and numbered.
public enum ResultKind: String, Codable, Sendable, CaseIterable {
    /// Basic Text SR, TID 2000.
    case narrative
    /// Comprehensive, Comprehensive 3D or Enhanced SR, TID 1500.
    case findings
    /// Grayscale Softcopy Presentation State, one per image with regions.
    case presentation
    /// Secondary Capture with the regions drawn in.
    case overlay
    /// Key Object Selection, TID 2010.
    case keyObjects = "key-objects"

    /// The kind of a result's storage class; nil for classes that are no result's.
    public init?(sopClassUID: String) {
        switch sopClassUID {
        case NarrativeReport.sopClassUID: self = .narrative
        case PresentationState.sopClassUID: self = .presentation
        case OverlayCapture.sopClassUID: self = .overlay
        case KeyObjectNote.sopClassUID: self = .keyObjects
        case let uid where FindingsReportClass.allCases.contains { $0.sopClassUID == uid }: self = .findings
        default: return nil
        }
    }

    /// Series Number: 9000 for the narrative, then one series per kind, after any that a modality makes.
    var seriesNumber: Int { 9000 + Self.allCases.firstIndex(of: self)! }

    /// Modality (0008,0060).
    var modality: String {
        switch self {
        case .narrative, .findings: "SR"
        case .presentation: "PR"
        case .overlay: "OT"
        case .keyObjects: "KO"
        }
    }

    /// Series Description (0008,103E); it says in every work list that nobody has verified this.
    var seriesDescription: String {
        switch self {
        case .narrative: "AI CXR draft report (unverified)"
        case .findings: "AI CXR findings (unverified)"
        case .presentation: "AI CXR overlay (unverified)"
        case .overlay: "AI CXR overlay image (unverified)"
        case .keyObjects: "AI CXR key images (unverified)"
        }
    }
}

/// The storage class of the findings report. Which one a viewer shows differs: see the conformance statement.
public enum FindingsReportClass: String, Codable, Sendable, CaseIterable {
    case comprehensive
    case comprehensive3D = "comprehensive-3d"
    case enhanced

    /// SOP Class UID.
    public var sopClassUID: String {
        switch self {
        case .enhanced: "1.2.840.10008.5.1.4.1.1.88.22"
        case .comprehensive: "1.2.840.10008.5.1.4.1.1.88.33"
        case .comprehensive3D: "1.2.840.10008.5.1.4.1.1.88.34"
        }
    }
}

/// How another object is named in DICOM.
public struct ResultReference: Codable, Hashable, Sendable {
    /// What it is.
    public var kind: ResultKind
    /// SOP Class UID.
    public var sopClassUID: String
    /// SOP Instance UID.
    public var sopInstanceUID: String
    /// Series Instance UID.
    public var seriesInstanceUID: String

    /// A reference to a result.
    public init(kind: ResultKind, sopClassUID: String, sopInstanceUID: String, seriesInstanceUID: String) {
        self.kind = kind
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        self.seriesInstanceUID = seriesInstanceUID
    }
}

extension ResultReference {
    /// A reference to a result of a study: its series follows from its kind and class.
    public init(kind: ResultKind, sopClassUID: String, sopInstanceUID: String, studyInstanceUID: String) {
        self.init(
            kind: kind, sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID,
            seriesInstanceUID: ResultUIDs.series(kind, sopClassUID: sopClassUID, study: studyInstanceUID))
    }
}

/// A result object on disk, in Explicit VR Little Endian.
public struct ResultObject: Hashable, Sendable {
    /// What it is and how it is named.
    public var reference: ResultReference
    /// The source image that a presentation state or overlay belongs to.
    public var sourceSOPInstanceUID: String?
    /// Where it was written.
    public var file: URL
}

/// Which edition of a study's results this is.
public struct Revision: Codable, Hashable, Sendable {
    /// Counted from 1.
    public var number: Int
    /// The results of the revision before, named in Predecessor Documents Sequence. Empty for the first.
    public var predecessors: [ResultReference]

    /// The first results of a study.
    public static let first = Revision(number: 1, predecessors: [])

    /// A revision.
    public init(number: Int, predecessors: [ResultReference]) {
        self.number = number
        self.predecessors = predecessors
    }

    /// - Throws: `ResultsError.invalidRevision`.
    func validated() throws -> Revision {
        guard (1...9999).contains(number) else {
            throw ResultsError.invalidRevision("\(number) is not between 1 and 9999")
        }
        guard number > 1 || predecessors.isEmpty else {
            throw ResultsError.invalidRevision("revision 1 has no predecessor, but one was given")
        }
        guard number == 1 || !predecessors.isEmpty else {
            throw ResultsError.invalidRevision("revision \(number) must name the results that it replaces")
        }
        return self
    }
}
