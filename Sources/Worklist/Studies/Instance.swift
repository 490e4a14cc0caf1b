import Foundation
import GRDB

/// A calling AE at an address.
public struct Source: Sendable, Hashable, Codable {
    public var aeTitle: String
    /// Numeric IP address, without a port.
    public var address: String

    public init(aeTitle: String, address: String) {
        self.aeTitle = aeTitle
        self.address = address
    }
}

/// What is to become of a received instance.
public enum Disposition: Sendable, Hashable {
    /// The pipeline works on it.
    case toRead
    /// Kept (and perhaps forwarded), never worked on.
    case storedOnly
    /// One of our own results, come back: the loop guard keeps it away from the pipeline.
    case ownResult
    /// Kept for the administrator, used for nothing.
    case quarantined(reason: String)

    var name: String {
        switch self {
        case .toRead: "toRead"
        case .storedOnly: "storedOnly"
        case .ownResult: "ownResult"
        case .quarantined: "quarantined"
        }
    }

    var reason: String? {
        if case .quarantined(let reason) = self { reason } else { nil }
    }

    init(row: Row) throws {
        switch row["disposition"] as String {
        case "toRead": self = .toRead
        case "storedOnly": self = .storedOnly
        case "ownResult": self = .ownResult
        case "quarantined": self = .quarantined(reason: row["quarantineReason"] ?? "")
        case let name: throw WorklistError.unknownValue(column: "disposition", value: name)
        }
    }
}

/// A durable file with what its header says, about to become a row.
public struct ReceivedInstance: Sendable, Equatable {
    public var studyInstanceUID: String
    public var seriesInstanceUID: String
    public var sopInstanceUID: String
    public var sopClassUID: String
    /// The file's transfer syntax.
    public var transferSyntaxUID: String
    public var instanceNumber: Int?
    public var study: StudyAttributes
    public var series: SeriesAttributes
    /// Relative to the storage root.
    public var path: String
    public var byteCount: Int64
    /// Of the whole file, 64 lower-case hexadecimal digits.
    public var sha256: String
    public var source: Source
    public var disposition: Disposition
    public var priority: Priority
    /// How long the study must stay quiet after this instance before it is worked on.
    public var quietPeriod: Duration
    /// The open association that brought it and from now on holds the study; `nil` when there is none.
    public var association: String?

    public init(
        studyInstanceUID: String, seriesInstanceUID: String, sopInstanceUID: String, sopClassUID: String,
        transferSyntaxUID: String, instanceNumber: Int? = nil, study: StudyAttributes = StudyAttributes(),
        series: SeriesAttributes = SeriesAttributes(), path: String, byteCount: Int64, sha256: String,
        source: Source, disposition: Disposition, priority: Priority = .routine, quietPeriod: Duration,
        association: String? = nil
    ) {
        self.studyInstanceUID = studyInstanceUID
        self.seriesInstanceUID = seriesInstanceUID
        self.sopInstanceUID = sopInstanceUID
        self.sopClassUID = sopClassUID
        self.transferSyntaxUID = transferSyntaxUID
        self.instanceNumber = instanceNumber
        self.study = study
        self.series = series
        self.path = path
        self.byteCount = byteCount
        self.sha256 = sha256
        self.source = source
        self.disposition = disposition
        self.priority = priority
        self.quietPeriod = quietPeriod
        self.association = association
    }
}

/// What recording an instance came to.
public enum RecordOutcome: String, Sendable, Codable {
    /// A row was made.
    case new
    /// The same bytes are already kept: nothing was changed.
    case duplicate
    /// Other bytes are current under this SOP Instance UID: the newcomer is kept, quarantined. A repetition changes nothing.
    case conflict
    /// The same bytes were known, but their file was missing or purged: the newcomer takes its place. Work that included
    /// it is not done again.
    case restored
}

/// The row that stands for a received instance.
public struct RecordedInstance: Sendable, Equatable {
    public let outcome: RecordOutcome
    public let instanceID: Int64
    public let studyID: Int64
    /// Where the kept file is, relative to the storage root. For a duplicate this is the older file.
    public let path: String
    /// As stored: a conflict is quarantined, an own result is recognised whatever the caller said.
    public let disposition: Disposition
    public let isNewStudy: Bool
    /// This instance contradicts the study's Patient ID or birth date.
    public let demographicsDiffer: Bool
}

/// A kept instance.
public struct Instance: Sendable, Equatable, Identifiable {
    public let id: Int64
    public let studyID: Int64
    public let seriesInstanceUID: String
    public let modality: String?
    public let sopInstanceUID: String
    public let sopClassUID: String
    public let transferSyntaxUID: String
    public let instanceNumber: Int?
    /// Relative to the storage root.
    public let path: String
    public let byteCount: Int64
    public let sha256: String
    public let disposition: Disposition
    /// The first revision whose work includes it; `nil` until it is assembled for work.
    public let revision: Int?
    public let receivedAt: Date
    /// When the start-up check found its file gone.
    public let missingSince: Date?
    /// When its file was removed after the retention time.
    public let purgedAt: Date?

    /// Whether its file is to be expected at ``path``.
    public var isOnDisk: Bool { missingSince == nil && purgedAt == nil }

    static let selection = """
        SELECT instance.*, series.seriesInstanceUID, series.modality
        FROM instance JOIN series ON series.id = instance.seriesID
        """

    init(row: Row) throws {
        id = row["id"]
        studyID = row["studyID"]
        seriesInstanceUID = row["seriesInstanceUID"]
        modality = row["modality"]
        sopInstanceUID = row["sopInstanceUID"]
        sopClassUID = row["sopClassUID"]
        transferSyntaxUID = row["transferSyntaxUID"]
        instanceNumber = row["instanceNumber"]
        path = row["path"]
        byteCount = row["byteCount"]
        sha256 = row["sha256"]
        disposition = try Disposition(row: row)
        revision = row["revision"]
        receivedAt = row.time("receivedAt")
        missingSince = row.date("missingSince")
        purgedAt = row.date("purgedAt")
    }
}
