import ArgumentParser
import Audit
import Cryptography
import Foundation
import GRDB

struct AuditVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check that the log is what the gateway wrote, and name what is not.")

    @OptionGroup var options: AuditOptions
    @Option(name: .customLong("key"), help: "A public key known to be the site's; may be given several times.")
    var keys: [String] = []
    @Option(name: .customLong("head"), help: "A head exported earlier; may be given several times.")
    var heads: [String] = []
    @Option(
        name: .customLong("witness"),
        help:
            "A record's hash that someone else kept, as NUMBER:SHA256 (an audit repository has both in every message).")
    var witnesses: [String] = []
    @Option(help: "The directory of sealed segments, to read them too.")
    var segments: String?
    @Flag(help: "Have SQLite compare its indexes with the records.")
    var indexes = false
    @Option(help: "table or json.")
    var format = OutputFormat.table

    func run() throws {
        let verifier = AuditVerifier(
            trustedKeys: try keys.map { try Ed25519.PublicKey(contentsOf: URL(fileURLWithPath: $0)) },
            exportedHeads: try heads.map { try HeadStatement(contentsOf: URL(fileURLWithPath: $0)) },
            witnesses: try witnesses.map { try Self.witness($0) },
            segmentDirectory: segments.map { URL(fileURLWithPath: $0) }, checksIndexes: indexes)
        let showsProgress = isatty(STDERR_FILENO) == 1
        let report = try options.reader().verify(verifier) { sequence in
            if showsProgress { FileHandle.standardError.write(Data("\rrecord \(sequence)".utf8)) }
        }
        if showsProgress, report.recordCount >= 100_000 { note("") }
        print(format == .json || format == .jsonl ? try json(report) : text(report), terminator: "")
        if !report.isSound { throw ExitCode(1) }
    }

    private static func witness(_ text: String) throws -> ChainPosition {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let sequence = Int64(parts[0]), let hash = Digest(hex: parts[1]),
            hash.bytes.count == SHA256.byteCount
        else { throw ValidationError("--witness \(text) is not NUMBER:SHA256.") }
        return ChainPosition(sequence: sequence, hash: hash)
    }

    private func text(_ report: VerificationReport) -> String {
        var lines = ["Log          \(report.log)", "Records      \(report.recordCount) checked"]
        if let head = report.head { lines.append("Head         record \(head.sequence), \(head.hash.hex)") }
        let unseen = report.checkpointsOutOfSight
        lines.append(
            "Checkpoints  \(report.checkpointCount) checked"
                + (unseen > 0 ? ", \(unseen) in segments not read" : ""))
        if report.segmentCount > 0 {
            lines.append("Segments     \(report.segmentCount) sealed, \(report.segmentFilesRead) files read")
        }
        if report.exportedHeadCount > 0 { lines.append("Heads given  \(report.exportedHeadCount) agree") }
        if report.witnessCount > 0 { lines.append("Witnesses    \(report.witnessCount) compared") }
        if let key = report.presentKey { lines.append("Key          \(key)") }
        if keys.isEmpty {
            lines.append("             (not compared with a key of yours: give --key FILE to be sure whose it is)")
        }
        lines.append(report.isSound ? "SOUND        nothing is wrong" : "NOT SOUND")
        lines += report.faults.map { "  \($0.sort.rawValue): \(TerminalText.line($0.message))" }
        return lines.joined(separator: "\n") + "\n"
    }

    private struct Document: Encodable {
        struct Fault: Encodable {
            let sort: String
            let sequence: Int64?
            let message: String
        }
        let log: String
        let sound: Bool
        let records: Int64
        let headSequence: Int64?
        let headHash: String?
        let checkpoints: Int
        let checkpointsOutOfSight: Int
        let segments: Int
        let segmentFilesRead: Int
        let exportedHeads: Int
        let presentKey: String?
        let anchoredInTrustedKey: Bool
        let faults: [Fault]
    }

    private func json(_ report: VerificationReport) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let document = Document(
            log: report.log, sound: report.isSound, records: report.recordCount, headSequence: report.head?.sequence,
            headHash: report.head?.hash.hex, checkpoints: report.checkpointCount,
            checkpointsOutOfSight: report.checkpointsOutOfSight, segments: report.segmentCount,
            segmentFilesRead: report.segmentFilesRead, exportedHeads: report.exportedHeadCount,
            presentKey: report.presentKey, anchoredInTrustedKey: report.isAnchoredInTrustedKey,
            faults: report.faults.map { .init(sort: $0.sort.rawValue, sequence: $0.sequence, message: $0.message) })
        return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    }
}

struct AuditHeadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "head",
        abstract: "Give out the last signed head, to be kept where nobody can alter it together with the log.")

    @OptionGroup var options: AuditOptions
    @Option(help: "Sign the present head first, with this private key.")
    var signingKey: String?
    @Option(help: "Write it to this file instead of the standard output.")
    var output: String?

    func run() throws {
        let pool = try options.open()
        if let signingKey {
            let key = try Ed25519.SigningKey(contentsOf: URL(fileURLWithPath: signingKey))
            _ = try pool.write { try AuditCheckpoints.sign(with: key, in: $0) }
        }
        guard let head = try pool.read({ try AuditCheckpoints.latest(in: $0) }) else {
            note("No head has been signed yet: start the service, or give --signing-key FILE.")
            throw ExitCode(1)
        }
        if let output {
            try Data(head.text.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
        } else {
            print(head.text, terminator: "")
        }
    }
}

struct AuditKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make, show, rotate and replace the key that signs the log.",
        subcommands: [Create.self, Show.self, Rotate.self, ReplaceLost.self])

    /// Makes a key pair beside each other: `FILE` and `FILE.pub`.
    static func makeKey(at path: String) throws -> Ed25519.SigningKey {
        let key = try Ed25519.SigningKey.generate()
        try key.save(to: URL(fileURLWithPath: path))
        try key.publicKey.save(to: URL(fileURLWithPath: path + ".pub"))
        return key
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a key pair: FILE (private) and FILE.pub.")
        @Argument(help: "Where to put the private key.")
        var file: String

        func run() throws {
            print(try AuditKeyCommand.makeKey(at: file).publicKey.fingerprint)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the log's keys, oldest first.")
        @OptionGroup var options: AuditOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            let keys = try options.open().read { try AuditKeys.history(in: $0) }
            var table = Table([
                .init("fingerprint", "FINGERPRINT", maximumWidth: 100), .init("introduced", "INTRODUCED"),
                .init("record", "RECORD"), .init("endorsed_by", "ENDORSED BY", maximumWidth: 100),
            ])
            for key in keys {
                table.add([
                    .text(key.publicKey.fingerprint), .text(key.introduced.iso8601(in: options.documentZone)),
                    .integer(Int(key.sequence)), .text(key.endorsedBy),
                ])
            }
            print(table.text(as: output))
        }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new key that the present one endorses. Give it to the service afterwards.")
        @OptionGroup var options: AuditOptions
        @Option(help: "The present private key.")
        var from: String
        @Option(help: "Where to put the new private key.")
        var to: String

        func run() throws {
            let present = try Ed25519.SigningKey(contentsOf: URL(fileURLWithPath: from))
            let pool = try options.open()
            try pool.write { try AuditKeys.adopt(present, in: $0) }
            let next = try AuditKeyCommand.makeKey(at: to)
            try pool.write { db in
                // The old key's last word: everything up to its end is signed by it.
                _ = try AuditCheckpoints.sign(with: present, in: db)
                try AuditKeys.rotate(from: present, to: next.publicKey, person: options.person, in: db)
            }
            print(next.publicKey.fingerprint)
        }
    }

    struct ReplaceLost: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replace-lost",
            abstract:
                "Make a new key in place of one that is gone. Publish its fingerprint: nothing else vouches for it.")
        @OptionGroup var options: AuditOptions
        @Option(help: "Where to put the new private key.")
        var to: String

        func run() throws {
            let pool = try options.open()
            let next = try AuditKeyCommand.makeKey(at: to)
            try pool.write { try AuditKeys.replaceLost(with: next.publicKey, person: options.person, in: $0) }
            print(next.publicKey.fingerprint)
        }
    }
}
