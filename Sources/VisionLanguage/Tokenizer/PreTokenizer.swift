/// The `pre_tokenizer` of `tokenizer.json`: cuts the text into words that no merge crosses.
indirect enum PreTokenizer: Sendable {
    enum PrependScheme: String, Sendable {
        case always, first, never
    }

    case none
    case sequence([PreTokenizer])
    case byteLevel(addsPrefixSpace: Bool, splits: Bool)
    case metaspace(replacement: Unicode.Scalar, scheme: PrependScheme, splits: Bool)
    case split(SplitPattern, SplitBehavior)

    init(_ json: JSONDocument?, file: String) throws {
        guard let json else {
            self = .none
            return
        }
        let behavior = try SplitBehavior(json["behavior"]?.string ?? "Isolated", file: file)
        switch json["type"]?.string {
        case "Sequence":
            self = .sequence(try (json["pretokenizers"]?.array ?? []).map { try PreTokenizer($0, file: file) })
        case "ByteLevel":
            self = .byteLevel(
                addsPrefixSpace: json["add_prefix_space"]?.bool ?? true, splits: json["use_regex"]?.bool ?? true)
        case "Metaspace":
            let replacement = json["replacement"]?.string?.unicodeScalars.first ?? "\u{2581}"
            let older: PrependScheme = json["add_prefix_space"]?.bool ?? true ? .always : .never
            let scheme = json["prepend_scheme"]?.string.flatMap(PrependScheme.init) ?? older
            self = .metaspace(replacement: replacement, scheme: scheme, splits: json["split"]?.bool ?? true)
        case "Split":
            guard json["invert"]?.bool != true else {
                throw CheckpointError.unsupported(what: "an inverted Split", file: file)
            }
            self = .split(try SplitPattern(json["pattern"], file: file), behavior)
        case "Digits":
            self = .split(.number, json["individual_digits"]?.bool ?? false ? .isolated : .contiguous)
        case "Punctuation": self = .split(.punctuation, behavior)
        case "WhitespaceSplit": self = .split(.whitespace, .removed)
        case let type:
            throw CheckpointError.unsupported(what: "the pre-tokeniser \(type ?? "without type")", file: file)
        }
    }

    /// The words of a text.
    ///
    /// - Parameter isFirst: whether the text begins the whole input.
    func split(_ text: [Unicode.Scalar], isFirst: Bool) -> [[Unicode.Scalar]] {
        switch self {
        case .none: return [text]
        case .sequence(let steps):
            var words = [text]
            for step in steps {
                words = words.enumerated().flatMap { step.split($0.element, isFirst: isFirst && $0.offset == 0) }
            }
            return words
        case .byteLevel(let addsPrefixSpace, let splits):
            let text = addsPrefixSpace && text.first != " " ? [" "] + text : text
            let words = splits ? SplitPattern.gpt2.apply(.isolated, to: text) : [text]
            return words.map { $0.flatMap { scalar in UTF8.encode(scalar)!.map { ByteAlphabet.scalars[Int($0)] } } }
        case .metaspace(let replacement, let scheme, let splits):
            var text = text.map { $0 == " " ? replacement : $0 }
            if text.first != replacement, scheme == .always || (scheme == .first && isFirst) {
                text.insert(replacement, at: 0)
            }
            return splits ? SplitPattern.literal([replacement]).apply(.mergedWithNext, to: text) : [text]
        case .split(let pattern, let behavior): return pattern.apply(behavior, to: text)
        }
    }
}

/// GPT-2's printable stand-ins for the 256 bytes. Source: openai/gpt-2, `encoder.py`, `bytes_to_unicode`.
enum ByteAlphabet {
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 256
        return (0..<256).map { byte -> Unicode.Scalar in
            switch byte {
            case 33...126, 161...172, 174...255: return Unicode.Scalar(UInt8(byte))
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? "\u{FFFD}"
            }
        }
    }()

    static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
        uniqueKeysWithValues: scalars.enumerated().map { ($1, UInt8($0)) })
}
