import Findings
import Foundation

/// A classifier's scores beside the truth, for one label.
public struct LabelScores: Sendable {
    /// The label.
    public let label: String
    /// Cases that have both a score and a truth.
    public fileprivate(set) var ids: [String] = []
    public fileprivate(set) var patients: [String?] = []
    public fileprivate(set) var scores: [Double] = []
    public fileprivate(set) var truths: [Bool] = []
}

/// Scores and truths from files, and what could not be used of them.
public struct ScoreTable: Sendable {
    /// One entry per label.
    public private(set) var labels: [LabelScores] = []
    /// What was left out and why.
    public private(set) var faults: [InputFault] = []
    /// Cases whose truth is open (empty or -1), left out.
    public private(set) var uncertain = 0

    /// One file in long form, columns `id`, `label`, `score`, `truth` and `patient` (optional).
    public init(_ file: URL) throws {
        let table = try TableFile(file)
        faults = table.faults
        let id = try table.column(ReportPairs.idNames)
        let label = try table.column(["label", "finding"])
        let score = try table.column(["score", "probability"])
        let truth = try table.column(["truth", "target", "reference"])
        let patient = table.optionalColumn(ReportPairs.patientNames)
        var index: [String: Int] = [:]
        for row in table.rows {
            guard let name = row.values[label], let subject = row.values[id] else {
                faults.append(table.fault(.missingColumn, row.number, "\(id) or \(label) is missing"))
                continue
            }
            if index[name] == nil {
                index[name] = labels.count
                labels.append(LabelScores(label: name))
            }
            add(
                subject, patient.flatMap { row.values[$0] }, row.values[score], row.values[truth], to: index[name]!,
                table, row.number)
        }
        try finish(table.name)
    }

    /// Two files in wide form: one row per case, one column per label; 0 and 1 in the reference, scores in the other.
    public init(reference: URL, scores: URL) throws {
        let truths = try TableFile(reference)
        let predictions = try TableFile(scores)
        faults = truths.faults + predictions.faults
        let truthID = try truths.column(ReportPairs.idNames)
        let scoreID = try predictions.column(ReportPairs.idNames)
        let patient = truths.optionalColumn(ReportPairs.patientNames)
        let ignored = Set((ReportPairs.idNames + ReportPairs.patientNames).map { $0.lowercased() })
        let names = truths.columns.filter { name in
            !ignored.contains(name.lowercased()) && predictions.columns.contains(name)
                && truths.rows.prefix(50).allSatisfy { $0.values[name].map(Self.isTruth) ?? true }
        }
        guard !names.isEmpty else { throw InputError.noLabels("\(truths.name) and \(predictions.name)") }
        labels = names.map { LabelScores(label: $0) }
        var rowByID: [String: TableFile.Row] = [:]
        for row in predictions.rows {
            guard let name = row.values[scoreID] else { continue }
            if rowByID.updateValue(row, forKey: name) != nil {
                faults.append(predictions.fault(.duplicateID, row.number, "the id \(name) stands twice"))
            }
        }
        var seen: Set<String> = []
        for row in truths.rows {
            guard let name = row.values[truthID], seen.insert(name).inserted else {
                faults.append(truths.fault(.duplicateID, row.number, "the id is missing or stands twice"))
                continue
            }
            guard let prediction = rowByID.removeValue(forKey: name) else {
                faults.append(truths.fault(.onlyInReference, row.number, "\(name) has no scores"))
                continue
            }
            for (index, label) in names.enumerated() {
                add(
                    name, patient.flatMap { row.values[$0] }, prediction.values[label], row.values[label], to: index,
                    predictions, prediction.number)
            }
        }
        for (name, row) in rowByID.sorted(by: { $0.value.number < $1.value.number }) {
            faults.append(predictions.fault(.onlyInCandidate, row.number, "\(name) has no reference"))
        }
        try finish(truths.name)
    }

    private mutating func finish(_ name: String) throws {
        guard labels.contains(where: { !$0.ids.isEmpty }) else { throw InputError.noRows(name) }
    }

    private static func isTruth(_ text: String) -> Bool {
        text.isEmpty || ["0", "1", "-1", "0.0", "1.0", "-1.0", "true", "false"].contains(text.lowercased())
    }

    private mutating func add(
        _ id: String, _ patient: String?, _ score: String?, _ truth: String?, to label: Int, _ table: TableFile,
        _ row: Int
    ) {
        let name = labels[label].label
        let isPositive: Bool
        switch truth?.lowercased() {
        case "1", "1.0", "true": isPositive = true
        case "0", "0.0", "false": isPositive = false
        case nil, "", "-1", "-1.0":
            uncertain += 1
            return
        default:
            faults.append(table.fault(.notANumber, row, "\(name): the truth \"\(truth ?? "")\" is neither 0 nor 1"))
            return
        }
        guard let value = score.flatMap({ Double($0.trimmingCharacters(in: .whitespaces)) }), value.isFinite else {
            faults.append(table.fault(.notANumber, row, "\(name): the score \"\(score ?? "")\" is not a number"))
            return
        }
        labels[label].ids.append(id)
        labels[label].patients.append(patient)
        labels[label].scores.append(value)
        labels[label].truths.append(isPositive)
    }
}

/// Boxes from a file or a directory of findings documents, and what could not be used of them.
public struct BoxTable: Sendable {
    /// The boxes.
    public private(set) var boxes: [LabelledBox] = []
    /// The patient of an image, where the file names it.
    public private(set) var patients: [String: String] = [:]
    /// What was left out and why.
    public private(set) var faults: [InputFault] = []

    /// A file with the columns `image` (or `filename`), `label` (or `finding`), `x0 y0 x1 y1` or `x y w h`, and optionally
    /// `score` and `patient`; or a directory of TID 1500 documents. Labels that the terminology knows get its name.
    public init(_ url: URL) throws {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), isDirectory.boolValue {
            let directory = try StructuredReportDirectory(url)
            faults = directory.faults
            boxes = directory.reports.flatMap(\.boxes)
            for report in directory.reports {
                for box in report.boxes { patients[box.image] = report.patientID }
            }
            return
        }
        let table = try TableFile(url)
        faults = table.faults
        let image = try table.column(["image", "filename", "id"])
        let label = try table.column(["label", "finding"])
        let score = table.optionalColumn(["score", "confidence", "probability"])
        let patient = table.optionalColumn(ReportPairs.patientNames)
        let hasCorners = table.optionalColumn(["x0"]) != nil
        let edges = try
            (hasCorners ? [["x0"], ["y0"], ["x1"], ["y1"]] : [["x"], ["y"], ["w", "width"], ["h", "height"]])
            .map { try table.column($0) }
        for row in table.rows {
            guard let name = row.values[image], let what = row.values[label] else {
                faults.append(table.fault(.missingColumn, row.number, "\(image) or \(label) is missing"))
                continue
            }
            let numbers = edges.compactMap { row.values[$0].flatMap { Double($0) } }.filter(\.isFinite)
            guard numbers.count == 4 else {
                faults.append(table.fault(.notANumber, row.number, "an edge of the box is not a number"))
                continue
            }
            let region =
                hasCorners
                ? Region(x0: numbers[0], y0: numbers[1], x1: numbers[2], y1: numbers[3])
                : Region(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
            guard !region.isEmpty else {
                faults.append(table.fault(.emptyBox, row.number, "the box \(region) covers nothing"))
                continue
            }
            var confidence: Double?
            if let score, let text = row.values[score], !text.isEmpty {
                guard let value = Double(text), value.isFinite else {
                    faults.append(table.fault(.notANumber, row.number, "the score \"\(text)\" is not a number"))
                    continue
                }
                confidence = value
            }
            boxes.append(
                LabelledBox(
                    image: name, label: Terminology.standard.finding(named: what)?.name ?? what, region: region,
                    score: confidence))
            if let patient, let value = row.values[patient] { patients[name] = value }
        }
    }
}
