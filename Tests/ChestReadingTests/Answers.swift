import DICOM
import Evaluation
import Findings
import Radiography
import TestSupport

@testable import ChestReading
@testable import VisionLanguage

/// A generation as if a model had written it.
func generation(_ text: String, ending: Generation.Ending = .endOfSequence) -> Generation {
    Generation(text: text, tokens: [], ending: ending, promptTokens: 0, reusedTokens: 0)
}

/// An upright image whose pixels are the model's frame.
func uprightView(rows: Int, columns: Int) throws -> ModelView {
    var picture = SyntheticRadiograph()
    (picture.rows, picture.columns) = (rows, columns)
    let view = ImageGeometry.View(source: columns, rows)
    return ModelView(
        image: try readingImage(picture, longestSide: nil),
        geometry: ImageGeometry(sourceWidth: columns, sourceHeight: rows, views: [view]))
}

/// What our parser makes of a model's answers, on an image of 1000 columns and 500 rows.
struct Parsed {
    var sentences: [ReportSentence]
    var findings: [Finding]
    var dropped: [ReadingRecord.Dropped]
    var reading: Reading

    static let rows = 500
    static let columns = 1000

    init(
        _ answer: String, _ syntax: BoxSyntax? = .normalizedList, ending: Generation.Ending = .endOfSequence,
        decoded: String? = nil, labels: [LabelProbability] = [], points: [OperatingPoints.Point] = []
    ) throws {
        try self.init([(.report, generation(answer, ending: ending))], syntax, decoded, labels, points)
    }

    init(
        _ answers: [(Purpose, Generation)], _ syntax: BoxSyntax? = .normalizedList, _ decoded: String? = nil,
        _ labels: [LabelProbability] = [], _ points: [OperatingPoints.Point] = []
    ) throws {
        let view = try Self.view()
        var builder = ReadingBuilder(
            extractor: Self.extractor, syntax: syntax, view: view, decoded: { decoded ?? $0.text })
        let exchanges = answers.map {
            Exchange(question: Question(purpose: $0, text: "?"), prompt: "?", generation: $1)
        }
        (sentences, findings, dropped) = try builder.build(
            exchanges, head: HeadEvidence(labels: labels, points: OperatingPoints(points)))
        reading = Reading(
            studyInstanceUID: "2.25.1", images: [view.image.source], sentences: sentences, findings: findings,
            model: ModelIdentity(name: "m", version: "1", weightsDigest: "sha256:0", manufacturer: "m"))
    }

    func finding(_ key: String) -> Finding? { findings.first { $0.concept == .term(key) } }

    func reasons(about text: String) -> [String] { dropped.filter { $0.text.contains(text) }.map(\.reason) }

    private static func view() throws -> ModelView { try storedView.get() }
    private static let storedView = Result { try uprightView(rows: rows, columns: columns) }
    static let extractor: FindingExtractor = {
        do { return try FindingExtractor() } catch { preconditionFailure("\(error)") }
    }()
}

extension Region {
    /// A box in fractions of the test image.
    static func fraction(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> Region {
        Region(
            x0: x1 * Double(Parsed.columns), y0: y1 * Double(Parsed.rows), x1: x2 * Double(Parsed.columns),
            y1: y2 * Double(Parsed.rows))
    }

    func isNear(_ other: Region, _ tolerance: Double = 1e-6) -> Bool {
        [x0 - other.x0, y0 - other.y0, x1 - other.x1, y1 - other.y1].allSatisfy { abs($0) <= tolerance }
    }
}
