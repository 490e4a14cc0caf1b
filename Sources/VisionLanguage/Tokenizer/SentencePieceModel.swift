import Foundation

/// Reads SentencePiece's `tokenizer.model` (a protocol buffer) of type BPE.
///
/// Source: google/sentencepiece, `sentencepiece_model.proto`. The merge table follows from the scores: a pair may be
/// joined when the joined piece is in the vocabulary, the piece with the greatest score first.
enum SentencePieceModel {
    private enum PieceType: UInt64 {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    private struct Piece {
        var text = ""
        var score: Float = 0
        var type = PieceType.normal
    }

    /// `tokenizer_config.json`, as far as it adds to the model.
    private struct Options: Decodable {
        struct Added: Decodable {
            var content: String
            var special: Bool?
            var lstrip: Bool?
            var rstrip: Bool?
            var singleWord: Bool?

            enum CodingKeys: String, CodingKey {
                case content, special, lstrip, rstrip
                case singleWord = "single_word"
            }
        }
        var addsBeginning: Bool?
        var addsEnd: Bool?
        var added: [String: Added]?

        enum CodingKeys: String, CodingKey {
            case addsBeginning = "add_bos_token"
            case addsEnd = "add_eos_token"
            case added = "added_tokens_decoder"
        }
    }

    static func load(_ url: URL, directory: URL) throws -> Tokenizer {
        func fail(_ reason: String) -> CheckpointError { .badConfiguration(file: url.path, reason: reason) }
        var pieces: [Piece] = []
        var isBPE = false
        var (addsPrefix, removesSpaces, escapesSpaces) = (true, true, true)
        var mapsCharacters = false
        var (beginning, end) = (1, 2)
        var message = ProtocolBuffer(try ConfigurationFile.read(url))
        while let field = try message.next(fail) {
            switch field.number {
            case 1: pieces.append(try piece(field.bytes, fail))
            case 2:
                var trainer = ProtocolBuffer(field.bytes)
                while let option = try trainer.next(fail) {
                    switch option.number {
                    case 3: isBPE = option.value == 2
                    case 41: beginning = Int(truncatingIfNeeded: Int64(bitPattern: option.value))
                    case 42: end = Int(truncatingIfNeeded: Int64(bitPattern: option.value))
                    default: break
                    }
                }
            case 3:
                var normalizer = ProtocolBuffer(field.bytes)
                while let option = try normalizer.next(fail) {
                    switch option.number {
                    case 2: mapsCharacters = !option.bytes.isEmpty
                    case 3: addsPrefix = option.value != 0
                    case 4: removesSpaces = option.value != 0
                    case 5: escapesSpaces = option.value != 0
                    default: break
                    }
                }
            default: break
            }
        }
        guard isBPE else {
            throw CheckpointError.unsupported(what: "a SentencePiece model that is not BPE", file: url.path)
        }
        guard !mapsCharacters, !removesSpaces, escapesSpaces else {
            throw CheckpointError.unsupported(what: "SentencePiece's character normalisation", file: url.path)
        }
        guard !pieces.isEmpty else { throw fail("no pieces") }
        return try tokenizer(
            pieces, addsPrefix: addsPrefix, beginning: beginning, end: end, directory: directory)
    }

    private static func piece(_ bytes: Data, _ fail: (String) -> CheckpointError) throws -> Piece {
        var piece = Piece()
        var message = ProtocolBuffer(bytes)
        while let field = try message.next(fail) {
            switch field.number {
            case 1: piece.text = String(decoding: field.bytes, as: UTF8.self)
            case 2: piece.score = Float(bitPattern: UInt32(truncatingIfNeeded: field.value))
            case 3: piece.type = PieceType(rawValue: field.value) ?? .normal
            default: break
            }
        }
        return piece
    }

    private static func tokenizer(
        _ pieces: [Piece], addsPrefix: Bool, beginning: Int, end: Int, directory: URL
    ) throws -> Tokenizer {
        var ids: [[UInt8]: Int] = [:]
        for (id, piece) in pieces.enumerated() where piece.type != .control && piece.type != .unknown {
            ids[Array(piece.text.utf8)] = id
        }
        var fallback = BytePairEncoding.Fallback()
        fallback.bytes = pieces.contains { $0.type == .byte }
        fallback.unknown = pieces.firstIndex { $0.type == .unknown }
        fallback.fusesUnknown = true
        let model = BytePairEncoding(
            vocabulary: pieces.enumerated().map { ($1.text, $0) }, merges: merges(of: pieces, ids: ids),
            fallback: fallback)

        let file = directory.appendingPathComponent("tokenizer_config.json")
        let options =
            FileManager.default.fileExists(atPath: file.path)
            ? try ConfigurationFile.decode(Options.self, at: file) : Options()
        var added: [Int: AddedToken] = [:]
        for (id, piece) in pieces.enumerated() {
            switch piece.type {
            case .control, .unknown: added[id] = AddedToken(id: id, content: piece.text, special: true)
            case .userDefined: added[id] = AddedToken(id: id, content: piece.text)
            default: break
            }
        }
        let extraFile = directory.appendingPathComponent("added_tokens.json")
        if FileManager.default.fileExists(atPath: extraFile.path) {
            for (content, id) in try ConfigurationFile.decode([String: Int].self, at: extraFile) {
                added[id] = AddedToken(id: id, content: content)
            }
        }
        for (key, token) in options.added ?? [:] {
            guard let id = Int(key) else { continue }
            added[id] = AddedToken(
                id: id, content: token.content, special: token.special ?? false, singleWord: token.singleWord ?? false,
                stripsLeft: token.lstrip ?? false, stripsRight: token.rstrip ?? false)
        }
        let space: [Unicode.Scalar] = ["\u{2581}"]
        let replaceSpaces = Normalizer.replace([" "], with: space)
        var decoders: [TokenDecoder] = [.replace(space, with: [" "]), .byteFallback, .fuse]
        if addsPrefix { decoders.append(.strip(" ", start: 1, stop: 0)) }
        return Tokenizer(
            model: model, added: added.values.sorted { $0.id < $1.id },
            normalizer: addsPrefix ? .sequence([.prepend(space), replaceSpaces]) : replaceSpaces,
            preTokenizer: .none, decoder: .sequence(decoders),
            prefix: options.addsBeginning ?? true ? [beginning] : [],
            suffix: options.addsEnd ?? false ? [end] : [])
    }

    private static func merges(of pieces: [Piece], ids: [[UInt8]: Int]) -> [(Int, Int, Int)] {
        var merges: [(left: Int, right: Int, result: Int)] = []
        for (id, piece) in pieces.enumerated() where piece.type == .normal {
            let scalars = Array(piece.text.unicodeScalars)
            guard scalars.count > 1 else { continue }
            for cut in 1..<scalars.count {
                let left = Array(String(Array(scalars[..<cut])).utf8)
                let right = Array(String(Array(scalars[cut...])).utf8)
                if let left = ids[left], let right = ids[right] { merges.append((left, right, id)) }
            }
        }
        merges.sort {
            (-pieces[$0.result].score, $0.result, $0.left, $0.right)
                < (-pieces[$1.result].score, $1.result, $1.left, $1.right)
        }
        return merges
    }
}

/// The wire format of protocol buffers, as far as a flat reader needs it.
private struct ProtocolBuffer {
    struct Field {
        var number: Int
        var value: UInt64 = 0
        var bytes = Data()
    }

    private let data: Data
    private var position: Int

    init(_ data: Data) {
        self.data = data
        position = data.startIndex
    }

    mutating func next(_ fail: (String) -> CheckpointError) throws -> Field? {
        guard position < data.endIndex else { return nil }
        let tag = try variable(fail)
        var field = Field(number: Int(truncatingIfNeeded: tag >> 3))
        switch tag & 7 {
        case 0: field.value = try variable(fail)
        case 1: field.value = try fixed(8, fail)
        case 5: field.value = try fixed(4, fail)
        case 2:
            let length = try variable(fail)
            guard length <= UInt64(data.endIndex - position) else { throw fail("a field runs past the end") }
            field.bytes = data[position..<position + Int(length)]
            position += Int(length)
        default: throw fail("not a SentencePiece model")
        }
        return field
    }

    private mutating func variable(_ fail: (String) -> CheckpointError) throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard position < data.endIndex else { throw fail("a number runs past the end") }
            let byte = data[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw fail("a number is too long")
    }

    private mutating func fixed(_ count: Int, _ fail: (String) -> CheckpointError) throws -> UInt64 {
        guard data.endIndex - position >= count else { throw fail("a number runs past the end") }
        defer { position += count }
        return (0..<count).reduce(0) { $0 | UInt64(data[position + $1]) << UInt64(8 * $1) }
    }
}
