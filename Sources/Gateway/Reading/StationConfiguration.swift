import Cryptography
import Foundation
import Results

/// How this installation is named in its results.
public struct StationConfiguration: Equatable, Sendable {
    /// Station Name (0008,1010).
    public var name = "CXRGATE"
    /// Device Serial Number (0018,1000); nil for one that follows from the machine.
    public var serialNumber: String?
    /// Institution Name (0008,0080).
    public var institution = ""

    /// The identity that signs results.
    public var identity: GatewayIdentity {
        GatewayIdentity(
            serialNumber: serialNumber ?? Self.machineSerialNumber, stationName: name, institutionName: institution)
    }

    /// The same on every start of a machine and different on every machine, without telling the machine's own number.
    private static var machineSerialNumber: String {
        let number =
            (try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8)) ?? ProcessInfo.processInfo.hostName
        return String(SHA256.hash("cxrgate \(number)").hex.prefix(12))
    }
}

extension StationConfiguration {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        node.read([
            "name": { $0.set(&result.name, $0.short(16)) },
            "serial-number": { result.serialNumber = $0.short(64) },
            "institution": { $0.set(&result.institution, $0.short(64)) },
        ])
        self = result
    }
}

extension ConfigurationNode {
    /// A text that fits a DICOM attribute of so many characters.
    fileprivate func short(_ limit: Int) -> String? {
        scalar("a text of at most \(limit) characters without backslash and control characters") { text in
            let isPlain = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control && $0 != "\\" }
            return !text.isEmpty && text.unicodeScalars.count <= limit && isPlain
                && text == text.trimmingCharacters(in: .whitespaces) ? text : nil
        }
    }
}
