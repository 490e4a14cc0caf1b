import Foundation
import Tensors

/// Writes a model directory whose linear layers are kept in 8 or 4 bits, so that loading is a memory map.
///
/// Layout: every quantised `X.weight` becomes the packed rows as U8 `[rows, bytes]` under the same name and the blocks'
/// scales as F16 `[rows, blocks]` under `X.weight_scale`; everything else is copied as it is, under canonical names.
/// `config.json` says so in `quantization_config`. Biases, norms, position embeddings, convolutions, the classification
/// head and the VQ decoder keep their precision.
public enum QuantizedCheckpoint {
    /// `quant_method` of such directories.
    static let method = "cxrgate"

    /// What to do with the two halves of the model.
    public struct Formats: Sendable {
        /// The language model's linear layers; embedding and head get 8 bits at least.
        public var language: WeightFormat
        /// The vision encoder's and projector's: 8 bits or more, because grounding suffers first.
        public var vision: WeightFormat

        /// - Throws: ``CheckpointError/unsupported(what:file:)`` for a vision format below 8 bits.
        public init(language: WeightFormat, vision: WeightFormat = .q8) throws {
            guard vision != .q4 else {
                throw CheckpointError.unsupported(what: "a vision encoder below 8 bits", file: "the request")
            }
            self.language = language
            self.vision = vision
        }
    }

    /// Quantises a directory into another one.
    ///
    /// One tensor is in memory at a time beyond the mapped source.
    ///
    /// - Parameter progress: is given the share that is done.
    /// - Throws: ``CheckpointError``; an incomplete target is removed.
    public static func write(
        from source: URL, to target: URL, formats: Formats, progress: (Double) -> Void = { _ in }
    ) throws {
        let header = try ConfigurationFile.decode(ModelHeader.self, at: source.appendingPathComponent("config.json"))
        guard header.quantization == nil else {
            throw CheckpointError.unsupported(what: "quantising a quantised model", file: source.path)
        }
        // Loading checks every tensor against the architecture before anything is written.
        _ = try VisionLanguageModel.load(directory: source)
        let checkpoint = try CheckpointDirectory(url: source)
        let tensors = try CanonicalNames.rename(checkpoint.tensors, file: source.path)
        guard !FileManager.default.fileExists(atPath: target.path) else {
            throw CheckpointError.unreadable(file: target.path, reason: "it exists already")
        }
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
        do {
            try writeTensors(tensors, to: target, formats: formats, progress: progress)
            try copyCompanions(from: source, to: target, formats: formats)
        } catch {
            try? FileManager.default.removeItem(at: target)
            throw error
        }
    }

    private static func writeTensors(
        _ tensors: [String: StoredTensor], to target: URL, formats: Formats, progress: (Double) -> Void
    ) throws {
        let plan = tensors.sorted { $0.key < $1.key }.map { name, tensor in
            (name: name, tensor: tensor, format: format(of: name, tensor, formats))
        }
        var layout: [SafetensorsWriter.Entry] = []
        for (name, tensor, format) in plan {
            guard let format else {
                layout.append(.init(name: name, element: tensor.element, shape: tensor.shape))
                continue
            }
            let (rows, columns) = (tensor.shape[0], tensor.shape[1])
            layout.append(.init(name: name, element: .uint8, shape: [rows, format.bytesPerRow(columns: columns)]))
            layout.append(
                .init(
                    name: name + "_scale", element: .float16, shape: [rows, format.scalesPerRow(columns: columns)]))
        }
        let writer = try SafetensorsWriter(
            url: target.appendingPathComponent("model.safetensors"), layout: layout,
            metadata: ["format": "pt", "quant_method": method])
        let total = plan.reduce(0) { $0 + $1.tensor.range.count }
        var done = 0
        for (_, tensor, format) in plan {
            if let format, let stored = tensor.format {
                let matrix = try WeightMatrix(
                    memory: tensor.memory, offset: tensor.range.lowerBound, format: stored, rows: tensor.shape[0],
                    columns: tensor.shape[1]
                ).converted(to: format)
                try matrix.withValueBytes { try writer.write($0) }
                try matrix.withScaleBytes { try writer.write($0) }
            } else {
                try tensor.withBytes { try writer.write($0) }
            }
            done += tensor.range.count
            progress(Double(done) / Double(max(total, 1)))
        }
        try writer.finish()
    }

    /// The format that a tensor will have; nil for those that are copied.
    private static func format(of name: String, _ tensor: StoredTensor, _ formats: Formats) -> WeightFormat? {
        guard tensor.shape.count == 2, name.hasSuffix(".weight"), tensor.format != nil else { return nil }
        let wanted: WeightFormat
        if name.hasPrefix("language_model.") {
            let isTable = name.hasSuffix("embed_tokens.weight") || name.hasSuffix("lm_head.weight")
            wanted = isTable && formats.language == .q4 ? .q8 : formats.language
        } else if name.hasPrefix("vision_tower.") || name.hasPrefix("multi_modal_projector.") {
            guard !name.contains("position_embedding") else { return nil }
            wanted = formats.vision
        } else {
            return nil
        }
        return wanted.isQuantized ? wanted : nil
    }

    /// Everything but the weights: tokenizer, preprocessor, operating points, card.
    private static func copyCompanions(from source: URL, to target: URL, formats: Formats) throws {
        for file in try FileManager.default.contentsOfDirectory(at: source, includingPropertiesForKeys: nil) {
            let name = file.lastPathComponent
            let isWeights = name.hasSuffix(".safetensors") || name.hasSuffix(".safetensors.index.json")
            // Digests and parity numbers are of the source's weights.
            guard !isWeights, !name.hasPrefix("."), name != ModelManifest.fileName, name != "parity.json",
                try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
            else { continue }
            let destination = target.appendingPathComponent(name)
            if name == "config.json" {
                try writeConfiguration(file, to: destination, formats: formats)
            } else {
                try FileManager.default.copyItem(at: file, to: destination)
            }
        }
    }

    private static func writeConfiguration(_ source: URL, to target: URL, formats: Formats) throws {
        let data = try ConfigurationFile.read(source)
        guard var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw CheckpointError.badConfiguration(file: source.path, reason: "not an object")
        }
        object["quantization_config"] = [
            "quant_method": method, "language": formats.language.rawValue, "vision": formats.vision.rawValue,
            "block_size": WeightFormat.blockSize,
        ]
        let text = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
        try text.write(to: target)
    }
}
