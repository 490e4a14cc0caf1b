import DICOMNetwork
import Foundation
import Yams

/// Collects mistakes while a configuration is read.
final class MistakeList {
    private(set) var mistakes: [ConfigurationMistake] = []

    func add(_ place: String, _ option: String, _ problem: String) {
        mistakes.append(ConfigurationMistake(place: place, option: option, problem: problem))
    }
}

/// One node of the YAML tree with its option path. Reading a wrong value records a mistake and keeps the default.
struct ConfigurationNode {
    let node: Node
    let option: String
    let mistakes: MistakeList
    /// Option path to where an override came from.
    let overrides: [String: String]

    private var place: String {
        overrides[option] ?? node.mark.map { "line \($0.line)" } ?? "the configuration"
    }

    func mistake(_ problem: String) {
        mistakes.add(place, option, problem)
    }

    /// Reads a mapping: every key has its reader; an unknown key is a mistake that names the nearest known one.
    func read(_ readers: [String: (ConfigurationNode) -> Void]) {
        guard case .mapping(let mapping) = node else {
            if node.null == nil { mistake("must be a block of options") }
            return
        }
        for (keyNode, value) in mapping {
            let key = keyNode.string ?? ""
            let path = option.isEmpty ? key : "\(option).\(key)"
            let child = ConfigurationNode(node: value, option: path, mistakes: mistakes, overrides: overrides)
            guard let reader = readers[key] else {
                let known = readers.keys.sorted()
                let line = keyNode.mark.map { "line \($0.line)" } ?? place
                mistakes.add(
                    overrides[path] ?? line, path, "unknown option; known here: \(known.joined(separator: ", "))")
                continue
            }
            if value.null == nil {
                reader(child)
            }
        }
    }

    /// Reads a list, one value per element.
    func list<Value>(_ element: (ConfigurationNode) -> Value?) -> [Value]? {
        guard case .sequence(let sequence) = node else {
            mistake("must be a list")
            return nil
        }
        return sequence.enumerated().compactMap { index, item in
            element(
                ConfigurationNode(
                    node: item, option: "\(option)[\(index)]", mistakes: mistakes, overrides: overrides))
        }
    }

    /// Reads a scalar through a conversion; `expectation` completes "must be …".
    func scalar<Value>(_ expectation: String, _ convert: (String) -> Value?) -> Value? {
        guard case .scalar(let scalar) = node, let value = convert(scalar.string) else {
            let found: String
            if case .scalar(let scalar) = node { found = ", not '\(scalar.string)'" } else { found = "" }
            mistake("must be \(expectation)\(found)")
            return nil
        }
        return value
    }

    func set<Value>(_ place: inout Value, _ value: Value?) {
        if let value { place = value }
    }
}

// The kinds of values that options have.
extension ConfigurationNode {
    func text() -> String? {
        scalar("a text") { $0.isEmpty ? nil : $0 }
    }

    func boolean() -> Bool? {
        scalar("true or false") { ["true": true, "false": false][$0] }
    }

    func integer<Value: FixedWidthInteger>(_ range: ClosedRange<Value>) -> Value? {
        scalar("a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Value(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func number(_ range: ClosedRange<Double>) -> Double? {
        scalar("a number from \(range.lowerBound) to \(range.upperBound)") { text in
            Double(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// `500ms`, `30s`, `10m`, `2h`, `7d`.
    func duration(_ range: ClosedRange<Duration>) -> Duration? {
        let value = scalar("a duration such as 500ms, 30s, 10m, 2h or 7d", Self.duration)
        guard let value, !range.contains(value) else { return value }
        mistake("must be from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// `512`, `64KiB`, `10MiB`, `2GiB`.
    func bytes(_ range: ClosedRange<UInt64>) -> UInt64? {
        let value = scalar("a size such as 64KiB, 10MiB or 2GiB", Self.bytes)
        guard let value, !range.contains(value) else { return value }
        mistake("must be from \(range.lowerBound) to \(range.upperBound) bytes")
        return nil
    }

    /// 1 to 16 characters without backslash, control characters and outer spaces (PS3.5 6.2).
    func aeTitle(allowingAny: Bool = false) -> String? {
        scalar(allowingAny ? "an AE title of at most 16 characters, or '*'" : "an AE title of at most 16 characters") {
            text in
            let isPlain = text.unicodeScalars.allSatisfy { (0x20...0x7e).contains($0.value) && $0 != "\\" }
            let isTrimmed = text == text.trimmingCharacters(in: .whitespaces)
            return (1...16).contains(text.count) && isPlain && isTrimmed && (allowingAny || text != "*") ? text : nil
        }
    }

    static func duration(_ text: String) -> Duration? {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]
        for (unit, seconds) in units where text.hasSuffix(unit) {
            guard let count = Double(text.dropLast(unit.count)), count >= 0, count.isFinite else { return nil }
            return .milliseconds(Int64((count * seconds * 1000).rounded()))
        }
        return nil
    }

    static func bytes(_ text: String) -> UInt64? {
        let units: [(String, UInt64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)]
        for (unit, size) in units where text.hasSuffix(unit) {
            guard let count = Double(text.dropLast(unit.count)), count >= 0, count < 1e6 else { return nil }
            return UInt64(count * Double(size))
        }
        return UInt64(text)
    }
}
