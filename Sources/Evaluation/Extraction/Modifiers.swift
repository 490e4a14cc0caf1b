import Findings

/// Which finding a side, site, severity or comparison belongs to.
extension SentenceAnalysis {
    /// Gives every modifier to its mention, then lets the members of a list share what stands before or after all of
    /// them: "left effusion and atelectasis", "effusion and atelectasis at the left base".
    mutating func attachModifiers() {
        for index in items.indices where items[index].role == .modifier {
            guard let owner = owner(of: index) else { continue }
            give(entry(items[index]), to: owner.mention, isBefore: owner.isBefore, distance: index)
        }
        shareForward()
        shareBackward()
    }

    private func owner(of index: Int) -> (mention: Int, isBefore: Bool)? {
        let clause = items[index].clause
        let previous = mentions.lastIndex { $0.item < index && items[$0.item].clause == clause }
        let next = mentions.firstIndex { $0.item > index && items[$0.item].clause == clause }
        switch (previous, next) {
        case (nil, nil): return nil
        case (let previous?, nil): return (previous, false)
        case (nil, let next?): return reaches(forward: index, to: mentions[next].item) ? (next, true) : nil
        case (let previous?, let next?):
            return isAfter(index, previous: mentions[previous].item, next: mentions[next].item)
                ? (previous, false)
                : reaches(forward: index, to: mentions[next].item) ? (next, true) : (previous, false)
        }
    }

    /// Whether a modifier that stands before a finding belongs to it: not across "is", as in "the left lung is clear and
    /// an effusion", and not across another statement.
    private func reaches(forward index: Int, to mention: Int) -> Bool {
        var position = index + 1
        // "Again seen is a nodule".
        if items[position].role == .verb { position += 1 }
        while position < mention {
            if items[position].role == .verb || items[position].role == .and, position + 1 < mention,
                items[position].role == .verb || startsClause(position + 1, before: mention)
            {
                return mentionIsState(mention)
            }
            position += 1
        }
        return true
    }

    private func mentionIsState(_ item: Int) -> Bool { mentions.contains { $0.item == item && $0.isState } }

    private func startsClause(_ start: Int, before end: Int) -> Bool {
        items[start..<end].contains { $0.role == .existential || $0.role == .verb }
    }

    /// For a modifier between two mentions: whether it belongs to the one before it.
    private func isAfter(_ index: Int, previous: Int, next: Int) -> Bool {
        var split: Int?
        var link: Int?
        for position in (previous + 1)..<next {
            let item = items[position]
            if split == nil,
                item.isComma || item.isOr || item.role == .and || item.role == .with || item.role == .existential
                    || item.role == .cue
            {
                split = position
            }
            if link == nil, item.role == .preposition || item.role == .verb { link = position }
        }
        if let split {
            if index < split { return true }
            // "effusion on the right and at the left base and atelectasis" is beyond us; "in the right and left lower
            // lobes with effusion" is not: the second side follows another one directly.
            if let link, link < split, items[split].role == .and, followsModifier(split), index < nextSplit(split, next)
            {
                return true
            }
            return false
        }
        if let link { return link < index }
        return false
    }

    private func followsModifier(_ split: Int) -> Bool {
        split > 0 && items[split - 1].role == .modifier && split + 1 < items.count
            && items[split + 1].role == .modifier
    }

    private func nextSplit(_ split: Int, _ end: Int) -> Int {
        var position = split + 1
        while position < end {
            let item = items[position]
            if item.isComma || item.role == .and || item.role == .with || item.role == .cue { return position }
            position += 1
        }
        return -1
    }

    private mutating func give(_ modifier: Lexicon.Entry, to index: Int, isBefore: Bool, distance: Int) {
        if let side = modifier.laterality {
            mentions[index].hasOwnModifiers = true
            if let known = mentions[index].laterality, known != side {
                mentions[index].laterality = .bilateral
            } else {
                mentions[index].laterality = side
            }
        }
        // Before a finding the nearest modifier counts, after it the first.
        if modifier.site >= 0, isBefore || mentions[index].site < 0 { mentions[index].site = modifier.site }
        if let severity = modifier.severity, isBefore || mentions[index].severity == nil {
            mentions[index].hasOwnModifiers = true
            mentions[index].severity = severity
        }
        if let temporality = modifier.temporality, mentions[index].temporality == nil {
            if isBefore { mentions[index].hasOwnModifiers = true }
            mentions[index].temporality = temporality
        }
    }

    /// What stands before the first member of a list holds for members that bring nothing of their own.
    private mutating func shareForward() {
        guard mentions.count > 1 else { return }
        for index in 1..<mentions.count where !mentions[index].hasOwnModifiers && !mentions[index].isState {
            let previous = mentions[index - 1]
            guard !previous.isState, areCoordinated(index - 1, index), previous.polarity == mentions[index].polarity
            else {
                continue
            }
            if mentions[index].laterality == nil { mentions[index].laterality = previous.laterality }
            if mentions[index].temporality == nil { mentions[index].temporality = previous.temporality }
        }
    }

    /// What stands after the last member of a list holds for the members before it that have nothing of the kind.
    private mutating func shareBackward() {
        guard mentions.count > 1 else { return }
        for index in (1..<mentions.count).reversed() {
            let next = mentions[index]
            guard !next.isState, areCoordinated(index - 1, index), next.polarity == mentions[index - 1].polarity else {
                continue
            }
            let isAfter = items[(next.item + 1)...].prefix { $0.clause == items[next.item].clause }
            for item in isAfter where item.role == .modifier {
                let modifier = entry(item)
                if mentions[index - 1].laterality == nil, let side = modifier.laterality, side == next.laterality {
                    mentions[index - 1].laterality = side
                }
                if mentions[index - 1].site < 0, modifier.site >= 0, modifier.site == next.site {
                    mentions[index - 1].site = modifier.site
                }
                if mentions[index - 1].temporality == nil, let temporality = modifier.temporality,
                    temporality == next.temporality
                {
                    mentions[index - 1].temporality = temporality
                }
            }
        }
    }
}
