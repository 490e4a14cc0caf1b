import Foundation

/// Rows of a JSON Lines or CSV file, as text by column. Rows that cannot be read are named and left out.
struct TableFile {
    /// One row.
    struct Row {
        /// Counted from 1, the header line of a CSV included: what an editor shows (for rows without line breaks).
        let number: Int
        let values: [String: String]
    }

    let name: String
    private(set) var columns: [String] = []
    private(set) var rows: [Row] = []
    private(set) var faults: [InputFault] = []

    /// Reads a file by its extension. Throws ``InputError``.
    init(_ url: URL) throws {
        name = url.lastPathComponent
        let data: Data
        do {
            data = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw InputError.unreadable(name, reason: error.localizedDescription)
        }
        switch url.pathExtension.lowercased() {
        case "jsonl", "ndjson": data.withUnsafeBytes { readJSONLines(Array($0)) }
        case "csv": data.withUnsafeBytes { readDelimited(Array($0), separator: UInt8(ascii: ",")) }
        case "tsv": data.withUnsafeBytes { readDelimited(Array($0), separator: UInt8(ascii: "\t")) }
        default: throw InputError.unknownFormat(name)
        }
    }

    /// The first of the names that is a column. Throws ``InputError/noColumn(_:wanted:found:)``.
    func column(_ names: [String]) throws -> String {
        guard let found = optionalColumn(names) else {
            throw InputError.noColumn(name, wanted: names.joined(separator: " or "), found: columns)
        }
        return found
    }

    /// The first of the names that is a column, in any letter case.
    func optionalColumn(_ names: [String]) -> String? {
        for name in names {
            if let found = columns.first(where: { $0.lowercased() == name.lowercased() }) { return found }
        }
        return nil
    }

    func fault(_ kind: InputFault.Kind, _ row: Int?, _ detail: String) -> InputFault {
        InputFault(kind: kind, file: name, row: row, detail: detail)
    }

    private mutating func readJSONLines(_ bytes: [UInt8]) {
        var seen: Set<String> = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            let number = index + 1
            guard String(validating: line, as: UTF8.self) != nil else {
                faults.append(fault(.notUTF8, number, "the line is not UTF-8"))
                continue
            }
            guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] else {
                faults.append(fault(.malformedJSON, number, "the line is not a JSON object"))
                continue
            }
            var values: [String: String] = [:]
            for (key, value) in object {
                if let text = value as? String {
                    values[key] = text
                } else if let number = value as? NSNumber {
                    values[key] = number.stringValue
                } else {
                    continue
                }
                if seen.insert(key).inserted { columns.append(key) }
            }
            rows.append(Row(number: number, values: values))
        }
        columns.sort()
    }

    /// RFC 4180, with either kind of line end and a byte order mark allowed.
    private mutating func readDelimited(_ bytes: [UInt8], separator: UInt8) {
        var position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var header: [String]?
        var number = 0
        while position < bytes.count {
            number += 1
            guard let fields = record(bytes, &position, separator) else {
                faults.append(
                    fault(.malformedCSV, number, "a quoted field has no end; the rest of the file is not read"))
                return
            }
            if fields.count == 1, fields[0].isEmpty { continue }
            let texts = fields.compactMap { String(validating: $0, as: UTF8.self) }
            guard texts.count == fields.count else {
                faults.append(fault(.notUTF8, number, "the row is not UTF-8"))
                continue
            }
            guard let names = header else {
                header = texts.map { $0.trimmingCharacters(in: .whitespaces) }
                columns = header ?? []
                continue
            }
            guard texts.count == names.count else {
                faults.append(
                    fault(.malformedCSV, number, "\(texts.count) fields where the header has \(names.count)"))
                continue
            }
            rows.append(Row(number: number, values: Dictionary(zip(names, texts), uniquingKeysWith: { one, _ in one })))
        }
    }

    private func record(_ bytes: [UInt8], _ position: inout Int, _ separator: UInt8) -> [[UInt8]]? {
        let quote = UInt8(ascii: "\"")
        var fields: [[UInt8]] = []
        var field: [UInt8] = []
        while true {
            if position < bytes.count, bytes[position] == quote, field.isEmpty {
                position += 1
                while true {
                    guard position < bytes.count else { return nil }
                    if bytes[position] == quote {
                        guard position + 1 < bytes.count, bytes[position + 1] == quote else { break }
                        position += 1
                    }
                    field.append(bytes[position])
                    position += 1
                }
                position += 1
            }
            while position < bytes.count, bytes[position] != separator, bytes[position] != 0x0A, bytes[position] != 0x0D
            {
                field.append(bytes[position])
                position += 1
            }
            fields.append(field)
            guard position < bytes.count, bytes[position] == separator else { break }
            field = []
            position += 1
        }
        if position < bytes.count, bytes[position] == 0x0D { position += 1 }
        if position < bytes.count, bytes[position] == 0x0A { position += 1 }
        return fields
    }
}
