import Foundation

/// Reads Hugging Face's `tokenizer.json`.
enum TokenizerFile {
    static func load(_ url: URL) throws -> Tokenizer {
        let memory = try MappedFile.map(url)
        let json: JSONDocument
        do {
            json = try memory.withBytes(at: 0, count: memory.byteCount) {
                try JSONDocument.parse($0, uniqueNames: false)
            }
        } catch {
            throw CheckpointError.badConfiguration(file: url.path, reason: "\(error)")
        }
        return try tokenizer(json, file: url.path)
    }

    static func tokenizer(_ json: JSONDocument, file: String) throws -> Tokenizer {
        guard let model = json["model"] else {
            throw CheckpointError.badConfiguration(file: file, reason: "model is missing")
        }
        let added = try (json["added_tokens"]?.array ?? []).map { token -> AddedToken in
            guard let id = token["id"]?.integer, id >= 0, id < maximumID, let content = token["content"]?.string else {
                throw CheckpointError.badConfiguration(file: file, reason: "an added token lacks id or content")
            }
            return AddedToken(
                id: id, content: content, special: token["special"]?.bool ?? false,
                normalized: token["normalized"]?.bool ?? false, singleWord: token["single_word"]?.bool ?? false,
                stripsLeft: token["lstrip"]?.bool ?? false, stripsRight: token["rstrip"]?.bool ?? false)
        }
        var prefix: [Int] = []
        var suffix: [Int] = []
        try readPostProcessor(json["post_processor"], file: file, prefix: &prefix, suffix: &suffix)
        return Tokenizer(
            model: try bytePairEncoding(model, file: file), added: added,
            normalizer: try Normalizer(json["normalizer"], file: file),
            preTokenizer: try PreTokenizer(json["pre_tokenizer"], file: file),
            decoder: try json["decoder"].map { try TokenDecoder($0, file: file) }, prefix: prefix, suffix: suffix)
    }

    private static let maximumID = 1 << 24

    private static func bytePairEncoding(_ json: JSONDocument, file: String) throws -> BytePairEncoding {
        func fail(_ reason: String) -> CheckpointError { .badConfiguration(file: file, reason: reason) }
        guard let members = json["vocab"]?.members, let mergeList = json["merges"]?.array else {
            throw CheckpointError.unsupported(what: "the model \(json["type"]?.string ?? "without merges")", file: file)
        }
        for option in ["continuing_subword_prefix", "end_of_word_suffix"] {
            guard (json[option]?.string ?? "").isEmpty else {
                throw CheckpointError.unsupported(what: option, file: file)
            }
        }
        var ids: [[UInt8]: Int] = [:]
        ids.reserveCapacity(members.count)
        let vocabulary = try members.map { name, value -> (String, Int) in
            guard let id = value.integer, id >= 0, id < maximumID else { throw fail("token \(name) has no number") }
            ids[Array(name.utf8)] = id
            return (name, id)
        }
        let merges = try mergeList.map { entry -> (Int, Int, Int) in
            let parts: [[UInt8]]
            if let pair = entry.array {
                parts = pair.map { Array(($0.string ?? "").utf8) }
            } else {
                parts = Array(entry.string?.utf8 ?? "".utf8).split(separator: UInt8(ascii: " ")).map(Array.init)
            }
            guard parts.count == 2, let left = ids[parts[0]], let right = ids[parts[1]],
                let result = ids[parts[0] + parts[1]]
            else {
                let text = parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
                throw fail("the merge \"\(text)\" uses a token outside the vocabulary")
            }
            return (left, right, result)
        }
        var fallback = BytePairEncoding.Fallback()
        fallback.bytes = json["byte_fallback"]?.bool ?? false
        fallback.fusesUnknown = json["fuse_unk"]?.bool ?? false
        fallback.ignoresMerges = json["ignore_merges"]?.bool ?? false
        fallback.unknown = json["unk_token"]?.string.flatMap { ids[Array($0.utf8)] }
        return BytePairEncoding(vocabulary: vocabulary, merges: merges, fallback: fallback)
    }

    private static func readPostProcessor(
        _ json: JSONDocument?, file: String, prefix: inout [Int], suffix: inout [Int]
    ) throws {
        guard let json else { return }
        switch json["type"]?.string {
        case "ByteLevel": return
        case "Sequence":
            for step in json["processors"]?.array ?? [] {
                try readPostProcessor(step, file: file, prefix: &prefix, suffix: &suffix)
            }
        case "TemplateProcessing":
            var before = true
            for item in json["single"]?.array ?? [] {
                if item["Sequence"] != nil {
                    before = false
                } else if let name = item["SpecialToken"]?["id"]?.string {
                    let ids = (json["special_tokens"]?[name]?["ids"]?.array ?? []).compactMap(\.integer)
                    if before { prefix += ids } else { suffix += ids }
                }
            }
        case let type:
            throw CheckpointError.unsupported(what: "the post-processor \(type ?? "without type")", file: file)
        }
    }
}
