import COpenSSL
import Foundation

/// What can go wrong with keys and signatures.
public enum CryptographyError: Error, Equatable, CustomStringConvertible {
    /// libcrypto refused an operation; the reason is its own.
    case library(operation: String, reason: String)
    /// The file is not a PEM key of the expected kind.
    case notAKey(path: String, expected: String)
    /// A private key that others than its owner can read or write.
    case keyReadableByOthers(path: String, mode: Int)
    /// A key is already there; keys are never overwritten.
    case keyExists(path: String)
    /// A file could not be read or written.
    case file(path: String, reason: String)
    /// Bytes of the wrong length for a key or a signature.
    case wrongLength(what: String, expected: Int, found: Int)

    public var description: String {
        switch self {
        case .library(let operation, let reason):
            "OpenSSL could not \(operation): \(reason)"
        case .notAKey(let path, let expected):
            "\(path) is not \(expected) in PEM form"
        case .keyReadableByOthers(let path, let mode):
            "\(path) is open to others than its owner (mode \(String(mode, radix: 8))); run chmod 600 on it, and rotate the key if anyone may have read it"
        case .keyExists(let path):
            "\(path) exists already; a key is never overwritten, choose another path"
        case .file(let path, let reason):
            "\(path): \(reason)"
        case .wrongLength(let what, let expected, let found):
            "\(what) has \(found) bytes, not \(expected)"
        }
    }

    /// The error of a call that libcrypto refused, with the oldest reason in this thread's error queue.
    static func fromLibrary(_ operation: String) -> CryptographyError {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return .library(operation: operation, reason: "no reason given") }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        let reason = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return .library(operation: operation, reason: reason)
    }
}
