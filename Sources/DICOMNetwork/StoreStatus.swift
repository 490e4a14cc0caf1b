/// The status of a C-STORE-RSP (PS3.4 B.2.3, PS3.7 C).
public struct StoreStatus: Hashable, Sendable, CustomStringConvertible {
    /// The 16-bit code.
    public let code: UInt16

    /// A status from its code.
    public init(code: UInt16) {
        self.code = code
    }

    /// Stored durably.
    public static let success = StoreStatus(code: 0x0000)
    /// Stored, but the same SOP Instance UID came before with other content: kept aside for the administrator.
    public static let coercedOrConflicting = StoreStatus(code: 0xB000)
    /// No room.
    public static let outOfResources = StoreStatus(code: 0xA700)
    /// The dataset's SOP class or instance is not the command's.
    public static let doesNotMatchSOPClass = StoreStatus(code: 0xA900)
    /// The dataset cannot be parsed.
    public static let cannotUnderstand = StoreStatus(code: 0xC000)
    /// The object is larger than the configured maximum; sending it again is of no use.
    public static let objectTooLarge = StoreStatus(code: 0xC001)
    /// A UID that is not a UID.
    public static let invalidUID = StoreStatus(code: 0xC002)
    /// Our own failure, logged; the sender may try again.
    public static let processingFailure = StoreStatus(code: 0x0110)

    /// How a sender has to take it.
    public enum Kind: Sendable {
        /// The peer has the instance.
        case success
        /// The peer has the instance and says something about it.
        case warning
        /// The peer does not have it and may take it later.
        case transientFailure
        /// The peer does not have it and will not take it.
        case permanentFailure
    }

    /// Success and warnings (0000H, B000H to BFFFH, and the general warnings 0001H, 0107H and 0116H) mean stored.
    /// Out of resources (A7xxH) and processing failure (0110H) may pass; everything else will not.
    public var kind: Kind {
        switch code {
        case 0x0000: .success
        case 0xB000...0xBFFF, 0x0001, 0x0107, 0x0116: .warning
        case 0xA700...0xA7FF, 0x0110: .transientFailure
        default: .permanentFailure
        }
    }

    /// Four hexadecimal digits and H, as the standard writes it.
    public var description: String {
        let digits = String(code, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits + "H"
    }
}
