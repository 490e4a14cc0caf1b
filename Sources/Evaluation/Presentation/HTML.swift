import Foundation

/// A self-contained page: no script, no font, no picture from elsewhere, because it is opened on hospital machines and
/// kept as evidence.
struct HTMLPage {
    let title: String
    private var body = ""

    init(title: String) {
        self.title = title
    }

    /// Text for HTML: markup characters escaped, and the controls that would reorder or hide words shown as U+FFFD.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case "\r": continue
            default:
                let isHidden = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
                if scalar.properties.generalCategory == .control || isHidden {
                    result += "\u{FFFD}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    mutating func heading(_ text: String) { body += "<h2>\(Self.escape(text))</h2>\n" }

    mutating func paragraph(_ text: String, note: Bool = false) {
        body += "<p\(note ? " class=\"note\"" : "")>\(Self.escape(text))</p>\n"
    }

    /// Adds markup that is already escaped.
    mutating func raw(_ markup: String) { body += markup + "\n" }

    /// A table; cells of all columns but the first `textColumns` are numbers and stand to the right.
    mutating func table(_ columns: [String], _ rows: [[String]], textColumns: Int = 1) {
        func cells(_ values: [String], _ tag: String) -> String {
            values.enumerated().map { index, value in
                "<\(tag)\(index < textColumns ? "" : " class=\"n\"")>\(Self.escape(value))</\(tag)>"
            }.joined()
        }
        body += "<table><thead><tr>\(cells(columns, "th"))</tr></thead><tbody>\n"
        for row in rows { body += "<tr>\(cells(row, "td"))</tr>\n" }
        body += "</tbody></table>\n"
    }

    /// What could not be used, by kind, with the first of each.
    mutating func faults(_ faults: [InputFault]) {
        guard !faults.isEmpty else { return }
        heading("Input that was not used")
        let kinds = Dictionary(grouping: faults, by: \.kind).sorted { $0.key.rawValue < $1.key.rawValue }
        table(
            ["Kind", "Example", "Count"],
            kinds.map { [$0.key.rawValue, $0.value[0].description, "\($0.value.count)"] }, textColumns: 2)
    }

    /// The page.
    var text: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>\(Self.escape(title))</title>
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        <main>
        <h1>\(Self.escape(title))</h1>
        \(body)
        </main>
        </body>
        </html>

        """
    }

    private static let style = """
        :root { --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --reference: #0b5394; --wrong: #b3261e; }
        body { font: 15px/1.5 "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; color: var(--ink);
          margin: 0; background: #fff; }
        main { max-width: 66rem; margin: 0 auto; padding: 1.5rem; }
        h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
        h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
        h3 { font-size: 1rem; margin: 0 0 .3rem; }
        p { margin: .3rem 0 .6rem; max-width: 52rem; }
        .note { color: var(--soft); font-size: .9rem; }
        table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
        th { border-bottom: 2px solid var(--ink); font-weight: 600; }
        th.n, td.n { text-align: right; white-space: pre; }
        .plots { display: flex; flex-wrap: wrap; gap: 1rem; }
        figure { margin: 0; } figcaption { font-size: .85rem; color: var(--soft); }
        svg { display: block; max-width: 100%; height: auto; }
        svg text { font: 11px Helvetica, Arial, "DejaVu Sans", sans-serif; fill: var(--ink); }
        .case { border: 1px solid var(--line); border-radius: 4px; padding: .7rem 1rem; margin: 0 0 1rem;
          break-inside: avoid; }
        .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
        .pair div { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .92rem; }
        .pair h4 { margin: .2rem 0; font-size: .85rem; color: var(--soft); }
        mark { padding: 0 .15rem; border-radius: 2px; }
        mark.r { background: #d6e6f7; border-bottom: 2px solid var(--reference); }
        mark.c { background: #fbdedb; border-bottom: 2px dashed var(--wrong); }
        .case ul { margin: .4rem 0 0; padding-left: 1.2rem; font-size: .92rem; }
        .minor { color: var(--soft); }
        @media (max-width: 44rem) { .pair { grid-template-columns: 1fr; } table { display: block; overflow-x: auto; } }
        @media print {
          body { font-size: 10pt; } main { max-width: none; padding: 0; }
          h2 { break-after: avoid; } tr, figure { break-inside: avoid; }
          mark.r, mark.c { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
        }
        @page { margin: 15mm; }
        """
}

/// "0.812 (0.780 to 0.843)", the interval on a line of its own when asked, or a dash.
func shown(_ estimate: Estimate?, digits: Int = 3, stacked: Bool = false) -> String {
    guard let estimate else { return "–" }
    func number(_ value: Double) -> String { String(format: "%.\(digits)f", value) }
    guard let lower = estimate.lower, let upper = estimate.upper else { return number(estimate.value) }
    return "\(number(estimate.value))\(stacked ? "\n" : " ")(\(number(lower)) to \(number(upper)))"
}
