import Evaluation
import Foundation
import VisionLanguage

/// How a family of models is asked for a reading. A new family is one such type, one file of prompts and one line in
/// ``DriverRegistry``.
protocol FamilyDriver: Sendable {
    /// `model_type` of the checkpoints.
    static var family: String { get }
    /// Whether the checkpoints carry a classification head.
    static var hasClassificationHead: Bool { get }

    init(prompts: PromptSet)

    var prompts: PromptSet { get }
    /// The most images of a study that the family's prompts place.
    var maximumImages: Int { get }

    /// The images of a study that the family looks at; the first is the one that boxes refer to.
    func selection(of images: [ReadingImage]) -> [ReadingImage]

    /// The next question of a reading, or nil when nothing is left to ask.
    ///
    /// - Parameter exchanges: what was asked and answered so far, in one conversation about the same images.
    func question(after exchanges: [Exchange], context: PromptContext) -> Question?
}

extension FamilyDriver {
    static var hasClassificationHead: Bool { false }
    var maximumImages: Int { 1 }

    func selection(of images: [ReadingImage]) -> [ReadingImage] { Array(images.prefix(1)) }

    /// One question: the grounded report where the family has one, else the report.
    func question(after exchanges: [Exchange], context: PromptContext) -> Question? {
        guard exchanges.isEmpty else { return nil }
        return context.question(.report, prompts.groundedReport ?? prompts.report)
    }
}

/// The families that can be read with, by `model_type`.
enum DriverRegistry {
    static let drivers: [any FamilyDriver.Type] = [
        RadVLMDriver.self,
        LlavaRadDriver.self,
        LlavaDriver.self,
        Maira2Driver.self,
        MedGemmaDriver.self,
        ReferenceDriver.self,
    ]

    static func driver(of family: String) -> (any FamilyDriver.Type)? { drivers.first { $0.family == family } }
}

/// What a question is for.
enum Purpose: Sendable, Equatable {
    /// Sentences, with boxes where the family writes them.
    case report
    /// The names of what is abnormal.
    case list
    /// The boxes of one finding, by its key.
    case region(of: String)
}

/// A question of a reading.
struct Question: Sendable, Equatable {
    var purpose: Purpose
    var text: String
}

/// A question and its answer.
struct Exchange: Sendable {
    var question: Question
    /// The prompt as the model got it.
    var prompt: String
    var generation: Generation
}

/// What a family's prompts can be filled with.
struct PromptContext: Sendable {
    var values: [String: String]
    var images: Int
    /// Tells what an answer names.
    var extractor: FindingExtractor

    /// - Parameter images: those that are looked at.
    init(_ context: ClinicalContext, images: [ReadingImage], extractor: FindingExtractor) {
        self.images = images.count
        self.extractor = extractor
        var values: [String: String] = [:]
        for (name, text) in [
            ("indication", context.indication), ("history", context.history), ("diagnoses", context.diagnoses),
        ] {
            guard let text else { continue }
            let line = Self.safe(text)
            // The wording sets its own full stop.
            let trimmed = line.hasSuffix(".") ? String(line.dropLast()) : line
            if !trimmed.isEmpty { values[name] = trimmed }
        }
        values["age"] = context.ageBand
        values["sex"] = context.sex.flatMap { ["M": "male", "F": "female"][$0] }
        let hasLateral = images.dropFirst().contains { $0.projection == .lateral }
        let view: String? =
            switch context.projection {
            case .posteroAnterior: "PA"
            case .anteroPosterior: "AP"
            case .frontal: "frontal"
            case .lateral: "lateral"
            case .other, .unknown: nil
            }
        values["view"] = view
        values["technique"] = view.map {
            hasLateral ? "\($0) and lateral views of the chest." : "\($0) view of the chest."
        }
        self.values = values
    }

    /// Text of others on one line and without the marker that places images.
    static func safe(_ text: String) -> String {
        plainLine(text.replacingOccurrences(of: ChatTemplate.imageMarker, with: " "))
    }

    /// The first wording that can be filled, as a question.
    func question(_ purpose: Purpose, _ wordings: [String]?, _ more: [String: String] = [:]) -> Question? {
        let values = values.merging(more.mapValues(Self.safe)) { _, new in new }
        return PromptTemplate.first(of: wordings, values, images: images).map { Question(purpose: purpose, text: $0) }
    }
}
