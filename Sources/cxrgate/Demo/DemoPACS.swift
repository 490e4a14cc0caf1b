import ArgumentParser
import DICOM
import DICOMNetwork
import Foundation
import Synchronization

/// The programs that can play the PACS.
enum PACSProgram: String, CaseIterable, ExpressibleByArgument {
    /// DCMTK's.
    case storescp
    case orthanc
    /// The gateway's own storage SCP in this process, where neither is installed.
    case own

    /// The best one that is installed.
    static var installed: PACSProgram {
        if ChildProcess.find("storescp") != nil { return .storescp }
        return ChildProcess.find("Orthanc") == nil ? .own : .orthanc
    }
}

/// A small PACS on loopback that keeps what it is sent as files.
final class DemoPACS {
    static let aeTitle = "DEMOPACS"

    /// How it is told to people.
    let name: String
    let port: UInt16
    /// Where the files lie.
    let directory: URL
    private let process: ChildProcess?
    private let scp: StorageSCP?

    /// Starts it.
    ///
    /// - Parameter choice: nil for the best program that is installed.
    /// - Throws: `CommandFailure` when the program is not installed, or what keeps it from starting.
    init(_ choice: PACSProgram?, in folder: URL) throws {
        let program = choice ?? .installed
        name = Self.name(program) + (choice == nil && program == .own ? "; no other is installed" : "")
        directory = folder.appendingPathComponent("pacs")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if program == .own {
            var settings = StorageSCPConfiguration()
            settings.port = 0
            let scp = try StorageSCP(settings, handler: FileKeeper(directory: directory))
            (self.scp, process, port) = (scp, nil, scp.port)
            return
        }
        port = try Self.freePort()
        scp = nil
        let log = folder.appendingPathComponent("pacs.log")
        process =
            program == .storescp
            ? try Self.storescp(port, directory, log: log)
            : try Self.orthanc(port, directory, folder: folder, log: log)
    }

    /// Whether it still runs, and what it said when not.
    func check() throws {
        guard let process, !process.isRunning else { return }
        throw CommandFailure("\(name) ended: \(process.output.suffix(400))")
    }

    /// Whether it answers a C-ECHO.
    var answers: Bool {
        let remote = RemoteAE(
            host: "127.0.0.1", port: port, calledAETitle: Self.aeTitle, callingAETitle: "CXRGATE")
        return (try? StorageSCU(remote, contexts: [], services: [.verification]).echo())?.kind == .success
    }

    /// The DICOM files that it keeps.
    func files() -> [URL] {
        let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
        return names.sorted().map { directory.appendingPathComponent($0) }.filter { url in
            guard let handle = try? FileHandle(forReadingFrom: url) else { return false }
            defer { try? handle.close() }
            return (try? handle.read(upToCount: 132))?.suffix(4) == Data("DICM".utf8)
        }
    }

    /// Ends it.
    func stop() {
        process?.stop()
        scp?.stop(grace: .seconds(1))
    }

    private static func name(_ program: PACSProgram) -> String {
        switch program {
        case .storescp: "DCMTK's storescp"
        case .orthanc: "Orthanc"
        case .own: "the gateway's own storage SCP"
        }
    }

    private static func storescp(_ port: UInt16, _ directory: URL, log: URL) throws -> ChildProcess {
        guard let path = ChildProcess.find("storescp") else {
            throw CommandFailure("storescp is not installed: install dcmtk, or choose another --pacs")
        }
        return try ChildProcess(
            path, ["-aet", aeTitle, "-od", directory.path, "-fe", ".dcm", "--fork", "\(port)"], log: log)
    }

    private static func orthanc(_ port: UInt16, _ directory: URL, folder: URL, log: URL) throws -> ChildProcess {
        guard let path = ChildProcess.find("Orthanc") else {
            throw CommandFailure("Orthanc is not installed: install orthanc, or choose another --pacs")
        }
        let settings: [String: Any] = [
            "Name": "demo", "DicomAet": aeTitle, "DicomPort": Int(port), "StorageDirectory": directory.path,
            "IndexDirectory": folder.appendingPathComponent("orthanc-index").path, "HttpServerEnabled": false,
            "RemoteAccessAllowed": false, "StorageCompression": false, "Plugins": [String](),
        ]
        let file = folder.appendingPathComponent("orthanc.json")
        try JSONSerialization.data(withJSONObject: settings).write(to: file)
        return try ChildProcess(path, [file.path], log: log)
    }

    /// A TCP port on loopback that is free at this moment.
    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> UInt16? in
                guard bind(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else {
                    return nil
                }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
        guard let port else { throw CommandFailure("no TCP port is free on 127.0.0.1") }
        return port
    }
}

/// Writes every instance to a file.
private final class FileKeeper: StorageSCPHandler {
    private let directory: URL
    private let open = Mutex<[Int32: URL]>([:])

    init(directory: URL) {
        self.directory = directory
    }

    func associationRequested(_ association: AssociationID, by peer: Peer) -> AssociationRejection? { nil }
    func associationEnded(_ association: AssociationID, _ ending: AssociationEnding, detail: String) {}
    func connectionFailed(address: String, port: UInt16, detail: String) {}
    func echoed(_ association: AssociationID) {}
    func commitmentReported(_ association: AssociationID, transactionUID: String, items: [CommitmentItem]) -> Bool {
        false
    }

    func storeBegan(_ association: AssociationID, _ request: StoreRequest) -> StoreDecision {
        guard let uid = try? UID(request.sopInstanceUID).description else { return .refuse(.invalidUID) }
        let url = directory.appendingPathComponent("\(uid).dcm")
        let descriptor = Foundation.open(url.path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return .refuse(.outOfResources) }
        open.withLock { $0[descriptor] = url }
        return .receive(descriptor: descriptor, maximumBytes: 1 << 30)
    }

    func storeEnded(_ association: AssociationID, _ request: StoreRequest, _ file: ReceivedFile) -> StoreStatus {
        let url = open.withLock { $0.removeValue(forKey: file.descriptor) }
        close(file.descriptor)
        guard let url, file.outcome == .complete, rename(url.path + ".part", url.path) == 0 else {
            return .processingFailure
        }
        return .success
    }
}
