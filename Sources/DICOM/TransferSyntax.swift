/// A transfer syntax (PS3.5 10, PS3.6 A).
public struct TransferSyntax: Hashable, Sendable, CustomStringConvertible {
    /// The Transfer Syntax UID.
    public let uid: String

    /// The name as in PS3.6.
    public let name: String

    /// Whether pixel data come as a sequence of fragments.
    public let isEncapsulated: Bool

    /// Whether the pixel values may differ from what was acquired.
    public let isLossy: Bool

    /// The name.
    public var description: String { name }

    private init(_ uid: String, _ name: String, encapsulated: Bool = true, lossy: Bool = false) {
        self.uid = uid
        self.name = name
        isEncapsulated = encapsulated
        isLossy = lossy
    }

    /// The transfer syntax with this UID, when the gateway knows it.
    public init?(uid: String) {
        guard let known = Self.all.first(where: { $0.uid == uid }) else { return nil }
        self = known
    }

    public static let implicitVRLittleEndian = TransferSyntax(
        "1.2.840.10008.1.2", "Implicit VR Little Endian", encapsulated: false)
    public static let explicitVRLittleEndian = TransferSyntax(
        "1.2.840.10008.1.2.1", "Explicit VR Little Endian", encapsulated: false)
    public static let deflatedExplicitVRLittleEndian = TransferSyntax(
        "1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", encapsulated: false)
    public static let explicitVRBigEndian = TransferSyntax(
        "1.2.840.10008.1.2.2", "Explicit VR Big Endian", encapsulated: false)
    public static let jpegBaseline = TransferSyntax("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", lossy: true)
    public static let jpegExtended = TransferSyntax(
        "1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)", lossy: true)
    public static let jpegLossless = TransferSyntax("1.2.840.10008.1.2.4.57", "JPEG Lossless (Process 14)")
    public static let jpegLosslessSV1 = TransferSyntax(
        "1.2.840.10008.1.2.4.70", "JPEG Lossless (Process 14, Selection Value 1)")
    public static let jpegLSLossless = TransferSyntax("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless")
    public static let jpegLSNearLossless = TransferSyntax(
        "1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", lossy: true)
    public static let jpeg2000Lossless = TransferSyntax("1.2.840.10008.1.2.4.90", "JPEG 2000 (Lossless Only)")
    public static let jpeg2000 = TransferSyntax("1.2.840.10008.1.2.4.91", "JPEG 2000", lossy: true)
    public static let htj2kLossless = TransferSyntax(
        "1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (Lossless Only)")
    public static let htj2kLosslessRPCL = TransferSyntax(
        "1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)")
    public static let htj2k = TransferSyntax("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", lossy: true)
    public static let rleLossless = TransferSyntax("1.2.840.10008.1.2.5", "RLE Lossless")

    /// Every transfer syntax that the gateway receives and decodes, in its order of preference: lossless and cheap
    /// to decode first, then lossless compressed, then lossy ones, which arrive only when the sender has nothing
    /// better.
    public static let all: [TransferSyntax] = [
        explicitVRLittleEndian, implicitVRLittleEndian, deflatedExplicitVRLittleEndian, explicitVRBigEndian,
        jpegLSLossless, jpegLosslessSV1, jpegLossless, jpeg2000Lossless, htj2kLossless, htj2kLosslessRPCL, rleLossless,
        jpegLSNearLossless, jpeg2000, htj2k, jpegExtended, jpegBaseline,
    ]
}
