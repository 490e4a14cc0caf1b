import Findings

/// The data files, compiled for matching.
struct Lexicon: Sendable {
    /// What a phrase does.
    enum Role: UInt8, Sendable {
        case finding, contextual, exclusion, subject, state, cue, modifier
        case boundary, and, or, with, preposition, verb, existential, article, exceptional
    }

    /// One phrase's meaning, small and flat: there is one per matched phrase on the hot path.
    struct Entry: Hashable, Sendable {
        var role: Role
        /// An index into ``findings``, or -1.
        var finding: Int16 = -1
        var polarity: Polarity = .present
        /// An index of a subject, a state or a contextual's needs.
        var index: Int16 = -1
        var effect: CuesFile.Effect = .absent
        var direction: CuesFile.Direction = .forward
        var scope: CuesFile.Scope = .list
        var invertsNormal = false
        var laterality: Laterality?
        /// An index into ``sites``, or -1.
        var site: Int16 = -1
        var severity: Severity?
        var temporality: Temporality?
    }

    private(set) var findings: [String] = []
    private(set) var sites: [String] = []
    private(set) var hasSide: [Bool] = []
    private(set) var entries: [Entry] = []
    private(set) var phrases = PhraseTable()
    /// Word numbers, one of which must stand before a contextual phrase.
    private(set) var needs: [[Int32]] = []
    private(set) var stateCount = 0
    /// By subject and state: the index of a finding and its polarity.
    private(set) var meanings: [Int: (finding: Int16, polarity: Polarity)] = [:]
    /// The examples of all rules.
    private(set) var examples: [RuleExample] = []

    /// Compiles the module's data files. Throws ``LexiconFault``.
    init() throws {
        let findings = try loadResource("findings", as: FindingsFile.self)
        let cues = try loadResource("cues", as: CuesFile.self)
        let modifiers = try loadResource("modifiers", as: ModifiersFile.self)
        let sections = try loadResource("sections", as: SectionsFile.self)
        try add(findings)
        try add(cues)
        try add(modifiers)
        try addHeadings(sections.report, isReport: true)
        try addHeadings(sections.ignored, isReport: false)
        hasSide = self.findings.map { !findings.withoutSide.contains($0) }
        phrases.freeze()
    }

    private mutating func add(_ file: FindingsFile) throws {
        for entry in file.findings {
            let index = try finding(entry.finding)
            try add(entry.phrases, Entry(role: .finding, finding: index, polarity: entry.polarity ?? .present))
            examples.append(entry.example)
        }
        for entry in file.contextual {
            let meaning = Entry(role: .contextual, finding: try finding(entry.finding), index: Int16(needs.count))
            needs.append(entry.needs.flatMap(words).map { phrases.number(of: $0) })
            try add(entry.phrases, meaning)
            examples.append(entry.example)
        }
        for entry in file.exclusions {
            try add(entry.phrases, Entry(role: .exclusion))
            examples.append(entry.example)
        }
        stateCount = file.states.count
        for (index, state) in file.states.enumerated() {
            try add(state.phrases, Entry(role: .state, index: Int16(index)))
        }
        for (index, subject) in file.subjects.enumerated() {
            try add(subject.phrases, Entry(role: .subject, index: Int16(index)))
            examples += subject.examples
            for (name, text) in subject.states {
                guard let state = file.states.firstIndex(where: { $0.name == name }) else {
                    throw LexiconFault.unknownName(name)
                }
                let statement = try Statement(notation: text)
                meanings[index * stateCount + state] = (try finding(statement.finding), statement.polarity)
            }
        }
    }

    private mutating func add(_ file: CuesFile) throws {
        for cue in file.cues {
            try add(
                cue.phrases,
                Entry(
                    role: .cue, effect: cue.effect, direction: cue.direction, scope: cue.scope ?? .list,
                    invertsNormal: cue.invertsNormal ?? false, temporality: cue.temporality))
            examples.append(cue.example)
        }
    }

    private mutating func add(_ file: ModifiersFile) throws {
        for modifier in file.modifiers {
            var entry = Entry(
                role: .modifier, laterality: modifier.laterality, severity: modifier.severity,
                temporality: modifier.temporality)
            if let site = modifier.site { entry.site = try self.site(site) }
            try add(modifier.phrases, entry)
            examples.append(modifier.example)
        }
        let grammar = file.grammar
        for (words, role) in [
            (grammar.boundary, Role.boundary), (grammar.and, .and), (grammar.or, .or), (grammar.with, .with),
            (grammar.preposition, .preposition), (grammar.verb, .verb), (grammar.existential, .existential),
            (grammar.article, .article), (grammar.exceptional, .exceptional),
        ] {
            try add(words, Entry(role: role))
        }
    }

    private mutating func addHeadings(_ texts: [String], isReport: Bool) throws {
        for text in texts {
            guard phrases.insert(words(text), entry: isReport ? 1 : 0, in: .heading) else {
                throw LexiconFault.conflictingPhrase(text)
            }
        }
    }

    private mutating func add(_ texts: [String], _ entry: Entry) throws {
        let number: Int32
        if let index = entries.firstIndex(of: entry) {
            number = Int32(index)
        } else {
            number = Int32(entries.count)
            entries.append(entry)
        }
        for text in texts {
            guard phrases.insert(words(text), entry: number, in: .sentence) else {
                throw LexiconFault.conflictingPhrase(text)
            }
        }
    }

    private mutating func finding(_ key: String) throws -> Int16 {
        guard Terminology.standard.finding(key) != nil else { throw LexiconFault.unknownName(key) }
        if let index = findings.firstIndex(of: key) { return Int16(index) }
        findings.append(key)
        return Int16(findings.count - 1)
    }

    private mutating func site(_ key: String) throws -> Int16 {
        guard Terminology.standard.site(key) != nil else { throw LexiconFault.unknownName(key) }
        if let index = sites.firstIndex(of: key) { return Int16(index) }
        sites.append(key)
        return Int16(sites.count - 1)
    }
}

/// A phrase as normalised words, cut where the tokenizer cuts.
private func words(_ phrase: String) -> [[UInt8]] {
    var buffer = [UInt8](repeating: 0, count: PhraseTable.longestWord)
    return phrase.split { " -/".contains($0) }.map { word in
        let length = Array(word.utf8).withUnsafeBufferPointer { normalize($0, into: &buffer) }
        return Array(buffer[0..<length])
    }
}
