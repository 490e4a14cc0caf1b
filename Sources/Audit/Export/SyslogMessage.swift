import Foundation

/// A syslog message (RFC 5424) that carries an audit message, as PS3.15 A.6 and A.7 ask.
public struct SyslogMessage: Sendable {
    /// The message, without framing.
    public let bytes: [UInt8]

    /// Wraps the audit message of `record`.
    ///
    /// Facility 10 (security/authorization), severity by outcome; MSGID `DICOM+RFC3881`; the structured data name the
    /// record, so that a repository tells a repetition from a new record. 32473 is the enterprise number that RFC 5612
    /// reserves for documentation: the project has none of its own.
    public init(_ record: AuditRecord, log: String, source: AuditSource, pseudonymiser: Pseudonymiser? = nil) {
        let severity =
            switch record.event.outcome {
            case .success: 5
            case .minorFailure: 4
            case .seriousFailure: 3
            case .majorFailure: 2
            }
        let header = [
            "<\(10 * 8 + severity)>1", record.time.iso8601(), Self.field(source.host, 255), "cxrgate",
            Self.field(source.process, 128), "DICOM+RFC3881",
            "[record@32473 log=\"\(log)\" sequence=\"\(record.sequence)\" sha256=\"\(record.hash.hex)\"]",
        ].joined(separator: " ")
        let xml = AuditMessage(record, log: log, source: source, pseudonymiser: pseudonymiser).xml
        // RFC 5424 6.4: UTF-8 is announced by a byte order mark.
        bytes = Array(header.utf8) + [0x20, 0xEF, 0xBB, 0xBF] + Array(xml.utf8)
    }

    /// Octet counting (RFC 5425 4.3): byte count, space, message.
    public var frame: [UInt8] { Array("\(bytes.count) ".utf8) + bytes }

    /// Printable ASCII without spaces, of limited length; `-` where nothing is left (RFC 5424 6).
    private static func field(_ text: String, _ limit: Int) -> String {
        let kept = String(
            text.unicodeScalars.filter { (33...126).contains($0.value) }.prefix(limit).map(Character.init))
        return kept.isEmpty ? "-" : kept
    }
}
