import Foundation

/// What is wrong with a file of prompts or questions.
public enum PromptFault: Error, Equatable, CustomStringConvertible {
    case missing(String)
    case malformed(file: String, reason: String)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .missing(let file): "\(file) is missing."
        case .malformed(let file, let reason): "\(file) cannot be used: \(reason)."
        }
    }
}

/// JSON files of prompts and questions.
enum PromptFile {
    /// A file that the program carries, by its path below `Resources` without `.json`.
    static func shipped(_ path: String) throws -> URL {
        guard let file = Bundle.module.url(forResource: "Resources/\(path)", withExtension: "json") else {
            throw PromptFault.missing("Resources/\(path).json")
        }
        return file
    }

    static func decode<Value: Decodable>(_ type: Value.Type, at file: URL) throws -> Value {
        guard let data = try? Data(contentsOf: file) else { throw PromptFault.missing(file.path) }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw PromptFault.malformed(file: file.path, reason: describe(error))
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "the key \(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            context.codingPath.map(\.stringValue).joined(separator: ".") + " " + context.debugDescription
        @unknown default: "\(error)"
        }
    }
}
