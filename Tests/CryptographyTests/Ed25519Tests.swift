import Cryptography
import Foundation
import TestSupport
import Testing

/// Vectors: RFC 8032 section 7.1, TEST 2 and TEST 3.
struct Ed25519Tests {
    @Test(arguments: [
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ])
    func signaturesMatchRFC8032(seed: String, publicKey: String, message: String, signature: String) throws {
        let key = try Ed25519.SigningKey(seed: try #require(Hexadecimal.decode(seed)))
        let message = try #require(Hexadecimal.decode(message))
        #expect(Hexadecimal.encode(key.publicKey.rawBytes) == publicKey)
        let made = try key.sign(message)
        #expect(Hexadecimal.encode(made) == signature)
        #expect(key.publicKey.isValid(signature: made, for: message))
    }

    @Test func everyFlippedBitOfASignatureIsRefused() throws {
        let key = try Ed25519.SigningKey.generate()
        let message = Array("the head of the log".utf8)
        let signature = try key.sign(message)
        for bit in 0..<512 {
            var broken = signature
            broken[bit / 8] ^= 1 << (bit % 8)
            #expect(!key.publicKey.isValid(signature: broken, for: message))
        }
        #expect(!key.publicKey.isValid(signature: signature, for: message + [0]))
        #expect(!key.publicKey.isValid(signature: [], for: message))
        #expect(!(try Ed25519.SigningKey.generate().publicKey.isValid(signature: signature, for: message)))
    }

    @Test func aSavedKeyIsClosedToOthersAndComesBack() throws {
        let directory = try ScratchDirectory()
        let file = directory.url.appendingPathComponent("audit.key")
        let key = try Ed25519.SigningKey.generate()
        try key.save(to: file)
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let back = try Ed25519.SigningKey(contentsOf: file)
        #expect(back.publicKey == key.publicKey)
        #expect(throws: CryptographyError.keyExists(path: file.path)) { try key.save(to: file) }

        let publicFile = directory.url.appendingPathComponent("audit.pub")
        try key.publicKey.save(to: publicFile)
        #expect(try Ed25519.PublicKey(contentsOf: publicFile) == key.publicKey)
    }

    @Test func aKeyThatOthersCanReadIsRefused() throws {
        let directory = try ScratchDirectory()
        let file = directory.url.appendingPathComponent("audit.key")
        try Ed25519.SigningKey.generate().save(to: file)
        chmod(file.path, 0o640)
        #expect(throws: CryptographyError.keyReadableByOthers(path: file.path, mode: 0o640)) {
            try Ed25519.SigningKey(contentsOf: file)
        }
    }

    @Test func keysAreReadAndWrittenAsTheOpenSSLToolDoes() throws {
        let directory = try ScratchDirectory()
        let file = directory.url.appendingPathComponent("tool.key")
        try openssl(["genpkey", "-algorithm", "ED25519", "-out", file.path])
        chmod(file.path, 0o600)
        let key = try Ed25519.SigningKey(contentsOf: file)

        let message = directory.url.appendingPathComponent("message")
        let signature = directory.url.appendingPathComponent("signature")
        let publicFile = directory.url.appendingPathComponent("tool.pub")
        try Data("head".utf8).write(to: message)
        try Data(try key.sign(Array("head".utf8))).write(to: signature)
        try key.publicKey.save(to: publicFile)
        try openssl([
            "pkeyutl", "-verify", "-pubin", "-inkey", publicFile.path, "-rawin", "-in", message.path, "-sigfile",
            signature.path,
        ])
    }

    @Test func aKeyOfAnotherKindOrAnEncryptedOneIsRefusedWithoutAsking() throws {
        let directory = try ScratchDirectory()
        for (name, arguments) in [
            ("curve", ["-algorithm", "X25519"]),
            ("locked", ["-algorithm", "ED25519", "-aes256", "-pass", "pass:secret"]),
        ] {
            let file = directory.url.appendingPathComponent(name)
            try openssl(["genpkey", "-out", file.path] + arguments)
            chmod(file.path, 0o600)
            #expect(throws: CryptographyError.self) { try Ed25519.SigningKey(contentsOf: file) }
        }
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " "))")
    }
}
