import Findings
import Foundation
import VisionLanguage

/// A sentence of an answer with its boxes.
struct ParsedSentence: Equatable {
    /// A box, and where it stood in the sentence's text.
    struct PlacedBox: Equatable {
        var box: ModelBox
        /// UTF-8 bytes from the sentence's start.
        var offset: Int
    }

    var section: ReportSection
    /// For people: boxes removed.
    var text: String
    var boxes: [PlacedBox]
    /// Whether a new paragraph of the answer begins here.
    var beginsLine = true
}

/// An answer cut into sentences.
struct ParsedAnswer {
    var sentences: [ParsedSentence] = []
    var dropped: [ReadingRecord.Dropped] = []
    /// The whole answer for people, with its own line breaks.
    var text = ""

    /// Parses a generation; nothing in it is guessed.
    ///
    /// - Parameters:
    ///   - beginning: words that the answer was made to begin with.
    ///   - decoded: all of the generated text, repetitions included.
    ///   - keepsUnfinished: whether a sentence that was cut off stays.
    init(
        _ generation: Generation, beginning: String = "", decoded: String, syntax: BoxSyntax?,
        keepsUnfinished: Bool = false
    ) {
        let isCut = [.maximumTokens, .contextFull, .repetition].contains(generation.ending)
        self.init(beginning + generation.text, syntax: syntax, isCut: isCut && !keepsUnfinished)
        if generation.ending == .repetition {
            let rest = decoded.hasPrefix(generation.text) ? decoded.dropFirst(generation.text.count) : decoded[...]
            drop(String(rest), "the model repeated itself")
        }
    }

    /// - Parameter isCut: whether the answer ended before the model had ended it.
    init(_ answer: String, syntax: BoxSyntax?, isCut: Bool = false) {
        let boxed = BoxedText(BoxedText.clean(answer), syntax: syntax)
        dropped = boxed.dropped
        text = Self.withoutMarks(String(boxed.text)).text
        var pieces = SentenceSplitter.pieces(of: String(boxed.text))
        var boxes = boxed.boxes[...]
        if isCut, let last = pieces.last, !last.isWhole {
            pieces.removeLast()
            drop(Self.withoutMarks(last.text).text, "the sentence was not finished")
        }
        for piece in pieces {
            let (text, offsets) = Self.withoutMarks(piece.text)
            let placed = zip(boxes, offsets).map { ParsedSentence.PlacedBox(box: $0, offset: $1) }
            boxes = boxes.dropFirst(offsets.count)
            add(
                ParsedSentence(section: piece.section, text: text, boxes: placed, beginsLine: piece.beginsLine))
        }
    }

    private mutating func add(_ sentence: ParsedSentence) {
        guard sentence.text.contains(where: { $0.isLetter || $0.isNumber }) else {
            for _ in sentence.boxes { drop(sentence.text, "a box stands without a sentence") }
            return
        }
        guard sentence.text.unicodeScalars.count <= Reading.Limits.sentence else {
            return drop(String(sentence.text.prefix(200)), "the sentence is longer than a report can hold")
        }
        guard sentences.count < Reading.Limits.sentences / 2 else {
            return drop(sentence.text, "there are more sentences than a report can hold")
        }
        let isKnown = sentences.contains {
            $0.section == sentence.section && $0.text.lowercased() == sentence.text.lowercased()
                && $0.boxes.map(\.box) == sentence.boxes.map(\.box)
        }
        guard !isKnown else { return drop(sentence.text, "the sentence stands twice") }
        sentences.append(sentence)
    }

    private mutating func drop(_ text: String, _ reason: String) {
        dropped.append(ReadingRecord.Dropped(text: text, reason: reason))
    }

    /// The text that people read, and where its boxes stood.
    ///
    /// `at the coordinates` goes with the boxes that it announces; a space before a mark of punctuation goes too.
    private static func withoutMarks(_ text: String) -> (text: String, offsets: [Int]) {
        var result = ""
        var offsets: [Int] = []
        for scalar in text.unicodeScalars {
            if scalar == BoxedText.mark {
                if result.hasSuffix(" at the coordinates ") { result.removeLast(" at the coordinates ".count) }
                while result.last == " " { result.removeLast() }
                offsets.append(result.utf8.count)
            } else if scalar == BoxedText.breakMark {
                if !result.isEmpty, result.last?.isWhitespace == false { result += " " }
            } else {
                let closes = ".,;:".unicodeScalars.contains(scalar) && offsets.last == result.utf8.count
                if !closes, offsets.last == result.utf8.count, !scalar.properties.isWhitespace, !result.isEmpty {
                    result += " "
                }
                result.unicodeScalars.append(scalar)
            }
        }
        return (SentenceSplitter.trimmed(result), offsets)
    }
}
