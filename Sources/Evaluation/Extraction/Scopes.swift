import Findings

/// Which findings a cue reaches.
extension SentenceAnalysis {
    /// Applies all cues of the sentence to the mentions. A denial outweighs doubt, whichever comes first: "no evidence to
    /// suggest pneumonia".
    mutating func applyCues() {
        for index in items.indices where items[index].role == .cue {
            let cue = entry(items[index])
            if cue.direction != .backward { applyForward(cue, at: index) }
            if cue.direction != .forward { applyBackward(cue, at: index) }
        }
    }

    private mutating func applyForward(_ cue: Lexicon.Entry, at index: Int) {
        let end = forwardEnd(of: cue, at: index)
        for mention in mentions.indices where mentions[mention].item > index && mentions[mention].item < end {
            apply(cue, to: mention)
        }
    }

    /// The item before which a forward cue's reach ends.
    private func forwardEnd(of cue: Lexicon.Entry, at index: Int) -> Int {
        let isPhrase = cue.scope == .phrase
        var position = index + 1
        while position < items.count, items[position].clause == items[index].clause {
            let item = items[position]
            if item.isComma {
                if isPhrase || !listContinues(afterComma: position) { return position }
            } else if item.role == .and {
                if isPhrase || assertionStarts(position + 1) { return position }
            } else if item.role == .with || item.role == .existential {
                return position
            } else if item.role == .cue {
                let other = entry(item)
                if other.direction == .forward, cue.effect != .absent, other.effect == .absent { return position }
                if other.direction == .forward, cue.effect == .absent, other.effect == .undetermined,
                    position > index + 3, hasMention(index, position)
                {
                    return position
                }
            }
            position += 1
        }
        return position
    }

    private func hasMention(_ start: Int, _ end: Int) -> Bool {
        mentions.contains { $0.item > start && $0.item < end }
    }

    /// Whether the list that a cue governs goes on after a comma: "no effusion, pneumothorax, or consolidation" does,
    /// "no pneumothorax, small left effusion" does not.
    private func listContinues(afterComma comma: Int) -> Bool {
        var next = comma + 1
        while next < items.count, items[next].role == .article { next += 1 }
        guard next < items.count, items[next].clause == items[comma].clause else { return false }
        if items[next].isOr { return true }
        if items[next].role == .and { return !assertionStarts(next + 1) }
        if items[next].role == .existential || items[next].role == .cue || items[next].role == .preposition {
            return false
        }
        var position = next
        var segment = 0
        var isAssertion = assertionStarts(next)
        var hasOr = false
        while position < items.count, items[position].clause == items[comma].clause {
            let item = items[position]
            if item.isOr, segment > 0, items[position - 1].isComma || !isAssertion { return true }
            if item.isComma { segment += 1 }
            if item.isOr { hasOr = true }
            // "..., effusion or pneumothorax is seen" ends the list; "..., consolidation is seen" begins anew.
            if item.role == .verb, segment == 0, !hasOr { isAssertion = true }
            position += 1
        }
        return !isAssertion
    }

    /// Whether the words from here open a statement of their own: "there is...", "small left...", "the heart is...".
    private func assertionStarts(_ start: Int) -> Bool {
        var position = start
        var hasArticle = false
        while position < items.count, items[position].role == .article {
            hasArticle = true
            position += 1
        }
        guard position < items.count else { return false }
        switch items[position].role {
        case .existential, .subject, .state: return true
        case .modifier:
            let modifier = entry(items[position])
            return modifier.severity != nil || modifier.temporality != nil || modifier.laterality != nil
        case .cue: return true
        default: break
        }
        guard hasArticle else { return false }
        while position < items.count, items[position].clause == items[start].clause, !items[position].isComma {
            if items[position].role == .verb { return true }
            position += 1
        }
        return false
    }

    private mutating func applyBackward(_ cue: Lexicon.Entry, at index: Int) {
        guard var mention = mentions.lastIndex(where: { $0.item < index }),
            items[mentions[mention].item].clause == items[index].clause
        else { return }
        if cue.scope == .phrase, index - mentions[mention].item > 3 { return }
        while true {
            apply(cue, to: mention)
            guard mention > 0, areCoordinated(mention - 1, mention) else { return }
            if cue.scope == .phrase { return }
            mention -= 1
        }
    }

    /// Whether two neighbouring mentions are members of one list.
    func areCoordinated(_ first: Int, _ second: Int) -> Bool {
        let start = mentions[first].item
        let end = mentions[second].item
        guard items[start].clause == items[end].clause else { return false }
        guard start + 1 < end else { return mentions[first].isState == mentions[second].isState }
        var hasConjunction = false
        for item in items[(start + 1)..<end] {
            if item.isComma || item.isOr || item.role == .and || item.role == .cue && entry(item).direction == .both {
                hasConjunction = true
            } else if item.role != .modifier, item.role != .article, item.role != nil || item.isColon {
                return false
            } else if item.role == nil, item.endToken - item.firstToken != 1 {
                return false
            }
        }
        return hasConjunction
    }

    private mutating func apply(_ cue: Lexicon.Entry, to index: Int) {
        if mentions[index].isState,
            mentions[index].polarity == .absent || lexicon.findings[Int(mentions[index].finding)] == "no_finding"
        {
            guard cue.invertsNormal else { return }
            mentions[index].polarity = .present
            return
        }
        if let temporality = cue.temporality, mentions[index].temporality == nil {
            mentions[index].temporality = temporality
        }
        switch cue.effect {
        case .ignore: mentions[index].isIgnored = true
        case .absent:
            mentions[index].polarity = .absent
            mentions[index].certainty = nil
            mentions[index].isDecided = true
        case .undetermined:
            if !mentions[index].isDecided { mentions[index].polarity = .undetermined }
        case .probable:
            if !mentions[index].isDecided { mentions[index].certainty = .probable }
        }
    }
}
