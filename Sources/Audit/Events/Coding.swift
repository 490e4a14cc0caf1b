/// A coded value as PS3.15 A.5.1 writes one: code, coding scheme, meaning.
public struct Code: Hashable, Sendable {
    /// The code value, for example `110104`.
    public let value: String
    /// The coding scheme: `DCM` for PS3.16 Annex D, `RFC-3881` for the codes that DICOM took over from there.
    public let scheme: String
    /// The code meaning.
    public let meaning: String

    /// Names a code.
    public init(_ value: String, _ scheme: String, _ meaning: String) {
        self.value = value
        self.scheme = scheme
        self.meaning = meaning
    }

    /// A code of PS3.16 Annex D.
    static func dcm(_ value: String, _ meaning: String) -> Code { Code(value, "DCM", meaning) }
}

/// Audit event identifiers (PS3.16 CID 400), those that the gateway writes.
public enum EventIdentifier: String, CaseIterable, Sendable {
    case applicationActivity = "110100"
    case auditLogUsed = "110101"
    case beginTransferringInstances = "110102"
    case instancesAccessed = "110103"
    case instancesTransferred = "110104"
    case studyDeleted = "110105"
    case dataExport = "110106"
    case dataImport = "110107"
    case networkEntry = "110108"
    case query = "110112"
    case securityAlert = "110113"
    case userAuthentication = "110114"

    /// The identifier with its meaning.
    public var code: Code {
        switch self {
        case .applicationActivity: .dcm(rawValue, "Application Activity")
        case .auditLogUsed: .dcm(rawValue, "Audit Log Used")
        case .beginTransferringInstances: .dcm(rawValue, "Begin Transferring DICOM Instances")
        case .instancesAccessed: .dcm(rawValue, "DICOM Instances Accessed")
        case .instancesTransferred: .dcm(rawValue, "DICOM Instances Transferred")
        case .studyDeleted: .dcm(rawValue, "DICOM Study Deleted")
        case .dataExport: .dcm(rawValue, "Export")
        case .dataImport: .dcm(rawValue, "Import")
        case .networkEntry: .dcm(rawValue, "Network Entry")
        case .query: .dcm(rawValue, "Query")
        case .securityAlert: .dcm(rawValue, "Security Alert")
        case .userAuthentication: .dcm(rawValue, "User Authentication")
        }
    }
}

/// Codes for parts of an event other than its identifier.
enum Codes {
    // Event types, PS3.16 CID 401 and 403.
    static let applicationStart = Code.dcm("110120", "Application Start")
    static let applicationStop = Code.dcm("110121", "Application Stop")
    static let login = Code.dcm("110122", "Login")
    static let logout = Code.dcm("110123", "Logout")
    static let attach = Code.dcm("110124", "Attach")
    static let detach = Code.dcm("110125", "Detach")
    static let nodeAuthentication = Code.dcm("110126", "Node Authentication")
    static let networkConfiguration = Code.dcm("110128", "Network Configuration")
    static let securityConfiguration = Code.dcm("110129", "Security Configuration")
    static let softwareConfiguration = Code.dcm("110131", "Software Configuration")
    static let restrictedFunction = Code.dcm("110132", "Use of Restricted Function")

    // Roles, PS3.16 CID 402.
    static let application = Code.dcm("110150", "Application")
    static let applicationLauncher = Code.dcm("110151", "Application Launcher")
    static let destination = Code.dcm("110152", "Destination Role ID")
    static let source = Code.dcm("110153", "Source Role ID")

    // What a participant object's identifier is, PS3.16 CID 404 and PS3.15 A.5.1.2.4.
    static let studyInstanceUID = Code.dcm("110180", "Study Instance UID")
    static let sopClassUID = Code.dcm("110181", "SOP Class UID")
    static let nodeID = Code.dcm("110182", "Node ID")
    static let patientNumber = Code("2", "RFC-3881", "Patient Number")
    static let reportNumber = Code("9", "RFC-3881", "Report Number")
    static let searchCriteria = Code("10", "RFC-3881", "Search Criteria")
    static let uri = Code("12", "RFC-3881", "URI")
}
