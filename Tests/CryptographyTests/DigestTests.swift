import Cryptography
import Testing

/// Vectors: FIPS 180-4 examples (NIST CSRC), RFC 4231.
struct DigestTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func sha256MatchesTheStandardsExamples(message: String, digest: String) {
        #expect(SHA256.hash(message).hex == digest)
        #expect(Digest(hex: digest.uppercased()) == SHA256.hash(message))
    }

    @Test func sha256OfAMillionLettersInPiecesMatchesTheStandardsExample() {
        let hasher = SHA256()
        for round in 0..<2 {
            for _ in 0..<8000 { hasher.update([UInt8](repeating: UInt8(ascii: "a"), count: 125)) }
            #expect(
                hasher.finalize().hex == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
                "round \(round): a hasher can be used again")
        }
    }

    @Test func sha1MatchesTheStandardsExample() {
        #expect(SHA1.hash(Array("abc".utf8)).hex == "a9993e364706816aba3e25717850c26c9cd0d89d")
    }

    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        ([], "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ])
    func hmacMatchesRFC4231(key: [UInt8], message: String, digest: String) {
        #expect(HMACSHA256.authenticate(message, key: key).hex == digest)
    }

    @Test func hexadecimalRefusesWhatIsNotPairsOfDigits() {
        #expect(Hexadecimal.decode("0aFf") == [0x0a, 0xff])
        #expect(Hexadecimal.decode("0aF") == nil)
        #expect(Hexadecimal.decode("0g") == nil)
        #expect(Hexadecimal.encode([0, 1, 0xfe]) == "0001fe")
    }
}
