import Findings
import Foundation

/// What is wrong with the extractor's data files.
public enum LexiconFault: Error, Hashable, Sendable, CustomStringConvertible {
    case missingFile(String)
    case malformedFile(String, String)
    case malformedStatement(String)
    case conflictingPhrase(String)
    case unknownName(String)

    public var description: String {
        switch self {
        case .missingFile(let name): "The data file \(name) is not installed beside the program."
        case .malformedFile(let name, let what): "The data file \(name) is malformed: \(what)"
        case .malformedStatement(let text):
            "\"\(text)\" is not a statement: a finding key, a polarity, then side, site, severity or comparison."
        case .conflictingPhrase(let phrase): "The phrase \"\(phrase)\" has two meanings."
        case .unknownName(let name): "The data files refer to \"\(name)\", which they do not define."
        }
    }
}

/// A sentence and the statements that it makes: documentation of a rule and its test at once.
struct RuleExample: Codable, Sendable {
    let text: String
    let expect: [String]
}

/// `findings.json`: the words for findings.
struct FindingsFile: Codable, Sendable {
    /// Words that name a finding wherever they stand.
    struct Entry: Codable, Sendable {
        let finding: String
        let phrases: [String]
        let polarity: Polarity?
        let example: RuleExample
    }

    /// Words that name a finding only near another word: "thickening" after "pleural".
    struct Contextual: Codable, Sendable {
        let finding: String
        let phrases: [String]
        let needs: [String]
        let example: RuleExample
    }

    /// Words that look like a finding and are none: "pericardial effusion".
    struct Exclusion: Codable, Sendable {
        let phrases: [String]
        let example: RuleExample
    }

    /// A thing that reports describe by its state: "the heart is enlarged", "clear lungs".
    struct Subject: Codable, Sendable {
        let name: String
        let phrases: [String]
        /// From a state's name to "finding polarity".
        let states: [String: String]
        let examples: [RuleExample]
    }

    /// The words for a state.
    struct State: Codable, Sendable {
        let name: String
        let phrases: [String]
    }

    let findings: [Entry]
    let contextual: [Contextual]
    let exclusions: [Exclusion]
    let subjects: [Subject]
    let states: [State]
    /// Findings that have no side.
    let withoutSide: [String]
}

/// `cues.json`: the words that deny a finding, leave it open or take it out of the report's claims.
struct CuesFile: Codable, Sendable {
    enum Effect: String, Codable, Sendable {
        case absent, undetermined, probable, ignore
    }

    enum Direction: String, Codable, Sendable {
        case forward, backward, both
    }

    /// How far a forward cue reaches: over a list, or over the next noun phrase only.
    enum Scope: String, Codable, Sendable {
        case list, phrase
    }

    struct Cue: Codable, Sendable {
        let phrases: [String]
        let effect: Effect
        let direction: Direction
        let scope: Scope?
        let temporality: Temporality?
        /// Whether the cue turns "normal" round as well ("not normal").
        let invertsNormal: Bool?
        let example: RuleExample
    }

    let cues: [Cue]
}

/// `modifiers.json`: sides, sites, severities, comparisons, and the little words that bound them.
struct ModifiersFile: Codable, Sendable {
    struct Modifier: Codable, Sendable {
        let phrases: [String]
        let laterality: Laterality?
        let site: String?
        let severity: Severity?
        let temporality: Temporality?
        let example: RuleExample
    }

    /// The little words by what they do to a scope.
    struct Grammar: Codable, Sendable {
        let boundary: [String]
        let and: [String]
        let or: [String]
        let with: [String]
        let preposition: [String]
        let verb: [String]
        let existential: [String]
        let article: [String]
        let exceptional: [String]
    }

    let modifiers: [Modifier]
    let grammar: Grammar
}

/// `sections.json`: the headings of a report.
struct SectionsFile: Codable, Sendable {
    /// Headings whose text is about this study.
    let report: [String]
    /// Headings whose text is not: the question, the history, the technique.
    let ignored: [String]
}

/// Reads a data file of this module.
func loadResource<File: Decodable>(_ name: String, as type: File.Type) throws -> File {
    guard let url = Bundle.module.url(forResource: "Resources/\(name)", withExtension: "json") else {
        throw LexiconFault.missingFile("\(name).json")
    }
    do {
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
    } catch let error as DecodingError {
        throw LexiconFault.malformedFile("\(name).json", "\(error)")
    }
}
