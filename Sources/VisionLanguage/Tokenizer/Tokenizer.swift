import Foundation

/// Text to token numbers and back, exactly as the model's own tokenizer does it.
///
/// Reads `tokenizer.json` (byte-level BPE, and SentencePiece-type BPE with byte fallback) or, where only that is
/// published, SentencePiece's `tokenizer.model`. Nothing in these files is executed: the regular expressions that they
/// quote are recognised by name and implemented here; an unknown one is an error.
public struct Tokenizer: Sendable {
    let model: BytePairEncoding
    let added: AddedTokens
    let normalizer: Normalizer
    let preTokenizer: PreTokenizer
    let decoder: TokenDecoder?
    let prefix: [Int]
    let suffix: [Int]

    init(
        model: BytePairEncoding, added: [AddedToken], normalizer: Normalizer, preTokenizer: PreTokenizer,
        decoder: TokenDecoder?, prefix: [Int], suffix: [Int]
    ) {
        self.model = model
        self.added = AddedTokens(added, normalizer: normalizer)
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.decoder = decoder
        self.prefix = prefix
        self.suffix = suffix
    }

    /// Loads the tokenizer of a model directory.
    ///
    /// - Throws: ``CheckpointError`` when neither file is there, or when it asks for something unknown.
    public static func load(directory: URL) throws -> Tokenizer {
        let json = directory.appendingPathComponent("tokenizer.json")
        if FileManager.default.fileExists(atPath: json.path) { return try TokenizerFile.load(json) }
        let model = directory.appendingPathComponent("tokenizer.model")
        if FileManager.default.fileExists(atPath: model.path) {
            return try SentencePieceModel.load(model, directory: directory)
        }
        throw CheckpointError.missingFile(json.path)
    }

    /// One more than the greatest token number.
    public var vocabularySize: Int { max(model.tokens.count, (added.byID.keys.max() ?? -1) + 1) }

    /// The token numbers of a text.
    ///
    /// - Parameter addSpecialTokens: whether the beginning (and end) of sequence that the tokenizer prescribes is added.
    public func encode(_ text: String, addSpecialTokens: Bool = true) -> [Int] {
        var ids = addSpecialTokens ? prefix : []
        for piece in added.split(Array(text.unicodeScalars), normalizer: normalizer) {
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let scalars, let isFirst):
                for word in preTokenizer.split(scalars, isFirst: isFirst) { model.encode(word, into: &ids) }
            }
        }
        if addSpecialTokens { ids += suffix }
        return ids
    }

    /// The text of token numbers; numbers outside the vocabulary are left out.
    public func decode(_ ids: [Int], skipSpecialTokens: Bool = true) -> String {
        let tokens = ids.compactMap { id -> String? in
            if let token = added.byID[id] { return skipSpecialTokens && token.special ? nil : token.content }
            return model.tokens.indices.contains(id) ? model.tokens[id] : nil
        }
        guard let decoder else { return tokens.joined(separator: " ") }
        return decoder.decode(tokens).joined()
    }

    /// The number of a token given by its exact spelling in the vocabulary.
    public func id(of token: String) -> Int? {
        added.byID.first { $0.value.content.utf8.elementsEqual(token.utf8) }?.key ?? model.ids[Array(token.utf8)]
    }

    /// The spelling of a token in the vocabulary.
    public func token(of id: Int) -> String? {
        added.byID[id]?.content ?? (model.tokens.indices.contains(id) ? model.tokens[id] : nil)
    }

    /// Whether a token is one that `decode` leaves out.
    public func isSpecial(_ id: Int) -> Bool { added.byID[id]?.special ?? false }
}

/// Decodes a growing sequence of tokens into text as it comes, holding back a character that is not complete.
public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private var ids: [Int] = []
    private var contextStart = 0
    private var readStart = 0

    /// Starts an empty stream.
    public init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
    }

    /// Adds a token and returns the text that it completes.
    ///
    /// The text before it is decoded along with it, because a decoder may treat a first token differently.
    public mutating func append(_ id: Int) -> String {
        ids.append(id)
        return flush(holdingBack: true)
    }

    /// The text still held back, its incomplete characters replaced by U+FFFD.
    public mutating func finish() -> String { flush(holdingBack: false) }

    private mutating func flush(holdingBack: Bool) -> String {
        let before = tokenizer.decode(Array(ids[contextStart..<readStart]))
        let after = tokenizer.decode(Array(ids[contextStart...]))
        if holdingBack, after.unicodeScalars.last == "\u{FFFD}" { return "" }
        guard after.utf8.count > before.utf8.count else { return "" }
        contextStart = readStart
        readStart = ids.count
        return String(decoding: after.utf8.dropFirst(before.utf8.count), as: UTF8.self)
    }
}
