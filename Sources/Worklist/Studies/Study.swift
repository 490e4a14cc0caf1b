import Foundation
import GRDB

/// How urgent a study is: (0040,1003) Requested Procedure Priority, or the source's configuration. Lower is sooner.
public enum Priority: Int, Sendable, Codable, CaseIterable, Comparable {
    case stat = 0
    case high = 1
    case routine = 2
    case medium = 3
    case low = 4

    /// The value of (0040,1003); `nil` for an empty or unknown one.
    public init?(requestedProcedurePriority value: String) {
        switch value.trimmingCharacters(in: .whitespaces).uppercased() {
        case "STAT": self = .stat
        case "HIGH": self = .high
        case "ROUTINE": self = .routine
        case "MEDIUM": self = .medium
        case "LOW": self = .low
        default: return nil
        }
    }

    /// The term of (0040,1003).
    public var term: String {
        switch self {
        case .stat: "STAT"
        case .high: "HIGH"
        case .routine: "ROUTINE"
        case .medium: "MEDIUM"
        case .low: "LOW"
        }
    }

    public static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
}

/// Where a study stands. Stored with the time of every change (``StudyTransition``), never inferred afterwards.
public enum StudyState: String, Sendable, Codable, CaseIterable {
    /// Instances are arriving, or its quiet period is running.
    case assembling
    /// A work item waits.
    case queued
    /// A worker holds it.
    case working
    /// Objects wait to be sent or committed.
    case delivering
    /// Kept; nothing in it is to be worked on.
    case stored
    /// Everything was sent, and committed where that is demanded.
    case delivered
    /// As `delivered`, but what was delivered says "not analysed" and why.
    case abstained
    /// Work or a delivery failed for good; an operator has to look.
    case deadLetter
    /// Its files were removed after the retention time.
    case purged
}

/// A study's row.
public struct Study: Sendable, Equatable, Identifiable {
    public let id: Int64
    public let studyInstanceUID: String
    public let attributes: StudyAttributes
    /// Instances of this study disagree about Patient ID or birth date: a person must look before anybody trusts it.
    public let demographicsDiffer: Bool
    public let priority: Priority
    public let state: StudyState
    public let stateSince: Date
    /// When its quiet period ends; `nil` when it is not assembling.
    public let quietAt: Date?
    /// How many times it was assembled for work.
    public let revision: Int
    public let firstReceivedAt: Date
    public let lastReceivedAt: Date

    init(row: Row) throws {
        id = row["id"]
        studyInstanceUID = row["studyInstanceUID"]
        attributes = StudyAttributes(row: row)
        demographicsDiffer = row["demographicsDiffer"]
        priority = Priority(rawValue: row["priority"]) ?? .routine
        state = try row.value("state")
        stateSince = row.time("stateSince")
        quietAt = row.date("quietAt")
        revision = row["revision"]
        firstReceivedAt = row.time("firstReceivedAt")
        lastReceivedAt = row.time("lastReceivedAt")
    }

    /// The study with this UID.
    public static func fetch(studyInstanceUID: String, in db: Database) throws -> Study? {
        try db.row("SELECT * FROM study WHERE studyInstanceUID = ?", [studyInstanceUID]).map(Study.init(row:))
    }

    /// The study with this row number.
    /// - Throws: ``WorklistError/noSuchStudy(_:)``.
    public static func fetch(id: Int64, in db: Database) throws -> Study {
        guard let row = try db.row("SELECT * FROM study WHERE id = ?", [id]) else {
            throw WorklistError.noSuchStudy("\(id)")
        }
        return try Study(row: row)
    }
}

/// Patient and study attributes that the store keeps, as the datasets state them; absent or empty values are `nil`.
public struct StudyAttributes: Sendable, Equatable, Codable {
    public var patientID: String?
    public var patientName: String?
    /// DA, `YYYYMMDD`.
    public var patientBirthDate: String?
    public var patientSex: String?
    public var accessionNumber: String?
    /// DA, `YYYYMMDD`.
    public var studyDate: String?
    /// TM, `HHMMSS.FFFFFF`.
    public var studyTime: String?
    public var studyDescription: String?

    public init(
        patientID: String? = nil, patientName: String? = nil, patientBirthDate: String? = nil,
        patientSex: String? = nil, accessionNumber: String? = nil, studyDate: String? = nil,
        studyTime: String? = nil, studyDescription: String? = nil
    ) {
        self.patientID = patientID.stated
        self.patientName = patientName.stated
        self.patientBirthDate = patientBirthDate.stated
        self.patientSex = patientSex.stated
        self.accessionNumber = accessionNumber.stated
        self.studyDate = studyDate.stated
        self.studyTime = studyTime.stated
        self.studyDescription = studyDescription.stated
    }

    init(row: Row) {
        self.init(
            patientID: row["patientID"], patientName: row["patientName"], patientBirthDate: row["patientBirthDate"],
            patientSex: row["patientSex"], accessionNumber: row["accessionNumber"], studyDate: row["studyDate"],
            studyTime: row["studyTime"], studyDescription: row["studyDescription"])
    }

    /// Whether both state a Patient ID, or both a birth date, and they differ. Names are left out: their spelling varies.
    func contradicts(_ other: StudyAttributes) -> Bool {
        func differ(_ left: String?, _ right: String?) -> Bool {
            guard let left, let right else { return false }
            return left != right
        }
        return differ(patientID, other.patientID) || differ(patientBirthDate, other.patientBirthDate)
    }
}

/// Series attributes that the store keeps.
public struct SeriesAttributes: Sendable, Equatable, Codable {
    public var modality: String?
    public var seriesNumber: Int?
    public var seriesDescription: String?
    public var bodyPartExamined: String?

    public init(
        modality: String? = nil, seriesNumber: Int? = nil, seriesDescription: String? = nil,
        bodyPartExamined: String? = nil
    ) {
        self.modality = modality.stated
        self.seriesNumber = seriesNumber
        self.seriesDescription = seriesDescription.stated
        self.bodyPartExamined = bodyPartExamined.stated
    }
}

extension String? {
    /// The value without padding; `nil` when nothing is left.
    fileprivate var stated: String? {
        guard let value = self?.trimmingCharacters(in: .whitespaces.union(.controlCharacters)), !value.isEmpty else {
            return nil
        }
        return value
    }
}
