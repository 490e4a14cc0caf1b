import Foundation

/// A finding that the gateway knows by key.
public struct FindingTerm: Codable, Hashable, Sendable {
    /// What kind of statement a term is.
    public enum Group: String, Codable, Sendable, CaseIterable {
        /// "No finding": the study is normal.
        case normality
        case abnormality
        case device
    }

    /// The key used in readings and data files.
    public let key: String
    /// The name shown to people.
    public let name: String
    /// A label short enough for a box on an image.
    public let shortLabel: String
    /// Normality, abnormality or device.
    public let group: Group
    /// The concept's code.
    public let code: Code
    /// For `no_finding` only: the code that stands as the value of ``code`` instead of present or absent.
    public let valueCode: Code?
    /// How well the code was checked.
    public let verification: CodeVerification
    /// The key of the site when a finding names none.
    public let site: String
    /// The key of the broader term, if any ("rib_fracture" is a "fracture").
    public let parent: String?
    /// The label's name in the NIH ChestX-ray14 data set, if it is one of the 14.
    public let nih14: String?
    /// The label's name in CheXpert, if it is one of the 14.
    public let cheXpert14: String?
    /// Other names, in lower case.
    public let aliases: [String]
}

/// A value that has a key, a name and a code: a site, a side, a polarity or a severity.
public struct CodedTerm: Codable, Hashable, Sendable {
    /// The key used in readings and data files.
    public let key: String
    /// The name shown to people.
    public let name: String
    /// The concept's code.
    public let code: Code
    /// How well the code was checked.
    public let verification: CodeVerification
}

/// A reason for not reading a study.
public struct AbstentionTerm: Codable, Hashable, Sendable {
    /// Whether the study was unsuitable, or the gateway failed at it.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        case unsuitable, failure
    }

    /// The key used in readings.
    public let key: String
    /// Unsuitable study or failed reading.
    public let kind: Kind
    /// The code in the private scheme.
    public let code: Code
    /// One or two sentences for the person who finds no reading.
    public let explanation: String
}

/// The identification of the private coding scheme, for Coding Scheme Identification Sequence (0008,0110).
public struct CodingScheme: Codable, Hashable, Sendable {
    /// Coding Scheme Designator (0008,0102).
    public let designator: String
    /// Coding Scheme UID (0008,010C).
    public let uid: String
    /// Coding Scheme Name (0008,0115).
    public let name: String
    /// Coding Scheme Responsible Organization (0008,0116).
    public let responsibleOrganization: String
}

/// What is wrong with a terminology file.
public enum TerminologyFault: Error, Hashable, Sendable, CustomStringConvertible {
    case malformedJSON(String)
    case duplicateKey(table: String, key: String)
    case duplicateCode(table: String, code: Code)
    case malformedCode(table: String, key: String, code: Code)
    case wrongScheme(table: String, key: String)
    case unknownSite(finding: String, site: String)
    case unknownParent(finding: String, parent: String)
    case ambiguousAlias(String, first: String, second: String)
    case missingKey(table: String, key: String)
    case emptyText(table: String, key: String)

    public var description: String {
        switch self {
        case .malformedJSON(let what): "The terminology is malformed at \(what)"
        case .duplicateKey(let table, let key): "\(table): the key \"\(key)\" stands twice."
        case .duplicateCode(let table, let code): "\(table): the code \(code) stands twice."
        case .malformedCode(let table, let key, let code): "\(table).\(key): the code \(code) is malformed."
        case .wrongScheme(let table, let key): "\(table).\(key): private codes, and only those, use the private scheme."
        case .unknownSite(let finding, let site): "findings.\(finding): the site \"\(site)\" is not there."
        case .unknownParent(let finding, let parent):
            "findings.\(finding): the parent \"\(parent)\" is missing or leads back to itself."
        case .ambiguousAlias(let alias, let first, let second): "\"\(alias)\" names both \(first) and \(second)."
        case .missingKey(let table, let key): "\(table): the key \"\(key)\" is missing."
        case .emptyText(let table, let key): "\(table).\(key): a text is empty."
        }
    }
}

/// The findings, sites, sides, polarities, severities and abstention reasons that the gateway can say in DICOM, with
/// their codes. It is data: `Resources/terminology.json`.
public struct Terminology: Sendable {
    /// Findings in the order in which lists show them.
    public let findings: [FindingTerm]
    /// Anatomic sites.
    public let sites: [CodedTerm]
    /// Reasons for not reading.
    public let abstentionReasons: [AbstentionTerm]
    /// The private scheme of our own codes.
    public let privateScheme: CodingScheme

    private let lateralities: [Laterality: CodedTerm]
    private let polarities: [Polarity: CodedTerm]
    private let severities: [Severity: CodedTerm]
    private let findingByKey: [String: FindingTerm]
    private let findingByAlias: [String: FindingTerm]
    private let siteByKey: [String: CodedTerm]
    private let reasonByKey: [String: AbstentionTerm]

    /// The terminology that the package carries.
    public static let standard: Terminology = {
        do {
            guard let file = Bundle.module.url(forResource: "Resources/terminology", withExtension: "json") else {
                preconditionFailure("The resource bundle of Findings is not installed beside the program.")
            }
            return try Terminology(json: Data(contentsOf: file))
        } catch {
            preconditionFailure("terminology.json, a part of the program, is damaged: \(error)")
        }
    }()

    /// Reads and checks a terminology. Throws ``TerminologyFault``.
    public init(json: Data) throws {
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: json)
        } catch let error as DecodingError {
            throw TerminologyFault.malformedJSON(describe(error))
        }
        findings = file.findings
        sites = file.sites
        abstentionReasons = file.abstentionReasons
        privateScheme = file.privateScheme
        findingByKey = try index(file.findings, by: \.key, "findings")
        siteByKey = try index(file.sites, by: \.key, "sites")
        reasonByKey = try index(file.abstentionReasons, by: \.key, "abstentionReasons")
        lateralities = try complete(file.lateralities, "lateralities")
        polarities = try complete(file.polarities, "polarities")
        severities = try complete(file.severities, "severities")
        findingByAlias = try Self.aliases(of: file.findings)
        try checkCodes(file)
        try checkReferences()
    }

    /// The finding with this key.
    public func finding(_ key: String) -> FindingTerm? { findingByKey[key] }

    /// The finding that bears this key, name, alias or data set label, in any letter case.
    public func finding(named name: String) -> FindingTerm? { findingByAlias[name.lowercased()] }

    /// The site with this key.
    public func site(_ key: String) -> CodedTerm? { siteByKey[key] }

    /// The reason with this key.
    public func abstentionReason(_ key: String) -> AbstentionTerm? { reasonByKey[key] }

    /// The code of a side.
    public func code(of laterality: Laterality) -> Code { lateralities[laterality]!.code }

    /// The code of a polarity.
    public func code(of polarity: Polarity) -> Code { polarities[polarity]!.code }

    /// The code of a severity.
    public func code(of severity: Severity) -> Code { severities[severity]!.code }

    /// The code of a concept, or nil when it is a key that is not here.
    public func code(of concept: FindingConcept) -> Code? {
        switch concept {
        case .term(let key): findingByKey[key]?.code
        case .code(let code): code
        }
    }

    /// The text of a concept for a box or a list, for instance "Effusion".
    public func shortLabel(of concept: FindingConcept) -> String? {
        switch concept {
        case .term(let key): findingByKey[key]?.shortLabel
        case .code(let code): code.meaning
        }
    }

    /// The site of a finding: its own, else its concept's default, else none.
    public func site(of finding: Finding) -> CodedTerm? {
        if let site = finding.site { return siteByKey[site] }
        guard case .term(let key) = finding.concept, let term = findingByKey[key] else { return nil }
        return siteByKey[term.site]
    }

    /// The term and all its broader terms, nearest first.
    public func lineage(of key: String) -> [FindingTerm] {
        var lineage: [FindingTerm] = []
        var next = findingByKey[key]
        while let term = next {
            lineage.append(term)
            next = term.parent.flatMap { findingByKey[$0] }
        }
        return lineage
    }

    private static func aliases(of findings: [FindingTerm]) throws -> [String: FindingTerm] {
        var table: [String: FindingTerm] = [:]
        for term in findings {
            let names = [term.key, term.name] + [term.nih14, term.cheXpert14].compactMap { $0 } + term.aliases
            for name in names.map({ $0.lowercased() }) {
                if let other = table[name], other.key != term.key {
                    throw TerminologyFault.ambiguousAlias(name, first: other.key, second: term.key)
                }
                table[name] = term
            }
        }
        return table
    }

    private func checkCodes(_ file: File) throws {
        var rows: [(table: String, key: String, code: Code, isPrivate: Bool)] = []
        for term in findings {
            rows.append(("findings", term.key, term.code, term.verification == .private))
            guard let value = term.valueCode else { continue }
            guard value.isWellFormed else {
                throw TerminologyFault.malformedCode(table: "findings", key: term.key, code: value)
            }
        }
        for (table, terms) in [
            ("sites", sites), ("lateralities", file.lateralities), ("polarities", file.polarities),
            ("severities", file.severities),
        ] {
            rows += terms.map { (table, $0.key, $0.code, $0.verification == .private) }
        }
        rows += abstentionReasons.map { ("abstentionReasons", $0.key, $0.code, true) }
        var seen: Set<String> = []
        for row in rows {
            guard row.code.isWellFormed else {
                throw TerminologyFault.malformedCode(table: row.table, key: row.key, code: row.code)
            }
            guard (row.code.scheme == privateScheme.designator) == row.isPrivate else {
                throw TerminologyFault.wrongScheme(table: row.table, key: row.key)
            }
            guard seen.insert("\(row.code.scheme)|\(row.code.value)").inserted else {
                throw TerminologyFault.duplicateCode(table: row.table, code: row.code)
            }
        }
    }

    private func checkReferences() throws {
        for term in findings {
            guard !term.name.isEmpty, !term.shortLabel.isEmpty else {
                throw TerminologyFault.emptyText(table: "findings", key: term.key)
            }
            guard siteByKey[term.site] != nil else {
                throw TerminologyFault.unknownSite(finding: term.key, site: term.site)
            }
            var ancestor = term
            for _ in 0...findings.count {
                guard let parent = ancestor.parent else { break }
                guard let next = findingByKey[parent], next.key != term.key else {
                    throw TerminologyFault.unknownParent(finding: term.key, parent: parent)
                }
                ancestor = next
            }
        }
        for reason in abstentionReasons where reason.explanation.isEmpty {
            throw TerminologyFault.emptyText(table: "abstentionReasons", key: reason.key)
        }
    }
}

/// The layout of `terminology.json`.
private struct File: Codable {
    let privateScheme: CodingScheme
    let findings: [FindingTerm]
    let sites: [CodedTerm]
    let lateralities: [CodedTerm]
    let polarities: [CodedTerm]
    let severities: [CodedTerm]
    let abstentionReasons: [AbstentionTerm]
}

private func index<Term>(_ terms: [Term], by key: KeyPath<Term, String>, _ table: String) throws -> [String: Term] {
    var result: [String: Term] = [:]
    for term in terms {
        guard result.updateValue(term, forKey: term[keyPath: key]) == nil else {
            throw TerminologyFault.duplicateKey(table: table, key: term[keyPath: key])
        }
    }
    return result
}

/// The terms of an enumeration: each case once, so that looking one up cannot fail later.
private func complete<Key: RawRepresentable<String> & CaseIterable & Hashable>(
    _ terms: [CodedTerm], _ table: String
) throws -> [Key: CodedTerm] {
    let byKey = try index(terms, by: \.key, table)
    var result: [Key: CodedTerm] = [:]
    for key in Key.allCases {
        guard let term = byKey[key.rawValue] else {
            throw TerminologyFault.missingKey(table: table, key: key.rawValue)
        }
        result[key] = term
    }
    return result
}
