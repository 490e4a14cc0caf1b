import ChestReading
import DICOM
import Findings
import Foundation
import Radiography
import TestSupport
import VisionLanguage

/// Tiny checkpoints with random weights in every family's real layout (`Tests/VisionLanguageTests/Fixtures`).
enum TinyModel {
    static let names = [
        "gemma3", "llava", "llava-mistral", "llava-old-keys", "llava-rad", "maira2", "onevision", "reference",
    ]

    static func directory(_ name: String) -> URL {
        SharedData.packageRoot.appendingPathComponent("Tests/VisionLanguageTests/Fixtures/models/\(name)")
    }

    static func load(_ name: String, tokens: Int = 40) async throws -> ChestModel {
        try await ChestModel.load(
            directory: directory(name), options: ChestModelOptions(loading: .exact, maximumTokens: tokens))
    }

    /// Random weights babble. With prompts for a language that nobody speaks (`qaa`, reserved by ISO 639-2) the babble is
    /// not refused for naming no finding, so that whole readings come out.
    static func babbling(_ name: String, tokens: Int = 150, maximumBatch: Int = 8) async throws -> ChestModel {
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let prompts = SharedData.packageRoot.appendingPathComponent("Sources/ChestReading/Resources/Prompts")
        for file in try FileManager.default.contentsOfDirectory(at: prompts, includingPropertiesForKeys: nil) {
            var json = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
            json["language"] = "qaa"
            try JSONSerialization.data(withJSONObject: json)
                .write(to: scratch.url.appendingPathComponent(file.lastPathComponent))
        }
        return try await ChestModel.load(
            directory: directory(name),
            options: ChestModelOptions(
                loading: .exact, maximumTokens: tokens, maximumBatch: maximumBatch, promptDirectory: scratch.url))
    }
}

private let defaultImage = Result { try readingImage(SyntheticRadiograph()) }

/// A synthetic chest as the gateway hands it to a model.
func readingImage() throws -> ReadingImage { try defaultImage.get() }

func readingImage(
    _ picture: SyntheticRadiograph, longestSide: Int? = 256
) throws -> ReadingImage {
    let scratch = try ScratchDirectory()
    defer { withExtendedLifetime(scratch) {} }
    let url = try picture.write(named: "image", in: scratch.url)
    return try readingImage(DICOMFile(contentsOf: url), longestSide: longestSide)
}

func readingImage(_ file: DICOMFile, longestSide: Int? = nil) throws -> ReadingImage {
    let assessed = try AssessedRadiograph(file, longestSide: longestSide)
    let dataset = file.dataset
    let source = SourceImage(
        sopClassUID: dataset.text(.sopClassUID) ?? "", sopInstanceUID: dataset.text(.sopInstanceUID) ?? "",
        seriesInstanceUID: dataset.text(.seriesInstanceUID) ?? "", rows: dataset.int(.rows) ?? 0,
        columns: dataset.int(.columns) ?? 0)
    return ReadingImage(
        source: source, radiograph: assessed.radiograph, projection: assessed.suitability.view.projection,
        sha256: String(repeating: "0", count: 64))
}

/// A study with one image, and with a lateral one where wanted.
func readingRequest(
    _ images: [ReadingImage], indication: String? = nil, deadline: Duration? = nil, study: Int = 1
) -> ReadingRequest {
    ReadingRequest(
        studyInstanceUID: "2.25.\(study)", images: images,
        context: ClinicalContext(
            indication: indication, projection: images.first?.projection ?? .unknown, ageBand: "60-69", sex: "F"),
        deadline: deadline)
}

/// A lateral image beside the frontal one.
func lateralImage() throws -> ReadingImage {
    var picture = SyntheticRadiograph()
    picture.viewPosition = "LL"
    picture.sopInstanceUID = "2.25.77"
    return try readingImage(picture)
}

/// Text from a model's queue.
final class Collected: @unchecked Sendable {
    // A lock guards the text.
    private let lock = NSLock()
    private var collected = ""

    var text: String { lock.withLock { collected } }

    func add(_ piece: String) { lock.withLock { collected += piece } }
}
