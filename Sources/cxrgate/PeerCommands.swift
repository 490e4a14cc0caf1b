import ArgumentParser
import DICOM
import DICOMNetwork
import Foundation

/// The peer of a one-off association.
struct PeerOptions: ParsableArguments {
    @Argument(help: "Host name or IP address.")
    var host: String

    @Argument(help: "TCP port.")
    var port: UInt16

    @Option(help: "The peer's AE title.")
    var called = "CXRGATE"

    @Option(help: "Our AE title.")
    var calling = "CXRGATE"

    @Flag(help: "Use TLS.")
    var tls = false

    @Option(help: "PEM file of our private key, for TLS with mutual authentication.")
    var key: String?

    @Option(help: "PEM file of our certificate.")
    var certificate: String?

    @Option(help: "PEM file of the certificates that we trust. Without it the peer's certificate is not checked.")
    var trusted: String?

    func remote() throws -> RemoteAE {
        NetworkSettings().apply()
        let settings = TLSSettings(
            privateKey: key, certificate: certificate, trustedCertificates: trusted,
            requiresPeerCertificate: trusted != nil)
        return RemoteAE(
            host: host, port: port, calledAETitle: called, callingAETitle: calling,
            tls: tls ? try TLSContext(settings, side: .client) : nil)
    }
}

struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "Verify the connection to a DICOM peer (C-ECHO).")

    @OptionGroup var peer: PeerOptions

    func run() throws {
        let remote = try peer.remote()
        let started = ContinuousClock.now
        let status = try StorageSCU(remote, contexts: [], services: [.verification]).echo()
        guard status.kind == .success else { throw CommandFailure("\(remote.name) answered \(status)") }
        let seconds = started.duration(to: .now)
        print("\(remote.name) answers (\(seconds.formatted(.units(allowed: [.milliseconds])))).")
    }
}

struct SendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Send DICOM files to a peer (C-STORE).",
        discussion: "Directories are searched for files. The exit code is 1 when any file was not accepted.")

    @OptionGroup var peer: PeerOptions

    @Argument(help: "DICOM files or directories.", completion: .file())
    var files: [String]

    private struct Item {
        let path: String
        let sopClassUID: String
        let sopInstanceUID: String
        let transferSyntaxUID: String
    }

    func run() throws {
        let remote = try peer.remote()
        var failures = 0
        let items = try FilePaths.expanded(files).map(\.path).compactMap { path -> Item? in
            do {
                return try Self.item(path)
            } catch {
                failures += 1
                print("\(path): not sent: \(error)")
                return nil
            }
        }
        guard !items.isEmpty else { throw CommandFailure("there is nothing to send") }
        for batch in Self.batches(items) {
            let contexts = Set(
                batch.map { ProposedContext(sopClassUID: $0.sopClassUID, transferSyntaxUID: $0.transferSyntaxUID) })
            let association = try StorageSCU(remote, contexts: Array(contexts))
            for item in batch {
                let outcome = association.send(
                    path: item.path, sopClassUID: item.sopClassUID, sopInstanceUID: item.sopInstanceUID,
                    transferSyntaxUID: item.transferSyntaxUID)
                failures += Self.report(item.path, outcome) ? 0 : 1
            }
        }
        if failures > 0 { throw CommandFailure("\(failures) of the files were not accepted") }
    }

    private static func item(_ path: String) throws -> Item {
        let file = try DICOMFile(contentsOf: URL(fileURLWithPath: path), before: .patientName)
        return Item(
            path: path, sopClassUID: try UID(file.dataset.text(.sopClassUID) ?? "").description,
            sopInstanceUID: try UID(file.dataset.text(.sopInstanceUID) ?? "").description,
            transferSyntaxUID: file.transferSyntaxUID)
    }

    /// As many files for one association as its presentation contexts allow.
    private static func batches(_ items: [Item]) -> [[Item]] {
        var batches: [[Item]] = []
        var contexts = Set<String>()
        for item in items {
            contexts.insert(item.sopClassUID + " " + item.transferSyntaxUID)
            if batches.isEmpty || contexts.count > StorageSCU.maximumContexts {
                batches.append([])
                contexts = [item.sopClassUID + " " + item.transferSyntaxUID]
            }
            batches[batches.count - 1].append(item)
        }
        return batches
    }

    private static func report(_ path: String, _ outcome: SendOutcome) -> Bool {
        switch outcome {
        case .answered(let status):
            print("\(path): \(status) \(status.kind == .success ? "stored" : "\(status.kind)")")
            return status.kind == .success || status.kind == .warning
        case .noContext(let reason), .badFile(let reason), .failed(let reason):
            print("\(path): not sent: \(reason)")
            return false
        }
    }
}

/// A command did its work and the answer is no: exit code 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
