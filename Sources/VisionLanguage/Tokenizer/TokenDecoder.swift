/// The `decoder` of `tokenizer.json`: tokens back to text.
indirect enum TokenDecoder: Sendable {
    case sequence([TokenDecoder])
    case byteLevel
    case byteFallback
    case fuse
    case replace([Unicode.Scalar], with: [Unicode.Scalar])
    case strip(Unicode.Scalar, start: Int, stop: Int)
    case metaspace(Unicode.Scalar, dropsFirst: Bool)

    init(_ json: JSONDocument, file: String) throws {
        switch json["type"]?.string {
        case "Sequence":
            self = .sequence(try (json["decoders"]?.array ?? []).map { try TokenDecoder($0, file: file) })
        case "ByteLevel": self = .byteLevel
        case "ByteFallback": self = .byteFallback
        case "Fuse": self = .fuse
        case "Replace":
            guard let pattern = json["pattern"]?["String"]?.string, !pattern.isEmpty else {
                throw CheckpointError.unsupported(what: "a decoder that replaces by regular expression", file: file)
            }
            self = .replace(Array(pattern.unicodeScalars), with: Array((json["content"]?.string ?? "").unicodeScalars))
        case "Strip":
            self = .strip(
                json["content"]?.string?.unicodeScalars.first ?? " ", start: json["start"]?.integer ?? 0,
                stop: json["stop"]?.integer ?? 0)
        case "Metaspace":
            let scheme = json["prepend_scheme"]?.string
            let drops = scheme.map { $0 != "never" } ?? json["add_prefix_space"]?.bool ?? true
            self = .metaspace(json["replacement"]?.string?.unicodeScalars.first ?? "\u{2581}", dropsFirst: drops)
        case let type:
            throw CheckpointError.unsupported(what: "the decoder \(type ?? "without type")", file: file)
        }
    }

    func decode(_ tokens: [String]) -> [String] {
        switch self {
        case .sequence(let steps): return steps.reduce(tokens) { $1.decode($0) }
        case .byteLevel: return [Self.bytesOfAlphabet(tokens)]
        case .byteFallback: return Self.joinBytes(tokens)
        case .fuse: return [tokens.joined()]
        case .replace(let pattern, let replacement):
            return tokens.map {
                String(Normalizer.replace(pattern, with: replacement, in: Array($0.unicodeScalars)))
            }
        case .strip(let content, let start, let stop):
            return tokens.map { token in
                var scalars = Array(token.unicodeScalars)[...]
                for _ in 0..<start where scalars.first == content { scalars.removeFirst() }
                for _ in 0..<stop where scalars.last == content { scalars.removeLast() }
                return String(Array(scalars))
            }
        case .metaspace(let replacement, let dropsFirst):
            return tokens.enumerated().map { index, token in
                String(
                    token.unicodeScalars.compactMap { scalar -> Unicode.Scalar? in
                        guard scalar == replacement else { return scalar }
                        return index == 0 && dropsFirst ? nil : " "
                    })
            }
        }
    }

    private static func bytesOfAlphabet(_ tokens: [String]) -> String {
        var bytes: [UInt8] = []
        for token in tokens {
            let mapped = token.unicodeScalars.map { ByteAlphabet.bytes[$0] }
            if mapped.contains(nil) {
                bytes += token.utf8
            } else {
                bytes += mapped.compactMap(\.self)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Runs of `<0xNN>` to text; a run that is not UTF-8 becomes one U+FFFD per byte.
    private static func joinBytes(_ tokens: [String]) -> [String] {
        var result: [String] = []
        var run: [UInt8] = []
        func flush() {
            guard !run.isEmpty else { return }
            if let text = String(validating: run, as: UTF8.self) {
                result.append(text)
            } else {
                result += run.map { _ in "\u{FFFD}" }
            }
            run = []
        }
        for token in tokens {
            let spelling = Array(token.utf8)
            if spelling.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">"),
                let byte = UInt8(String(decoding: spelling[3..<5], as: UTF8.self), radix: 16)
            {
                run.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }
}

extension String {
    init(_ scalars: [Unicode.Scalar]) {
        self = ""
        unicodeScalars.append(contentsOf: scalars)
    }
}
