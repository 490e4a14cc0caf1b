import COpenSSL

/// An algorithm as libcrypto knows it, fetched once: `EVP_sha256()` would look the algorithm up again at every use.
struct MessageDigestAlgorithm: @unchecked Sendable {
    // Sendable because a fetched EVP_MD is immutable, reference-counted by libcrypto, and these two live for ever.
    let pointer: OpaquePointer
    let byteCount: Int

    static let sha256 = MessageDigestAlgorithm("SHA2-256")
    static let sha1 = MessageDigestAlgorithm("SHA1")

    private init(_ name: String) {
        guard let pointer = EVP_MD_fetch(nil, name, nil) else {
            preconditionFailure("this build of OpenSSL lacks \(name)")
        }
        self.pointer = pointer
        byteCount = Int(EVP_MD_get_size(pointer))
    }

    func hash(_ bytes: UnsafeRawBufferPointer) -> Digest {
        Digest(
            bytes: [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
                let done = EVP_Digest(bytes.baseAddress, bytes.count, target.baseAddress, nil, pointer, nil)
                precondition(done == 1, "a digest of bytes in memory failed")
                count = byteCount
            })
    }
}

/// SHA-256 (FIPS 180-4), in one call or piece by piece.
///
/// A value hashes one message at a time and can be used again after ``finalize()``; it is not shared between threads.
public final class SHA256 {
    /// Bytes in a SHA-256 value.
    public static let byteCount = 32

    private let context: OpaquePointer

    /// Begins an empty message.
    public init() {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("out of memory") }
        self.context = context
        restart()
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    /// Adds bytes to the message.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(
            EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "a digest of bytes in memory failed")
    }

    /// Adds bytes to the message.
    public func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes(update)
    }

    /// Ends the message, writes its 32-byte hash to `target` and begins an empty one.
    public func finalize(into target: UnsafeMutablePointer<UInt8>) {
        precondition(EVP_DigestFinal_ex(context, target, nil) == 1, "a digest of bytes in memory failed")
        restart()
    }

    /// Ends the message and begins an empty one.
    public func finalize() -> Digest {
        Digest(
            bytes: [UInt8](unsafeUninitializedCapacity: Self.byteCount) { target, count in
                guard let start = target.baseAddress else { return }
                finalize(into: start)
                count = Self.byteCount
            })
    }

    private func restart() {
        precondition(
            EVP_DigestInit_ex2(context, MessageDigestAlgorithm.sha256.pointer, nil) == 1,
            "OpenSSL could not begin a digest")
    }

    /// The hash of bytes in memory.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> Digest {
        MessageDigestAlgorithm.sha256.hash(bytes)
    }

    /// The hash of bytes in memory.
    public static func hash(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes(hash)
    }

    /// The hash of a text's UTF-8 form.
    public static func hash(_ text: String) -> Digest {
        hash(Array(text.utf8))
    }
}

/// SHA-1 (FIPS 180-4). Only for identifiers that a standard derives with it, such as name-based UUIDs (RFC 4122
/// version 5); it protects nothing.
public enum SHA1 {
    /// The 20-byte hash of bytes in memory.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> Digest {
        MessageDigestAlgorithm.sha1.hash(bytes)
    }

    /// The 20-byte hash of bytes in memory.
    public static func hash(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes(hash)
    }
}

/// HMAC with SHA-256 (RFC 2104, RFC 4231).
public enum HMACSHA256 {
    /// The keyed hash of `message` under `key`, of any length.
    public static func authenticate(_ message: [UInt8], key: [UInt8]) -> Digest {
        Digest(
            bytes: [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { target, count in
                // HMAC() takes a null key for "the one from before"; an empty key needs an address too.
                let address: [UInt8] = key.isEmpty ? [0] : key
                let value = HMAC(
                    MessageDigestAlgorithm.sha256.pointer, address, Int32(key.count), message, message.count,
                    target.baseAddress, nil)
                precondition(value != nil, "a keyed hash of bytes in memory failed")
                count = SHA256.byteCount
            })
    }

    /// The keyed hash of a text's UTF-8 form.
    public static func authenticate(_ text: String, key: [UInt8]) -> Digest {
        authenticate(Array(text.utf8), key: key)
    }
}

/// Bytes from the operating system's generator, through libcrypto.
public enum SecureRandom {
    /// `count` unpredictable bytes, fit for keys.
    public static func bytes(_ count: Int) throws(CryptographyError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(count)) == 1 else { throw .fromLibrary("make random bytes") }
        return bytes
    }
}
