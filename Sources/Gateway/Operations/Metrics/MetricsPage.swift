/// A metric with all its time series.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    let name: String
    let kind: Kind
    let help: String
    let samples: [MetricSample]

    init(_ name: String, _ kind: Kind, help: String, samples: [MetricSample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A metric without labels.
    init(_ name: String, _ kind: Kind, help: String, value: Double) {
        self.init(name, kind, help: help, samples: [MetricSample([], value)])
    }
}

/// One line of a page.
struct MetricSample: Sendable {
    let labels: [MetricLabel]
    let value: Double
    /// What a histogram's line adds to the name.
    let suffix: String

    init(_ labels: [MetricLabel], _ value: Double, suffix: String = "") {
        self.labels = labels
        self.value = value
        self.suffix = suffix
    }
}

/// A label of a time series. Its name is made legal; its value may be any text.
struct MetricLabel: Hashable, Comparable, Sendable {
    let name: String
    let value: String

    init(_ name: String, _ value: String) {
        self.name = Self.legal(name) { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
        self.value = value
    }

    /// A metric's name in Prometheus' alphabet.
    static func legalMetricName(_ name: String) -> String {
        legal(name) { $0 == "_" || $0 == ":" || $0.isASCII && ($0.isLetter || $0.isNumber) }
    }

    private static func legal(_ name: String, _ isLegal: (Character) -> Bool) -> String {
        let text = String(name.map { isLegal($0) ? $0 : "_" })
        return text.first.map { $0.isNumber } ?? true ? "_" + text : text
    }

    static func < (left: MetricLabel, right: MetricLabel) -> Bool {
        (left.name, left.value) < (right.name, right.value)
    }
}

/// Writes metrics in Prometheus' text exposition format 0.0.4.
enum MetricsPage {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func write(_ families: [MetricFamily]) -> String {
        families.sorted { $0.name < $1.name }.map(write).joined()
    }

    private static func write(_ family: MetricFamily) -> String {
        let help = escape(family.help, quotes: false)
        var text = "# HELP \(family.name) \(help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
        for sample in family.samples {
            let labels = sample.labels.map { "\($0.name)=\"\(escape($0.value, quotes: true))\"" }
            let braces = labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
            text += "\(family.name)\(sample.suffix)\(braces) \(number(sample.value))\n"
        }
        return text
    }

    /// The shortest text that reads back as the same number.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    private static func escape(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
