import Foundation
import VisionLanguage

/// A box in a model's normalised coordinates, 0...1 of its frame, x to the right and y downwards.
struct ModelBox: Sendable, Equatable {
    var x1, y1, x2, y2: Double
}

/// An answer with its boxes taken out; each leaves a mark in the text.
struct BoxedText {
    /// Stands in the text for the box of the same order. It is in no answer: see ``clean(_:)``.
    static let mark: Unicode.Scalar = "\u{E000}"
    /// Stands where a model said that a sentence begins or ends (MAIRA-2's `<obj>`).
    static let breakMark: Unicode.Scalar = "\u{E001}"

    /// Faults of spelling, as against boxes that are none.
    static let malformed = "the box is malformed"
    static let unfinished = "the box is not finished"

    private(set) var text = String.UnicodeScalarView()
    private(set) var boxes: [ModelBox] = []
    private(set) var dropped: [ReadingRecord.Dropped] = []

    private let source: [Unicode.Scalar]
    private var position = 0

    /// Takes the boxes of a family's syntax out of a clean text.
    init(_ text: String, syntax: BoxSyntax?) {
        source = Array(text.unicodeScalars)
        while position < source.count {
            switch (syntax, source[position]) {
            case (.normalizedList, "["): takeList()
            case (.binTokens, "<"): takeTag()
            default: take()
            }
        }
    }

    /// Without what no sentence may hold: control characters other than line feed and tab, the bidirectional controls,
    /// noncharacters, and the private-use area that the marks are of.
    static func clean(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isBreak = scalar == "\n" || scalar == "\t"
            let isForbidden =
                switch scalar.value {
                case 0x202A...0x202E, 0x2066...0x2069, 0xE000...0xF8FF: true
                default:
                    scalar.properties.generalCategory == .control && !isBreak
                        || scalar.properties.isNoncharacterCodePoint
                }
            result.append(isForbidden ? " " : scalar)
        }
        return String(result)
    }

    /// The words of an answer up to its first box, where it begins one; nil where it does not.
    static func beginning(before syntax: BoxSyntax, in answer: String) -> String? {
        let opening = syntax == .normalizedList ? "[" : "<box>"
        return answer.range(of: opening).map { String(answer[..<$0.lowerBound]) }
    }

    private mutating func take() {
        text.append(source[position])
        position += 1
    }

    private mutating func drop(_ range: Range<Int>, _ reason: String) {
        dropped.append(ReadingRecord.Dropped(text: string(range), reason: reason))
    }

    private func string(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: source[range])
        return String(view)
    }

    private mutating func append(_ box: ModelBox) {
        boxes.append(box)
        text.append(Self.mark)
    }

    /// Adds the box, or says why not.
    private mutating func accept(_ numbers: [Double], _ range: Range<Int>) {
        guard numbers.count == 4 else { return drop(range, Self.malformed) }
        guard numbers.allSatisfy({ (0...1).contains($0) }) else { return drop(range, "the box leaves the image") }
        let box = ModelBox(x1: numbers[0], y1: numbers[1], x2: numbers[2], y2: numbers[3])
        guard box.x1 < box.x2, box.y1 < box.y2 else { return drop(range, "the box covers nothing") }
        append(box)
    }

    // MARK: - [x1, y1, x2, y2]

    /// The end of bracketed numbers that begin here; nil when it is other text. An end of the text counts as one.
    private func numbersEnd(from start: Int) -> (end: Int, isClosed: Bool)? {
        guard start < source.count, source[start] == "[" else { return nil }
        var end = start + 1
        var hasDigit = false
        var hasComma = false
        while end < source.count, source[end] != "]" {
            switch source[end] {
            case "0"..."9": hasDigit = true
            case ",": hasComma = true
            case ".", "-", "+", "e", "E", " ", "\n", "\t": break
            default: return nil
            }
            end += 1
        }
        guard hasDigit, hasComma || end == source.count else { return nil }
        return end < source.count ? (end + 1, true) : (end, false)
    }

    private mutating func takeList() {
        guard let (end, isClosed) = numbersEnd(from: position) else { return take() }
        let range = position..<end
        position = end
        guard isClosed else { return drop(range, Self.unfinished) }
        let parts = string(range.lowerBound + 1..<range.upperBound - 1).split(
            separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            Double(part.filter { !$0.isWhitespace }).flatMap { $0.isFinite ? $0 : nil }
        }
        accept(numbers.count == parts.count ? numbers : [], range)
        skipJoiner()
    }

    /// Leaves out `, ` and ` and ` between boxes.
    private mutating func skipJoiner() {
        var next = position
        func skipSpaces() { while next < source.count, source[next].properties.isWhitespace { next += 1 } }
        skipSpaces()
        for joiner in [",", "and", "&", ";"] where source[next...].starts(with: joiner.unicodeScalars) {
            next += joiner.unicodeScalars.count
            skipSpaces()
        }
        if numbersEnd(from: next) != nil { position = next }
    }

    // MARK: - <box><x10><y20><x30><y40></box>

    private func startsTag(_ tag: String, at index: Int) -> Bool {
        index <= source.count && source[index...].starts(with: tag.unicodeScalars)
    }

    private mutating func takeTag() {
        for tag in ["<obj>", "</obj>"] where startsTag(tag, at: position) {
            text.append(Self.breakMark)
            position += tag.unicodeScalars.count
            return
        }
        let start = position
        if startsTag("<box>", at: start) {
            let names: [Unicode.Scalar] = ["x", "y", "x", "y"]
            var next = start + 5
            var bins: [Double] = []
            for name in names {
                guard let (bin, end) = bin(name, at: next) else { break }
                bins.append(bin)
                next = end
            }
            if bins.count == 4, startsTag("</box>", at: next) {
                position = next + 6
                // A bin stands for its middle: the processor that MAIRA-2 was published with has 100 of them.
                accept(bins.map { ($0 + 0.5) / 100 }, start..<position)
            } else {
                position = next
                if startsTag("</box>", at: position) { position += 6 }
                drop(start..<position, Self.malformed)
            }
        } else if startsTag("</box>", at: start) {
            position += 6
            drop(start..<position, "a box ends that did not begin")
        } else if let (_, end) = bin("x", at: start) ?? bin("y", at: start) {
            position = end
            drop(start..<position, "a coordinate stands outside a box")
        } else {
            take()
        }
    }

    private func bin(_ name: Unicode.Scalar, at start: Int) -> (bin: Double, end: Int)? {
        guard startsTag("<", at: start), start + 1 < source.count, source[start + 1] == name else { return nil }
        var end = start + 2
        while end < source.count, ("0"..."9").contains(source[end]), end - start < 6 { end += 1 }
        guard end > start + 2, startsTag(">", at: end), let bin = Int(string(start + 2..<end)), bin < 100 else {
            return nil
        }
        return (Double(bin), end + 1)
    }
}
