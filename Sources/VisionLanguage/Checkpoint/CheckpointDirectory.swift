import Foundation

/// The tensors of a Hugging Face model directory: one `model.safetensors`, or the shards that
/// `model.safetensors.index.json` names.
public struct CheckpointDirectory: Sendable {
    /// The directory.
    public let url: URL
    /// The safetensors files, in the order of their names.
    public let files: [SafetensorsFile]
    /// Every tensor by its name.
    public let tensors: [String: StoredTensor]
    /// The `__metadata__` of all files together.
    public let metadata: [String: String]

    /// Maps every weight file of a directory.
    ///
    /// - Throws: ``CheckpointError`` naming the file: absent, damaged, or at odds with the index.
    public init(url: URL) throws {
        self.url = url
        let index = url.appendingPathComponent("model.safetensors.index.json")
        let single = url.appendingPathComponent("model.safetensors")
        if FileManager.default.fileExists(atPath: single.path) {
            files = [try SafetensorsFile(url: single)]
        } else if FileManager.default.fileExists(atPath: index.path) {
            files = try Self.shards(index: index)
        } else {
            throw CheckpointError.missingFile(single.path)
        }
        var tensors: [String: StoredTensor] = [:]
        var metadata: [String: String] = [:]
        for file in files {
            for tensor in file.tensors where tensors.updateValue(tensor, forKey: tensor.name) != nil {
                throw CheckpointError.badIndex(
                    file: file.url.path, reason: "\(tensor.name) is in an earlier shard too")
            }
            metadata.merge(file.metadata) { first, _ in first }
        }
        self.tensors = tensors
        self.metadata = metadata
    }

    private static func shards(index: URL) throws -> [SafetensorsFile] {
        struct Index: Decodable {
            var weightMap: [String: String]

            enum CodingKeys: String, CodingKey {
                case weightMap = "weight_map"
            }
        }
        let map = try ConfigurationFile.decode(Index.self, at: index).weightMap
        let directory = index.deletingLastPathComponent()
        let names = Set(map.values).sorted()
        for name in names where name.contains("/") || name.hasPrefix(".") {
            throw CheckpointError.badIndex(file: index.path, reason: "the shard name \(name) leaves the directory")
        }
        let files = try names.map { try SafetensorsFile(url: directory.appendingPathComponent($0)) }
        for (name, file) in zip(names, files) {
            let held = Set(file.tensors.map(\.name))
            for (tensor, shard) in map where shard == name && !held.contains(tensor) {
                throw CheckpointError.badIndex(file: index.path, reason: "\(name) does not hold \(tensor)")
            }
            for tensor in held where map[tensor] != name {
                throw CheckpointError.badIndex(file: index.path, reason: "\(name) holds \(tensor), the index does not")
            }
        }
        return files
    }
}

/// JSON configuration files, with errors that name the file and the key.
enum ConfigurationFile {
    static func decode<Value: Decodable>(_ type: Value.Type, at url: URL) throws -> Value {
        let data = try read(url)
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw CheckpointError.badConfiguration(file: url.path, reason: describe(error))
        }
    }

    /// The file's bytes, or nil where it does not exist.
    static func readIfPresent(_ url: URL) throws -> Data? {
        FileManager.default.fileExists(atPath: url.path) ? try read(url) : nil
    }

    static func read(_ url: URL) throws -> Data {
        guard FileManager.default.fileExists(atPath: url.path) else { throw CheckpointError.missingFile(url.path) }
        do {
            return try Data(contentsOf: url)
        } catch {
            throw CheckpointError.unreadable(file: url.path, reason: "\(error)")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            let parent = path(context)
            return "\(parent.isEmpty ? "" : parent + ".")\(key.stringValue) is missing"
        case .typeMismatch(let type, let context): return "\(path(context)) is not of type \(type)"
        case .valueNotFound(let type, let context): return "\(path(context)) is null, a \(type) is needed"
        case .dataCorrupted(let context):
            return "\(context.debugDescription)\(context.codingPath.isEmpty ? "" : " at " + path(context))"
        @unknown default: return "\(error)"
        }
    }
}
