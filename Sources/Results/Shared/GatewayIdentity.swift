import DICOM
import Findings

/// The device that signs the results: General Equipment, Contributing Equipment and Device Observer.
public struct GatewayIdentity: Codable, Hashable, Sendable {
    /// Manufacturer (0008,0070).
    public var manufacturer: String
    /// Manufacturer's Model Name (0008,1090).
    public var modelName: String
    /// Device Serial Number (0018,1000).
    public var serialNumber: String
    /// Device UID (0018,1002) of this installation.
    public var deviceUID: String
    /// Station Name (0008,1010), at most 16 characters.
    public var stationName: String
    /// Institution Name (0008,0080) of the hospital, or empty.
    public var institutionName: String
    /// The gateway's version, first of Software Versions (0018,1020).
    public var softwareVersion: String

    /// An installation's identity.
    ///
    /// - Parameter deviceUID: nil derives one from station and serial number, the same on every start.
    public init(
        manufacturer: String = "CXRGateway project", modelName: String = Implementation.productName,
        serialNumber: String, deviceUID: String? = nil, stationName: String = "CXRGATE",
        institutionName: String = "", softwareVersion: String = Implementation.version
    ) {
        self.manufacturer = manufacturer
        self.modelName = modelName
        self.serialNumber = serialNumber
        self.deviceUID = deviceUID ?? UID.derived(from: ["device", stationName, serialNumber]).description
        self.stationName = stationName
        self.institutionName = institutionName
        self.softwareVersion = softwareVersion
    }

    /// - Throws: `ResultsError.invalidOption` naming the part that does not fit its attribute.
    func validated() throws -> GatewayIdentity {
        for (name, value, limit, mayBeEmpty) in [
            ("manufacturer", manufacturer, 64, false), ("modelName", modelName, 64, false),
            ("serialNumber", serialNumber, 64, false), ("stationName", stationName, 16, false),
            ("institutionName", institutionName, 64, true), ("softwareVersion", softwareVersion, 64, false),
        ] {
            guard mayBeEmpty || !value.isEmpty else {
                throw ResultsError.invalidOption(name: name, reason: "it is empty")
            }
            guard value.unicodeScalars.count <= limit, DICOMText.line(value) == value else {
                throw ResultsError.invalidOption(
                    name: name,
                    reason: "\"\(value)\" is longer than \(limit) characters, begins or ends with a space, or holds"
                        + " a backslash or control character")
            }
        }
        guard (try? UID(deviceUID)) != nil else {
            throw ResultsError.invalidOption(name: "deviceUID", reason: "\"\(deviceUID)\" is not a UID")
        }
        return self
    }

    /// Software Versions (0018,1020): the gateway's version, then the model's name and version.
    func softwareVersions(with model: ModelIdentity) -> String {
        let both = DICOMText.line("\(model.name) \(model.version)")
        let parts = both.unicodeScalars.count <= 64 ? [both] : [model.name, model.version].map(DICOMText.line)
        return ([softwareVersion] + parts).joined(separator: "\\")
    }

    /// Writes the attributes that name the device (PS3.3 C.7.5.1).
    func write(to dataset: Dataset, with model: ModelIdentity) throws {
        try dataset.set(.manufacturer, manufacturer)
        try dataset.set(.institutionName, ifPresent: institutionName)
        try dataset.set(.stationName, stationName)
        try dataset.set(.manufacturerModelName, modelName)
        try dataset.set(.deviceSerialNumber, serialNumber)
        try dataset.set(.softwareVersions, softwareVersions(with: model))
    }
}
