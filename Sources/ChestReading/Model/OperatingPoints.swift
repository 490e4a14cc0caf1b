import Findings
import Foundation
import VisionLanguage

/// `operating_points.json` of a checkpoint with a classification head: from which probability on a label counts as
/// positive, and what that was worth on validation data.
struct OperatingPoints: Sendable {
    struct Point: Sendable, Decodable {
        struct Validation: Sendable, Decodable {
            /// Area under the ROC curve; nil where validation lacks a class.
            var auroc: Double?
            /// Images with the label.
            var positives: Int?
            var sensitivity: Double?
            var specificity: Double?
        }

        var name: String
        var threshold: Double
        var validation: Validation?
    }

    let points: [String: Point]

    init(_ points: [Point] = []) {
        self.points = Dictionary(points.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Reads the file; no points where there is none.
    ///
    /// - Throws: ``PromptFault/malformed(file:reason:)``.
    static func load(directory: URL) throws -> OperatingPoints {
        let file = directory.appendingPathComponent("operating_points.json")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return OperatingPoints() }
        // Python writes NaN for what could not be measured, which is no JSON.
        let plain = text.replacing(/:\s*(-?Infinity|NaN)/, with: ": null")
        do {
            return OperatingPoints(try JSONDecoder().decode([Point].self, from: Data(plain.utf8)))
        } catch {
            throw PromptFault.malformed(file: file.path, reason: "\(error)")
        }
    }
}
