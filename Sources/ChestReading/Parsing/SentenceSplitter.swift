import Findings
import Foundation

/// Cuts an answer into the sentences of a report.
struct SentenceSplitter {
    /// A sentence; its marks are still in it.
    struct Piece: Equatable {
        var section: ReportSection
        var text: String
        /// Whether a full stop or the like ends it, or a line or a mark does.
        var isWhole: Bool
        /// Whether it is the first of its line, or of what a mark sets apart.
        var beginsLine = true
    }

    private var pieces: [Piece] = []
    private var section = ReportSection.findings

    /// The sentences of a text in which boxes are marked.
    static func pieces(of text: String) -> [Piece] {
        var splitter = SentenceSplitter()
        let parts = text.unicodeScalars.split(separator: BoxedText.breakMark, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let lines = unwrapped(String(part))
            for (number, line) in lines.enumerated() {
                let isLast = index == parts.count - 1 && number == lines.count - 1
                splitter.split(line: plain(line), isEnded: !isLast)
            }
        }
        return splitter.pieces
    }

    /// Lines, where a break before a small letter only wraps.
    private static func unwrapped(_ text: String) -> [String] {
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map({ trimmed($0) }) {
            if let last = lines.last, let end = last.last, !".!?:;".contains(end), line.first?.isLowercase == true {
                lines[lines.count - 1] = last + " " + line
            } else {
                lines.append(line)
            }
        }
        return lines
    }

    /// Without list marks and the emphasis of Markdown.
    private static func plain(_ line: String) -> String {
        var line = line.replacingOccurrences(of: "**", with: "")[...]
        while let first = line.first, "#*-\u{2022}".contains(first) { line = line.dropFirst() }
        line = trimmed(line)[...]
        let digits = line.prefix { $0.isASCII && $0.isNumber }
        let rest = line.dropFirst(digits.count)
        if (1...2).contains(digits.count), let mark = rest.first, ".)".contains(mark), rest.dropFirst().first == " " {
            line = rest.dropFirst(2)
        }
        return trimmed(line)
    }

    private mutating func split(line: String, isEnded: Bool) {
        let characters = Array(line)
        var start = 0
        let count = pieces.count
        defer { for index in pieces.indices.dropFirst(count + 1) { pieces[index].beginsLine = false } }
        for index in characters.indices where isEnd(characters, index) {
            add(characters[start...index], isWhole: true)
            start = index + 1
        }
        if start < characters.count { add(characters[start...], isWhole: isEnded) }
    }

    private func isEnd(_ characters: [Character], _ index: Int) -> Bool {
        guard ".!?".contains(characters[index]) else { return false }
        guard index + 1 < characters.count else { return true }
        guard characters[index + 1].isWhitespace else { return false }
        let word = characters[..<index].reversed().prefix { $0.isLetter || $0 == "." }
        return !Self.abbreviations.contains(String(word.reversed()).lowercased())
    }

    private static let abbreviations: Set<String> = [
        "dr", "vs", "approx", "mr", "mrs", "ms", "e.g", "i.e", "cf", "fig", "p.a", "a.p", "st",
    ]

    private mutating func add(_ characters: ArraySlice<Character>, isWhole: Bool) {
        var text = Self.trimmed(String(characters))
        if let colon = text.firstIndex(of: ":") ?? (Self.sections[text.lowercased()].map { _ in text.endIndex }),
            let next = Self.sections[text[..<colon].lowercased()]
        {
            section = next
            text = colon < text.endIndex ? Self.trimmed(text[text.index(after: colon)...]) : ""
        }
        // Marks of punctuation alone are left over where boxes stood.
        guard text.contains(where: { $0.isLetter || $0.isNumber || $0.unicodeScalars.contains(BoxedText.mark) }) else {
            return
        }
        pieces.append(Piece(section: section, text: text, isWhole: isWhole))
    }

    private static let sections: [String: ReportSection] = [
        "findings": .findings, "finding": .findings, "report": .findings, "impression": .impression,
        "impressions": .impression, "conclusion": .impression, "conclusions": .impression, "summary": .impression,
    ]

    static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
