import Findings
import Foundation
import VisionLanguage

/// What a family is asked, as data: `Resources/Prompts/<family>.json`, or the integrator's own file.
///
/// Each task lists wordings; the first one that the study can fill is used. `{name}` is a placeholder, `{name|text}` one
/// with a substitute, and a piece in double brackets (`[[ ... ]]`) is left out where a placeholder in it has no value.
struct PromptSet: Sendable, Decodable {
    /// `model_type`.
    var family: String
    /// Where the wordings come from.
    var source: String
    /// The language that the model answers in, an RFC 5646 tag; English where it is not said.
    var language: String?
    /// Strings that end an answer, where they are no special tokens.
    var stops: [String]?
    /// Instead of the family's own system text.
    var system: [String]?
    var report: [String]?
    /// A report whose sentences carry boxes.
    var groundedReport: [String]?
    /// A list of what is abnormal.
    var list: [String]?
    /// Where a finding or a part of the body is.
    var region: [String]?
    /// Where what a sentence says is.
    var phrase: [String]?
    /// An image from a description.
    var synthesis: [String]?
    /// The prompt of guidance's second sequence.
    var unconditionalSynthesis: String?
    /// How boxes are written.
    var boxes: Boxes?
    /// Whether it was trained to answer free questions.
    var converses: Bool?
    /// What the model calls the terminology's findings, by key, where it is not their name.
    var names: [String: String]?
    /// Parts of the body that the model can locate.
    var anatomy: [String]?

    enum Boxes: String, Sendable, Decodable {
        case normalizedList, binTokens

        var syntax: BoxSyntax { self == .normalizedList ? .normalizedList : .binTokens }
    }

    /// The prompts of a family.
    ///
    /// - Throws: ``PromptFault``.
    static func load(family: String, override directory: URL?) throws -> PromptSet {
        let own = directory?.appendingPathComponent("\(family).json")
        let file =
            if let own, FileManager.default.fileExists(atPath: own.path) { own } else {
                try PromptFile.shipped("Prompts/\(family)")
            }
        let set = try PromptFile.decode(PromptSet.self, at: file)
        guard set.family == family else {
            throw PromptFault.malformed(file: file.path, reason: "it is for \(set.family), not for \(family)")
        }
        guard set.report?.isEmpty == false || set.groundedReport?.isEmpty == false else {
            throw PromptFault.malformed(file: file.path, reason: "it has no prompt for a report")
        }
        return set
    }

    /// Whether the extractor of findings understands the answers.
    var isEnglish: Bool { language.map { $0.lowercased().hasPrefix("en") } ?? true }

    /// What the model calls a finding.
    func name(of key: String) -> String {
        names?[key] ?? Terminology.standard.finding(key).map { $0.name.lowercased() } ?? key
    }
}

/// One wording with placeholders.
struct PromptTemplate {
    let text: String

    /// The text with all values in place; nil where a value is missing.
    func filled(_ values: [String: String]) -> String? {
        var result = ""
        var rest = text[...]
        while let open = rest.range(of: "[[") {
            guard let close = rest[open.upperBound...].range(of: "]]"),
                let before = Self.fill(rest[..<open.lowerBound], values)
            else { return nil }
            result += before + (Self.fill(rest[open.upperBound..<close.lowerBound], values) ?? "")
            rest = rest[close.upperBound...]
        }
        return Self.fill(rest, values).map { result + $0 }
    }

    private static func fill(_ text: Substring, _ values: [String: String]) -> String? {
        var result = ""
        var rest = text
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else { return nil }
            let parts = rest[rest.index(after: open)..<close].split(
                separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value = values[String(parts[0])] ?? (parts.count == 2 ? String(parts[1]) : nil) else {
                return nil
            }
            result += rest[..<open] + value
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    /// The first wording that the values fill and that places no images, or as many as there are.
    static func first(of wordings: [String]?, _ values: [String: String], images: Int) -> String? {
        wordings?.lazy.filter { wording in
            let markers = wording.split(separator: ChatTemplate.imageMarker, omittingEmptySubsequences: false).count - 1
            return markers == 0 || markers == images
        }
        .compactMap { PromptTemplate(text: $0).filled(values) }.first
    }
}
