import COpenSSL
import Foundation

/// Signatures with Ed25519 (RFC 8032).
public enum Ed25519 {
    /// Bytes in a signature.
    public static let signatureByteCount = 64
    /// Bytes in a raw public key, and in the seed of a private one.
    public static let keyByteCount = 32
}

/// Owns one EVP_PKEY.
final class KeyHandle: @unchecked Sendable {
    // Sendable because an EVP_PKEY is never altered after it is made, and libcrypto lets threads share it for signing.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    var isEd25519: Bool { EVP_PKEY_is_a(pointer, "ED25519") == 1 }

    /// The key's text as `write` puts it into a memory BIO.
    func pem(_ write: (OpaquePointer, OpaquePointer) -> Int32) throws(CryptographyError) -> String {
        guard let memory = BIO_new(BIO_s_mem()) else { throw .fromLibrary("make a buffer") }
        defer { BIO_free(memory) }
        guard write(memory, pointer) == 1 else { throw .fromLibrary("write a key as PEM") }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1024)
        while case let count = BIO_read(memory, &piece, Int32(piece.count)), count > 0 {
            text += piece.prefix(Int(count))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Parses PEM with `read`; nil when the text holds no such key.
    static func parse(_ pem: String, _ read: (OpaquePointer) -> OpaquePointer?) -> KeyHandle? {
        let text = Array(pem.utf8)
        guard let memory = BIO_new_mem_buf(text, Int32(text.count)) else { return nil }
        defer { BIO_free(memory) }
        guard let pointer = read(memory) else {
            ERR_clear_error()
            return nil
        }
        let handle = KeyHandle(pointer)
        return handle.isEd25519 ? handle : nil
    }
}

extension Ed25519 {
    /// A key that verifies.
    public struct PublicKey: Sendable, Hashable {
        private let handle: KeyHandle
        /// The 32 bytes of RFC 8032.
        public let rawBytes: [UInt8]

        init(handle: KeyHandle) throws(CryptographyError) {
            var bytes = [UInt8](repeating: 0, count: keyByteCount)
            var count = bytes.count
            guard EVP_PKEY_get_raw_public_key(handle.pointer, &bytes, &count) == 1 else {
                throw .fromLibrary("read a public key")
            }
            self.handle = handle
            rawBytes = bytes
        }

        /// Takes the 32 bytes of RFC 8032.
        public init(rawBytes: [UInt8]) throws(CryptographyError) {
            guard rawBytes.count == keyByteCount else {
                throw .wrongLength(what: "an Ed25519 public key", expected: keyByteCount, found: rawBytes.count)
            }
            guard let key = EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, rawBytes, rawBytes.count) else {
                throw .fromLibrary("read a public key")
            }
            handle = KeyHandle(key)
            self.rawBytes = rawBytes
        }

        /// Reads a SubjectPublicKeyInfo in PEM form.
        public init(contentsOf file: URL) throws(CryptographyError) {
            let text = try PEMFile.read(file)
            guard let handle = KeyHandle.parse(text, { PEM_read_bio_PUBKEY($0, nil, { _, _, _, _ in -1 }, nil) }) else {
                throw .notAKey(path: file.path, expected: "an Ed25519 public key")
            }
            try self.init(handle: handle)
        }

        /// The SHA-256 of the raw key in hexadecimal: the name by which people and checkpoints know the key.
        public var fingerprint: String { SHA256.hash(rawBytes).hex }

        /// The key as SubjectPublicKeyInfo in PEM form.
        public func pem() throws(CryptographyError) -> String {
            try handle.pem { PEM_write_bio_PUBKEY($0, $1) }
        }

        /// Writes ``pem()`` to a new file that everyone may read.
        public func save(to file: URL) throws(CryptographyError) {
            try PEMFile.create(file, text: try pem(), mode: 0o644)
        }

        /// Whether `signature` was made over exactly `message` with this key's private half.
        public func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
            guard signature.count == signatureByteCount, let context = EVP_MD_CTX_new() else { return false }
            defer { EVP_MD_CTX_free(context) }
            defer { ERR_clear_error() }
            guard EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, handle.pointer, nil) == 1 else { return false }
            return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        }

        public static func == (left: PublicKey, right: PublicKey) -> Bool { left.rawBytes == right.rawBytes }

        public func hash(into hasher: inout Hasher) { hasher.combine(rawBytes) }
    }

    /// A key that signs.
    public struct SigningKey: Sendable {
        private let handle: KeyHandle
        /// The half to give to whoever verifies.
        public let publicKey: PublicKey

        private init(handle: KeyHandle) throws(CryptographyError) {
            self.handle = handle
            publicKey = try PublicKey(handle: handle)
        }

        /// Makes a new key.
        public static func generate() throws(CryptographyError) -> SigningKey {
            try SigningKey(seed: SecureRandom.bytes(keyByteCount))
        }

        /// Takes the 32-byte private key of RFC 8032.
        public init(seed: [UInt8]) throws(CryptographyError) {
            guard seed.count == keyByteCount else {
                throw .wrongLength(what: "an Ed25519 private key", expected: keyByteCount, found: seed.count)
            }
            guard let key = EVP_PKEY_new_raw_private_key_ex(nil, "ED25519", nil, seed, seed.count) else {
                throw .fromLibrary("make a signing key")
            }
            try self.init(handle: KeyHandle(key))
        }

        /// Reads an unencrypted PKCS #8 key in PEM form, and refuses one that others than its owner can open.
        public init(contentsOf file: URL) throws(CryptographyError) {
            let text = try PEMFile.readPrivate(file)
            // The callback answers the question for a pass phrase, which would otherwise be asked on the terminal.
            let read = { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil) }
            guard let handle = KeyHandle.parse(text, read) else {
                throw .notAKey(path: file.path, expected: "an unencrypted Ed25519 private key")
            }
            try self.init(handle: handle)
        }

        /// Writes the key as unencrypted PKCS #8 in PEM form to a new file of mode 0600, and syncs it.
        public func save(to file: URL) throws(CryptographyError) {
            let text = try handle.pem { PEM_write_bio_PKCS8PrivateKey($0, $1, nil, nil, 0, nil, nil) }
            try PEMFile.create(file, text: text, mode: 0o600)
        }

        /// The 64-byte signature over `message`.
        public func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
            guard let context = EVP_MD_CTX_new() else { throw .fromLibrary("sign") }
            defer { EVP_MD_CTX_free(context) }
            var signature = [UInt8](repeating: 0, count: signatureByteCount)
            var count = signature.count
            guard EVP_DigestSignInit_ex(context, nil, nil, nil, nil, handle.pointer, nil) == 1,
                EVP_DigestSign(context, &signature, &count, message, message.count) == 1
            else { throw .fromLibrary("sign") }
            return signature
        }
    }
}
