import Foundation

/// A draft beside the report that it is measured against.
public struct ReportPair: Codable, Sendable, Equatable {
    /// The study's or row's name.
    public let id: String
    /// The patient, for intervals that keep a patient's reports together.
    public let patient: String?
    /// The signed report.
    public let reference: String
    /// The draft.
    public let candidate: String

    /// A pair.
    public init(id: String, patient: String? = nil, reference: String, candidate: String) {
        self.id = id
        self.patient = patient
        self.reference = reference
        self.candidate = candidate
    }
}

/// Pairs of reports from files, and what could not be used of them.
public struct ReportPairs: Sendable {
    /// Longer reports are refused: a chest radiograph's report has some hundred words.
    public static let longestReport = 1 << 20

    /// In the order of the reference.
    public private(set) var pairs: [ReportPair] = []
    /// What was left out and why.
    public private(set) var faults: [InputFault] = []

    /// Pairs of one file with the columns `id` (optional), `reference`, `candidate` and `patient` (optional).
    public init(_ file: URL) throws {
        let table = try TableFile(file)
        faults = table.faults
        guard !table.rows.isEmpty else { throw InputError.noRows(table.name) }
        let reference = try table.column(["reference"])
        let candidate = try table.column(["candidate", "prediction", "draft"])
        let id = table.optionalColumn(Self.idNames)
        let patient = table.optionalColumn(Self.patientNames)
        var seen: Set<String> = []
        for row in table.rows {
            guard let wanted = row.values[reference], let said = row.values[candidate] else {
                faults.append(table.fault(.missingColumn, row.number, "reference or candidate is missing"))
                continue
            }
            guard isShort(wanted, table, row.number), isShort(said, table, row.number) else { continue }
            let name = id.flatMap { row.values[$0] } ?? String(row.number)
            guard seen.insert(name).inserted else {
                faults.append(table.fault(.duplicateID, row.number, "the id \(name) stands twice"))
                continue
            }
            pairs.append(
                ReportPair(
                    id: name, patient: patient.flatMap { row.values[$0] }, reference: wanted, candidate: said))
        }
    }

    /// Pairs of two sources that share ids: files with the columns `id` and `text` (or `report`), or directories of DICOM
    /// SR, which are matched by Study Instance UID.
    public init(reference: URL, candidate: URL) throws {
        let wanted = try source(reference)
        let said = try source(candidate)
        for id in wanted.order {
            guard let report = wanted.reports[id] else { continue }
            guard let draft = said.reports[id] else {
                faults.append(
                    InputFault(
                        kind: .onlyInReference, file: wanted.name, row: nil, detail: "\(id) has no candidate"))
                continue
            }
            pairs.append(
                ReportPair(
                    id: id, patient: report.patient ?? draft.patient, reference: report.text, candidate: draft.text))
        }
        for id in said.order where wanted.reports[id] == nil {
            faults.append(
                InputFault(kind: .onlyInCandidate, file: said.name, row: nil, detail: "\(id) has no reference"))
        }
    }

    static let idNames = ["id", "study_instance_uid", "study", "accession", "filename", "image"]
    static let patientNames = ["patient", "patient_id", "subject_id"]

    private typealias Source = (name: String, order: [String], reports: [String: (text: String, patient: String?)])

    private mutating func source(_ url: URL) throws -> Source {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
            throw InputError.unreadable(url.path, reason: "there is no such file or directory")
        }
        if isDirectory.boolValue {
            let directory = try StructuredReportDirectory(url)
            faults += directory.faults
            let latest = directory.latestByStudy
            guard !latest.isEmpty else { throw InputError.noRows(url.lastPathComponent) }
            return (
                url.lastPathComponent, latest.keys.sorted(),
                latest.mapValues { (text: $0.text, patient: $0.patientID) }
            )
        }
        let table = try TableFile(url)
        faults += table.faults
        guard !table.rows.isEmpty else { throw InputError.noRows(table.name) }
        let id = try table.column(Self.idNames)
        let text = try table.column(["text", "report", "reference", "candidate"])
        let patient = table.optionalColumn(Self.patientNames)
        var order: [String] = []
        var reports: [String: (text: String, patient: String?)] = [:]
        for row in table.rows {
            guard let name = row.values[id], let report = row.values[text] else {
                faults.append(table.fault(.missingColumn, row.number, "\(id) or \(text) is missing"))
                continue
            }
            guard isShort(report, table, row.number) else { continue }
            guard reports[name] == nil else {
                faults.append(table.fault(.duplicateID, row.number, "the id \(name) stands twice"))
                continue
            }
            order.append(name)
            reports[name] = (report, patient.flatMap { row.values[$0] })
        }
        return (table.name, order, reports)
    }

    private mutating func isShort(_ text: String, _ table: TableFile, _ row: Int) -> Bool {
        guard text.utf8.count > Self.longestReport else { return true }
        faults.append(
            table.fault(.tooLong, row, "a report of \(text.utf8.count) bytes; the limit is \(Self.longestReport)"))
        return false
    }
}
