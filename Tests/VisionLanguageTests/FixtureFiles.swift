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

    /// One of the pictures that the fixtures were made of.
    static func picture(_ name: String) throws -> ImageBuffer {
        guard let tensor = try tensors("images/images.safetensors")["picture.\(name)"] else {
            throw CheckpointError.missingFile("picture.\(name)")
        }
        return try ImageBuffer(
            width: tensor.shape[1], height: tensor.shape[0], channels: tensor.shape.count == 3 ? tensor.shape[2] : 1,
            samples: tensor.withBytes { Array($0) })
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
