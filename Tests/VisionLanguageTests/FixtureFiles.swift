import Foundation
import TestSupport

@testable import VisionLanguage

/// The files that `Fixtures/make_fixtures.py` made.
enum Fixture {
    static let root = SharedData.packageRoot.appendingPathComponent("Tests/VisionLanguageTests/Fixtures")

    static func url(_ path: String) -> URL { root.appendingPathComponent(path) }

    static func decode<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: url(path)))
    }

    /// The tensors of a safetensors file by name.
    static func tensors(_ path: String) throws -> [String: StoredTensor] {
        let file = try SafetensorsFile(url: url(path))
        return Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0) })
    }
}

/// The greatest difference of two vectors relative to the greatest magnitude of the expected one.
func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count, !expected.isEmpty else { return .infinity }
    let scale = max(expected.map(abs).max() ?? 0, .leastNormalMagnitude)
    var worst: Float = 0
    for index in expected.indices {
        let difference = abs(found[index] - expected[index])
        worst = difference.isNaN ? .infinity : max(worst, difference)
    }
    return worst / scale
}
