import Foundation
import Tensors

/// What a model directory holds, for people.
public struct ModelDescription: Sendable, Codable {
    /// `model_type`.
    public var family: String
    /// Parameters of the language model, and of everything else.
    public var languageParameters: Int
    public var visionParameters: Int
    /// Bytes of all weight files.
    public var weightBytes: Int
    /// Bytes by element type.
    public var bytesByType: [String: Int]
    public var vocabularySize: Int
    public var maximumPositions: Int
    /// Bytes that one position takes in a session, with 16-bit keys and values.
    public var cacheBytesPerPosition: Int
    public var maximumImages: Int
    public var synthesizes: Bool
}

extension VisionLanguageModel {
    /// Describes the directory that the model was loaded from.
    public func description() throws -> ModelDescription {
        let checkpoint = try CheckpointDirectory(url: directory)
        var bytes: [String: Int] = [:]
        var (language, vision, total) = (0, 0, 0)
        for (name, tensor) in try CanonicalNames.rename(checkpoint.tensors, file: directory.path) {
            bytes[tensor.element.rawValue, default: 0] += tensor.range.count
            total += tensor.range.count
            guard !name.hasSuffix(".weight_scale") else { continue }
            let count = parameters(of: tensor, scales: checkpoint.tensors[tensor.name + "_scale"])
            if name.hasPrefix("language_model.") { language += count } else { vision += count }
        }
        return ModelDescription(
            family: family, languageParameters: language, visionParameters: vision, weightBytes: total,
            bytesByType: bytes, vocabularySize: architecture.decoder.vocabularySize,
            maximumPositions: maximumPositions, cacheBytesPerPosition: cacheBytesPerPosition,
            maximumImages: maximumImages, synthesizes: draws)
    }

    /// Packed rows count by their blocks: 32 weights in 32 or 16 bytes (the last block of a row may be padded).
    private func parameters(of tensor: StoredTensor, scales: StoredTensor?) -> Int {
        guard tensor.element == .uint8, let scales else { return tensor.count }
        return scales.count * WeightFormat.blockSize
    }
}
