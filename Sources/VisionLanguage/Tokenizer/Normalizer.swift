import Foundation

/// The `normalizer` of `tokenizer.json`.
indirect enum Normalizer: Sendable {
    case none
    case sequence([Normalizer])
    case prepend([Unicode.Scalar])
    case replace([Unicode.Scalar], with: [Unicode.Scalar])
    case canonicalComposition
    case canonicalDecomposition
    case compatibilityComposition
    case compatibilityDecomposition
    case lowercase
    case strip(left: Bool, right: Bool)

    init(_ json: JSONDocument?, file: String) throws {
        guard let json else {
            self = .none
            return
        }
        switch json["type"]?.string {
        case "Sequence":
            self = .sequence(try (json["normalizers"]?.array ?? []).map { try Normalizer($0, file: file) })
        case "Prepend": self = .prepend(Array((json["prepend"]?.string ?? "").unicodeScalars))
        case "Replace":
            guard let pattern = json["pattern"]?["String"]?.string, !pattern.isEmpty else {
                throw CheckpointError.unsupported(what: "a normaliser that replaces by regular expression", file: file)
            }
            self = .replace(Array(pattern.unicodeScalars), with: Array((json["content"]?.string ?? "").unicodeScalars))
        case "NFC": self = .canonicalComposition
        case "NFD": self = .canonicalDecomposition
        case "NFKC": self = .compatibilityComposition
        case "NFKD": self = .compatibilityDecomposition
        case "Lowercase": self = .lowercase
        case "Strip":
            self = .strip(left: json["strip_left"]?.bool ?? true, right: json["strip_right"]?.bool ?? true)
        case let type:
            throw CheckpointError.unsupported(what: "the normaliser \(type ?? "without type")", file: file)
        }
    }

    func normalize(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        func mapped(_ transform: (String) -> String) -> [Unicode.Scalar] {
            var string = ""
            string.unicodeScalars.append(contentsOf: text)
            return Array(transform(string).unicodeScalars)
        }
        switch self {
        case .none: return text
        case .sequence(let steps): return steps.reduce(text) { $1.normalize($0) }
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let replacement): return Self.replace(pattern, with: replacement, in: text)
        case .canonicalComposition: return mapped(\.precomposedStringWithCanonicalMapping)
        case .canonicalDecomposition: return mapped(\.decomposedStringWithCanonicalMapping)
        case .compatibilityComposition: return mapped(\.precomposedStringWithCompatibilityMapping)
        case .compatibilityDecomposition: return mapped(\.decomposedStringWithCompatibilityMapping)
        case .lowercase: return text.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
        case .strip(let left, let right):
            var range = text[...]
            if left { range = range.drop { $0.properties.isWhitespace } }
            while right, let last = range.last, last.properties.isWhitespace { range.removeLast() }
            return Array(range)
        }
    }

    static func replace(
        _ pattern: [Unicode.Scalar], with replacement: [Unicode.Scalar], in text: [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            if position + pattern.count <= text.count, text[position..<position + pattern.count].elementsEqual(pattern)
            {
                result += replacement
                position += pattern.count
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }
}
