import Findings
import Testing

@testable import ChestReading
@testable import VisionLanguage

/// SplitMix64.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite struct PropertyTests {
    private static let pieces = [
        "There is a ", "no ", "pleural effusion", "pneumothorax", "nodule", "cardiomegaly", " right", " left ", ". ",
        ".",
        ", ", "; ", "\n", "\n\n", ": ", "Findings:", "IMPRESSION:", "Indication: ", "[", "]", "[0.1, 0.2, 0.3, 0.4]",
        "[0.5, 0.5, 0.5, 0.9]", "[9, 9, 9, 9]", "[0.1, ", "0.", "1", " and ", "<obj>", "</obj>", "<box>", "</box>",
        "<x10>", "<y20>", "<x99>", "<y100>", "<box><x10><y20><x30><y40></box>", "<", ">", "**", "- ", "1. ", "#",
        "possible ", "the lungs are clear", "No acute abnormality", "\u{202E}", "\u{0}", "\u{E000}", "\u{E001}",
        "\u{FFFF}", "é", "肺", "\u{1F1E9}\u{1F1EA}", "e\u{301}", "\r\n", "\t", "at the coordinates ", "e.g. ", "(", ")",
    ]

    private func text(_ random: inout Seeded) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...60, using: &random) {
            if Int.random(in: 0..<8, using: &random) == 0,
                let scalar = Unicode.Scalar(UInt32.random(in: 0...0x2FFFF, using: &random))
            {
                text.unicodeScalars.append(scalar)
            } else {
                text += Self.pieces.randomElement(using: &random) ?? ""
            }
        }
        return text
    }

    @Test func whateverAModelWritesMakesASoundReadingOrAReason() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = Seeded(state: seed)
        let names = ["Effusion", "Nodule", "No Finding", "Pneumoperitoneum", "Unheard of", "Hernia", "Lung Opacity"]
        let endings: [Generation.Ending] = [.endOfSequence, .maximumTokens, .repetition, .stopString]
        let syntaxes: [BoxSyntax?] = [.normalizedList, .binTokens, nil]
        var readings = 0
        for _ in 0..<1500 {
            let purposes: [Purpose] = [.report, .list, .region(of: "pleural_effusion"), .region(of: "nodule")]
            let answers = purposes.prefix(Int.random(in: 1...4, using: &random)).map { purpose in
                (purpose, generation(text(&random), ending: endings.randomElement(using: &random) ?? .endOfSequence))
            }
            let labels = names.map {
                LabelProbability(
                    name: $0, probability: .random(in: -0.1...1.1, using: &random),
                    evidence: Bool.random(using: &random) ? "real" : "phantom")
            }
            let points = names.map {
                OperatingPoints.Point(name: $0, threshold: 0.5, validation: .init(auroc: 0.9, positives: 20))
            }
            do {
                let parsed = try Parsed(
                    Array(answers), syntaxes.randomElement(using: &random) ?? nil, nil, labels, points)
                let faults = parsed.reading.validate(against: .standard)
                #expect(faults.isEmpty, "seed \(seed): \(faults), \(answers.map(\.1.text))")
                readings += 1
            } catch is ReadingError {}
        }
        #expect(readings > 500)
    }

    @Test func aRunawayAnswerStaysWithinWhatAReadingHolds() throws {
        var text = ""
        for index in 0..<4000 {
            text += "Nodule \(index) in the \(index % 2 == 0 ? "right" : "left") lung "
            text += "[0.1, 0.1, \(Double(index % 800 + 150) / 1000), 0.9]. "
        }
        text += String(repeating: "endless ", count: 3000) + "."
        let parsed = try Parsed(text)
        #expect(parsed.reading.validate(against: .standard).isEmpty)
        #expect(parsed.dropped.contains { $0.reason == "there are more sentences than a report can hold" })
    }
}
