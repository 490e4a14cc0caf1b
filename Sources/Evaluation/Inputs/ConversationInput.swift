import Foundation

/// Questions and answers from a file, and what could not be used of them.
public struct ConversationInput: Sendable {
    /// In the order of the file.
    public private(set) var turns: [ConversationTurn] = []
    /// What was left out and why.
    public private(set) var faults: [InputFault] = []

    /// A file with the columns `id` (optional), `question`, `reference` and `answer`.
    public init(_ file: URL) throws {
        let table = try TableFile(file)
        faults = table.faults
        let question = try table.column(["question"])
        let reference = try table.column(["reference"])
        let answer = try table.column(["answer", "candidate"])
        let id = table.optionalColumn(ReportPairs.idNames)
        for row in table.rows {
            guard let asked = row.values[question], let right = row.values[reference], let said = row.values[answer]
            else {
                faults.append(table.fault(.missingColumn, row.number, "question, reference or answer is missing"))
                continue
            }
            turns.append(
                ConversationTurn(
                    id: id.flatMap { row.values[$0] } ?? String(row.number), question: asked, reference: right,
                    answer: said))
        }
        guard !turns.isEmpty else { throw InputError.noRows(table.name) }
    }
}
