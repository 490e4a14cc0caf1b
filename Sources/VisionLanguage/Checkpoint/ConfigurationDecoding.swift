import Tensors

extension KeyedDecodingContainer {
    /// The value of a key, or what the architecture assumes where the file leaves it out (published files often do).
    func value<Value: Decodable>(_ key: Key, default assumed: Value) throws -> Value {
        try decodeIfPresent(Value.self, forKey: key) ?? assumed
    }

    /// A positive size.
    func size(_ key: Key, default assumed: Int) throws -> Int {
        let value = try value(key, default: assumed)
        guard value > 0, value <= 1 << 24 else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "\(value) is no size")
        }
        return value
    }

    /// A transfer function by the name that Hugging Face gives it.
    func function(_ key: Key, default assumed: String) throws -> ActivationFunction {
        let name = try value(key, default: assumed)
        switch name {
        case "silu", "swish": return .silu
        case "gelu": return .gelu
        case "gelu_pytorch_tanh", "gelu_new": return .geluTanh
        case "quick_gelu": return .quickGELU
        case "relu": return .relu
        default:
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "the transfer function \(name) is not supported")
        }
    }
}

/// One number or several: `vision_feature_layer`, `eos_token_id`.
struct OneOrMany: Decodable, Sendable {
    var values: [Int]

    init(_ values: [Int]) {
        self.values = values
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let one = try? container.decode(Int.self) {
            values = [one]
        } else {
            values = try container.decode([Int].self)
        }
    }
}
