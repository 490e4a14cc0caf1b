import ArgumentParser
import Foundation

/// How a command shows its rows.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    /// Aligned columns for people.
    case table
    /// An array of objects, one a row, keys in the order of the columns.
    case json
    /// The same objects, one a line.
    case jsonl
    /// RFC 4180 with a header line.
    case csv
}

/// The `--format` option that every listing has.
struct OutputOptions: ParsableArguments {
    @Option(name: .long, help: "How to show it: table for people, json, jsonl or csv for machines.")
    var format: OutputFormat = .table

    @Flag(name: .long, help: "Show the rarer columns in a table too; json and csv always have them.")
    var wide = false
}

/// Rows for the terminal, as a table, JSON or CSV: all three show the same values.
struct Table {
    struct Column {
        /// The name in JSON and CSV.
        let key: String
        /// The heading for people.
        let title: String
        /// Longer texts are cut in a table (never in JSON or CSV); in columns of the terminal.
        let maximumWidth: Int
        /// Whether a table for people leaves it out unless it is asked for everything.
        let isRare: Bool

        init(_ key: String, _ title: String, maximumWidth: Int = 64, isRare: Bool = false) {
            self.key = key
            self.title = title
            self.maximumWidth = maximumWidth
            self.isRare = isRare
        }
    }

    enum Value {
        case text(String?)
        case integer(Int?)
        case decimal(Double?, places: Int)
        case time(Date?)
        case flag(Bool)

        /// Nothing that a person would miss.
        fileprivate var isAbsent: Bool {
            switch self {
            case .text(let text): text?.isEmpty ?? true
            case .integer(let number): number == nil
            case .decimal(let number, _): number == nil
            case .time(let time): time == nil
            case .flag(let flag): !flag
            }
        }

        /// Numbers stand to the right.
        fileprivate var isNumber: Bool {
            switch self {
            case .integer, .decimal: true
            case .text, .time, .flag: false
            }
        }
    }

    let columns: [Column]
    private(set) var rows: [[Value]] = []
    /// What a table says when there are no rows.
    let emptyNote: String

    init(_ columns: [Column], emptyNote: String = "Nothing to show.") {
        self.columns = columns
        self.emptyNote = emptyNote
    }

    /// Adds a row; it must have a value for each column.
    mutating func add(_ row: [Value]) {
        precondition(row.count == columns.count, "a row has one value for each column")
        rows.append(row)
    }

    /// The rows in a format, without the last line's end.
    func text(as options: OutputOptions) -> String {
        switch options.format {
        case .table: aligned(wide: options.wide)
        case .json: json()
        case .jsonl: objects.joined(separator: "\n")
        case .csv: csv()
        }
    }

    /// Columns without a value in any row are left out, as are the rare ones unless `wide`.
    func aligned(wide: Bool = false) -> String {
        guard !rows.isEmpty else { return emptyNote }
        let kept = columns.indices.filter { index in
            wide || (!columns[index].isRare && rows.contains { !$0[index].isAbsent })
        }
        let headings = kept.map { columns[$0] }
        let values = rows.map { row in kept.map { row[$0] } }
        let cells = values.map { row in
            zip(row, headings).map { value, column in value.shown.visible.cut(to: column.maximumWidth) }
        }
        let widths = headings.indices.map { index in
            max(headings[index].title.displayWidth, cells.map { $0[index].displayWidth }.max() ?? 0)
        }
        func line(_ texts: [String], numbers: [Bool]) -> String {
            let padded = texts.indices.map { index in
                let padding = String(repeating: " ", count: widths[index] - texts[index].displayWidth)
                return numbers[index] ? padding + texts[index] : texts[index] + padding
            }
            return padded.joined(separator: "  ").trimmingTrailingSpaces
        }
        let numbers = headings.indices.map { index in values.allSatisfy { $0[index].isNumber } }
        let heading = line(headings.map(\.title), numbers: numbers)
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
        return ([heading, rule] + cells.map { line($0, numbers: numbers) }).joined(separator: "\n")
    }

    private var objects: [String] {
        rows.map { row in
            let members = zip(columns, row).map { column, value in "\(column.key.jsonLiteral): \(value.json)" }
            return "{" + members.joined(separator: ", ") + "}"
        }
    }

    private func json() -> String {
        rows.isEmpty ? "[]" : "[\n" + objects.map { "  " + $0 }.joined(separator: ",\n") + "\n]"
    }

    private func csv() -> String {
        ([columns.map(\.key)] + rows.map { row in row.map(\.machineText) }).map(Self.csvLine)
            .joined(separator: "\r\n")
    }

    /// A line of RFC 4180, without its end.
    static func csvLine(_ fields: [String]) -> String { fields.map(\.csvField).joined(separator: ",") }
}

extension Table.Value {
    /// For people: times to the second, UTC; nothing is `-`.
    fileprivate var shown: String {
        switch self {
        case .text(let text): text.flatMap { $0.isEmpty ? nil : $0 } ?? "-"
        case .integer(let number): number.map(String.init) ?? "-"
        case .decimal(let number, let places): number.map { Self.decimal($0, places: places) } ?? "-"
        case .time(let time): time.map { $0.formatted(.iso8601.dateTimeSeparator(.space)) } ?? "-"
        case .flag(let flag): flag ? "yes" : "no"
        }
    }

    /// For machines: times to the millisecond, UTC, ISO 8601; nothing is empty.
    fileprivate var machineText: String {
        switch self {
        case .text(let text): text ?? ""
        case .integer(let number): number.map(String.init) ?? ""
        case .decimal(let number, let places): number.map { Self.decimal($0, places: places) } ?? ""
        case .time(let time): time.map(Self.timestamp) ?? ""
        case .flag(let flag): flag ? "true" : "false"
        }
    }

    fileprivate var json: String {
        switch self {
        case .text(let text): text?.jsonLiteral ?? "null"
        case .integer(let number): number.map(String.init) ?? "null"
        case .decimal(let number, let places):
            number.flatMap { $0.isFinite ? Self.decimal($0, places: places) : nil } ?? "null"
        case .time(let time): time.map { Self.timestamp($0).jsonLiteral } ?? "null"
        case .flag(let flag): flag ? "true" : "false"
        }
    }

    private static func timestamp(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func decimal(_ number: Double, places: Int) -> String {
        String(format: "%.\(places)f", locale: nil, number)
    }
}

extension String {
    /// Columns that a terminal needs: two for East Asian wide characters and emoji, one for the rest.
    var displayWidth: Int {
        reduce(0) { width, character in
            guard let scalar = character.unicodeScalars.first else { return width }
            let isWide =
                switch scalar.value {
                case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
                    0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
                    true
                default: false
                }
            return width + (isWide ? 2 : scalar.properties.generalCategory == .nonspacingMark ? 0 : 1)
        }
    }

    /// Control characters out of a patient's name or an error text must not reach the terminal.
    fileprivate var visible: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: " "
                    default: scalar
                    }
                }))
    }

    fileprivate func cut(to width: Int) -> String {
        guard displayWidth > width else { return self }
        var kept = ""
        var used = 0
        for character in self {
            let next = String(character).displayWidth
            if used + next > width - 1 { break }
            kept.append(character)
            used += next
        }
        return kept + "…"
    }

    fileprivate var trimmingTrailingSpaces: String {
        String(reversed().drop { $0 == " " }.reversed())
    }

    fileprivate var csvField: String {
        contains(where: { $0 == "," || $0 == "\"" || $0.isNewline })
            ? "\"" + replacingOccurrences(of: "\"", with: "\"\"") + "\"" : self
    }

    /// A JSON string, quoted and escaped (RFC 8259, section 7).
    fileprivate var jsonLiteral: String {
        var literal = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": literal += "\\\""
            case "\\": literal += "\\\\"
            case "\n": literal += "\\n"
            case "\r": literal += "\\r"
            case "\t": literal += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                literal += String(format: "\\u%04x", scalar.value)
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "\""
    }
}
