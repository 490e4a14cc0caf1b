import Evaluation
import Findings
import VisionLanguage

/// Makes a reading of the exchanges about a study.
struct ReadingBuilder {
    let extractor: FindingExtractor
    let syntax: BoxSyntax?
    /// The image that boxes refer to.
    let view: ModelView
    /// Whether the extractor understands the language.
    let isEnglish: Bool
    /// All generated text of a generation, repetitions included.
    let decoded: (Generation) -> String

    private var sentences: [ReportSentence] = []
    private var assembly = FindingAssembly()

    init(
        extractor: FindingExtractor, syntax: BoxSyntax?, view: ModelView, isEnglish: Bool = true,
        decoded: @escaping (Generation) -> String
    ) {
        self.extractor = extractor
        self.syntax = syntax
        self.view = view
        self.isEnglish = isEnglish
        self.decoded = decoded
    }

    /// What the exchanges say, with what a classification head adds.
    ///
    /// - Throws: ``ReadingError/unusableAnswer(_:)`` when no sentence is left, or when none of them says that anything is
    ///   there or is not: no report is like that, but the babble of a broken checkpoint is.
    mutating func build(
        _ exchanges: [Exchange], head: HeadEvidence
    ) throws -> (sentences: [ReportSentence], findings: [Finding], dropped: [ReadingRecord.Dropped]) {
        for exchange in exchanges {
            let answer = ParsedAnswer(exchange.generation, decoded: decoded(exchange.generation), syntax: syntax)
            for entry in answer.dropped { assembly.drop(entry.text, entry.reason) }
            switch exchange.question.purpose {
            case .report: addReport(answer)
            case .list: addList(exchange.generation.text)
            case .region(let key): addRegions(answer, of: key)
            }
        }
        guard !sentences.isEmpty else { throw ReadingError.unusableAnswer("it holds no sentence") }
        guard !isEnglish || !assembly.findings.isEmpty else {
            throw ReadingError.unusableAnswer("no sentence of it names a finding")
        }
        sentences += head.combine(with: &assembly)
        assembly.settle()
        let ids = Set(assembly.findings.map(\.id))
        for index in sentences.indices { sentences[index].findings.removeAll { !ids.contains($0) } }
        return (sentences, assembly.findings, assembly.dropped)
    }

    // MARK: - The report

    private mutating func addReport(_ answer: ParsedAnswer) {
        let statements = Self.statements(of: answer.sentences, extractor)
        for (sentence, statements) in zip(answer.sentences, statements) {
            var ids: [(id: String, statement: Statement)] = []
            for statement in statements {
                if let id = assembly.add(statement, sentence: sentence.text) { ids.append((id, statement)) }
            }
            for placed in sentence.boxes { place(placed, of: sentence, ids) }
            var seen: Set<String> = []
            sentences.append(
                ReportSentence(
                    section: sentence.section, text: sentence.text,
                    findings: ids.map(\.id).filter { seen.insert($0).inserted }))
        }
    }

    /// The statements of each sentence; spans count from the sentence's start.
    ///
    /// The extractor reads them together, so that what stands under a heading such as `Indication:` makes no statement.
    /// Such a heading holds for its paragraph, or for the next one where it stands alone; `Comparison:` and the like, which
    /// models write in passing, for their own sentence only.
    static func statements(of sentences: [ParsedSentence], _ extractor: FindingExtractor) -> [[Statement]] {
        var document = ""
        var starts: [Int] = []
        var section: ReportSection?
        var previous: String?
        let passing = ["comparison:", "comparisons:", "technique:", "views:", "examination:", "exam:"]
        for sentence in sentences {
            let isAloneBefore = previous?.hasSuffix(":") == true
            let wasInPassing = passing.contains { previous?.lowercased().hasPrefix($0) == true } && !isAloneBefore
            if sentence.section != section || sentence.beginsLine && !isAloneBefore || wasInPassing {
                document += "\(sentence.section.rawValue):\n\n"
                section = sentence.section
            }
            previous = sentence.text
            starts.append(document.utf8.count)
            document += sentence.text + "\n\n"
        }
        var result = [[Statement]](repeating: [], count: sentences.count)
        for var statement in extractor.statements(in: document) {
            guard let index = starts.lastIndex(where: { $0 <= statement.span.lowerBound }) else { continue }
            let start = starts[index]
            statement.span = statement.span.lowerBound - start..<max(statement.span.upperBound, start) - start
            result[index].append(statement)
        }
        return result
    }

    /// Puts a box on the finding that stands right before it, else on the sentence's first one.
    private mutating func place(
        _ placed: ParsedSentence.PlacedBox, of sentence: ParsedSentence, _ ids: [(id: String, statement: Statement)]
    ) {
        let before = ids.filter { $0.statement.span.lowerBound < placed.offset }
        guard let nearest = before.last ?? ids.first else {
            return assembly.drop(sentence.text, "a box stands beside no known finding")
        }
        // "Pneumonic opacity" names two findings, and the first is what the second is of.
        let owner =
            before.last { entry in
                entry.statement.span.upperBound + 1 == nearest.statement.span.lowerBound
                    && Terminology.standard.lineage(of: entry.statement.finding).dropFirst()
                        .contains { $0.key == nearest.statement.finding }
            } ?? nearest
        guard owner.statement.polarity != .absent else {
            return assembly.drop(sentence.text, "a box stands beside a finding that is denied")
        }
        guard let region = view.region(of: placed.box) else {
            return assembly.drop(sentence.text, "the box lies outside the image")
        }
        assembly.attach(region, to: owner.id)
    }

    // MARK: - The list and its regions

    private mutating func addList(_ answer: String) {
        let list = FindingList(answer, extractor)
        for name in list.unknown { assembly.drop(name, "the terminology does not know this finding") }
        let text = ParsedAnswer(answer, syntax: syntax).text
        var added: [String] = []
        for (key, _) in list.findings {
            let own = assembly.findings.filter { $0.concept == .term(key) }
            guard !own.contains(where: { $0.polarity != .absent }) else { continue }
            if let id = assembly.add(Statement(finding: key, polarity: .present), sentence: text) { added.append(id) }
        }
        // What only the list says needs a sentence that says it.
        if !added.isEmpty { sentences.append(ReportSentence(section: .findings, text: text, findings: added)) }
    }

    private mutating func addRegions(_ answer: ParsedAnswer, of key: String) {
        let boxes = answer.sentences.flatMap(\.boxes).map(\.box)
        guard let owner = assembly.findings.first(where: { $0.concept == .term(key) && $0.polarity != .absent }) else {
            return assembly.drop(answer.text, "the finding to locate is not in the reading")
        }
        guard !boxes.isEmpty else {
            let denies = Self.statements(of: answer.sentences, extractor).joined().contains {
                $0.finding == key && $0.polarity == .absent
            }
            if denies {
                assembly.contradict(owner.id, sentence: answer.text, "it denies a finding that was listed")
            } else if !answer.text.isEmpty {
                assembly.drop(answer.text, "it has no box for a finding that was listed")
            }
            return
        }
        for box in boxes {
            guard let region = view.region(of: box) else {
                assembly.drop(answer.text, "the box lies outside the image")
                continue
            }
            assembly.attach(region, to: owner.id)
        }
    }
}
