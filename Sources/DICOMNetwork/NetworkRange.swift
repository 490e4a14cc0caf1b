import Foundation

/// An IPv4 or IPv6 address; an IPv4 address mapped into IPv6 counts as IPv4.
public struct IPAddress: Hashable, Sendable {
    /// 4 or 16 bytes in network order.
    public let bytes: [UInt8]

    /// `nil` when the text is not an IP address.
    public init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        let host = text.prefix { $0 != "%" }
        if inet_pton(AF_INET, String(host), &v4) == 1 {
            bytes = withUnsafeBytes(of: v4) { Array($0) }
        } else if inet_pton(AF_INET6, String(host), &v6) == 1 {
            let all = withUnsafeBytes(of: v6) { Array($0) }
            let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
            bytes = isMapped ? Array(all.suffix(4)) : all
        } else {
            return nil
        }
    }
}

/// A range of addresses in CIDR notation, such as `10.1.0.0/16` or a single address.
public struct NetworkRange: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    public let description: String
    private let address: IPAddress
    private let prefixLength: Int

    /// Every address of this machine's loopback interface.
    public static let loopback: [NetworkRange] = ["127.0.0.0/8", "::1"].compactMap { NetworkRange($0) }

    /// `nil` when the text is neither an address nor a range.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)), parts.count <= 2 else { return nil }
        let width = address.bytes.count * 8
        guard let length = parts.count == 2 ? Int(parts[1]) : width, (0...width).contains(length) else { return nil }
        self.address = address
        prefixLength = length
        description = text
    }

    /// Whether the address lies in the range.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        return (0..<prefixLength).allSatisfy { bit in
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            return other.bytes[bit / 8] & mask == address.bytes[bit / 8] & mask
        }
    }
}
