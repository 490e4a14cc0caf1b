import Findings

/// One sentence's phrases and what they mean together. It is reused from sentence to sentence, so that the arrays are
/// allocated once a report.
struct SentenceAnalysis {
    /// A matched phrase, a mark of punctuation or an unknown word.
    struct Item {
        var role: Lexicon.Role?
        var entry: Int32
        var isComma = false
        var isColon = false
        var isOr = false
        var clause: Int32
        var firstToken: Int32
        var endToken: Int32
    }

    /// A finding's mention.
    struct Mention {
        var item: Int
        var finding: Int16
        var polarity: Polarity
        /// Stated by a state such as "normal", which an ordinary negation does not turn round.
        var isState = false
        var certainty: Certainty?
        var isIgnored = false
        var isDecided = false
        var laterality: Laterality?
        var site: Int16 = -1
        var severity: Severity?
        var temporality: Temporality?
        var hasOwnModifiers = false
        var firstToken: Int32
        var endToken: Int32
    }

    let lexicon: Lexicon
    var items: [Item] = []
    var mentions: [Mention] = []

    init(lexicon: Lexicon) {
        self.lexicon = lexicon
    }

    /// Appends the statements of the sentence that the tokens hold.
    mutating func analyse(_ tokens: [Token], from start: Int, to end: Int, into statements: inout [Statement]) {
        items.removeAll(keepingCapacity: true)
        mentions.removeAll(keepingCapacity: true)
        matchPhrases(tokens, from: start, to: end)
        findMentions(tokens, from: start)
        guard !mentions.isEmpty else { return }
        mentions.sort { $0.item < $1.item }
        applyCues()
        attachModifiers()
        for mention in mentions where !mention.isIgnored {
            let finding = Int(mention.finding)
            statements.append(
                Statement(
                    finding: lexicon.findings[finding], polarity: mention.polarity, certainty: mention.certainty,
                    laterality: lexicon.hasSide[finding] ? mention.laterality : nil,
                    site: mention.site < 0 || !lexicon.hasSide[finding] ? nil : lexicon.sites[Int(mention.site)],
                    severity: mention.severity, temporality: mention.temporality,
                    span: Int(tokens[Int(mention.firstToken)].start)..<Int(tokens[Int(mention.endToken) - 1].end)))
        }
    }

    func entry(_ item: Item) -> Lexicon.Entry { lexicon.entries[Int(item.entry)] }

    private mutating func matchPhrases(_ tokens: [Token], from start: Int, to end: Int) {
        var clause: Int32 = 0
        var position = start
        while position < end {
            var item = Item(
                role: nil, entry: -1, clause: clause, firstToken: Int32(position), endToken: Int32(position + 1))
            switch tokens[position].kind {
            case .word:
                if let match = lexicon.phrases.longestMatch(tokens, from: position, upTo: end, in: .sentence) {
                    item.role = lexicon.entries[Int(match.entry)].role
                    item.entry = match.entry
                    item.endToken = Int32(match.end)
                    item.isOr = item.role == .or
                    if item.role == .boundary {
                        clause += 1
                        item.clause = clause
                    }
                }
            case .comma: item.isComma = true
            case .slash: item.isOr = true
            case .colon: item.isColon = true
            case .clauseEnd:
                clause += 1
                item.clause = clause
                item.role = .boundary
            case .question, .sentenceEnd: break
            }
            items.append(item)
            position = Int(item.endToken)
        }
    }

    private mutating func findMentions(_ tokens: [Token], from start: Int) {
        for index in items.indices {
            let item = items[index]
            guard let role = item.role else { continue }
            switch role {
            case .finding:
                let meaning = entry(item)
                mention(index, meaning.finding, meaning.polarity, item.firstToken, item.endToken)
            case .contextual:
                let meaning = entry(item)
                let needs = lexicon.needs[Int(meaning.index)]
                let from = max(start, Int(item.firstToken) - 8)
                if tokens[from..<Int(item.endToken)].contains(where: { needs.contains($0.word) }) {
                    mention(index, meaning.finding, .present, item.firstToken, item.endToken)
                }
            case .state: describe(state: index)
            default: break
            }
        }
    }

    private mutating func mention(
        _ item: Int, _ finding: Int16, _ polarity: Polarity, _ firstToken: Int32, _ endToken: Int32,
        isState: Bool = false
    ) {
        mentions.append(
            Mention(
                item: item, finding: finding, polarity: polarity, isState: isState, firstToken: firstToken,
                endToken: endToken))
    }

    /// Joins a state with its subjects: those before it ("the heart and mediastinum are normal"), else the one right
    /// after it ("normal heart size").
    private mutating func describe(state index: Int) {
        let state = Int(entry(items[index]).index)
        if isExceptional(index) { return }
        var hasSubject = false
        var position = index - 1
        while position >= 0, items[position].clause == items[index].clause, index - position <= 14 {
            let item = items[position]
            if item.role == .state, !isCoordinated(position, index) { break }
            if item.role == .existential || item.role == .cue && entry(item).direction == .backward { break }
            // After a comma only further subjects belong: "the heart is large, lungs are clear".
            if item.isComma, hasSubject, !precededBySubject(position) { break }
            if item.role == .subject {
                if let meaning = lexicon.meanings[Int(entry(item).index) * lexicon.stateCount + state] {
                    add(meaning, subject: position, state: index)
                    hasSubject = true
                }
            } else if item.role == .finding, hasSubject {
                break
            }
            position -= 1
        }
        guard !hasSubject else { return }
        position = index + 1
        var steps = 0
        while position < items.count, items[position].clause == items[index].clause, steps <= 5 {
            let item = items[position]
            if item.role == .state || item.role == .verb || item.role == .cue { break }
            if item.isComma, position + 1 >= items.count || items[position + 1].role != .subject { break }
            if item.role == .subject {
                if let meaning = lexicon.meanings[Int(entry(item).index) * lexicon.stateCount + state] {
                    add(meaning, subject: position, state: index)
                    steps = 3
                }
            } else if item.role != .article {
                steps += 1
            }
            position += 1
        }
    }

    /// "Otherwise clear", "the remaining lung is clear": no statement about what was described before.
    private func isExceptional(_ state: Int) -> Bool {
        items[..<state].contains { $0.role == .exceptional && $0.clause == items[state].clause }
    }

    /// "clear and normal": two states of the same subjects.
    private func isCoordinated(_ first: Int, _ second: Int) -> Bool {
        items[(first + 1)..<second].allSatisfy { $0.role == .and || $0.role == .modifier || $0.isComma }
    }

    private func precededBySubject(_ comma: Int) -> Bool {
        var position = comma - 1
        while position >= 0, items[position].role == nil, !items[position].isComma { position -= 1 }
        return position >= 0 && items[position].role == .subject
    }

    private mutating func add(_ meaning: (finding: Int16, polarity: Polarity), subject: Int, state: Int) {
        let first = min(items[subject].firstToken, items[state].firstToken)
        let end = max(items[subject].endToken, items[state].endToken)
        mention(state, meaning.finding, meaning.polarity, first, end, isState: true)
    }
}
