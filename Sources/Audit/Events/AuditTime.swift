import Foundation

/// An instant, in microseconds since 1970-01-01T00:00:00Z: the form that records store.
public struct AuditTime: Hashable, Comparable, Sendable, Codable {
    /// Microseconds since 1970, UTC.
    public let microseconds: Int64

    /// Takes microseconds since 1970, UTC.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Rounds a date to the microsecond.
    public init(_ date: Date) {
        microseconds = Int64((date.timeIntervalSince1970 * 1_000_000).rounded())
    }

    /// The system clock's time.
    public static var now: AuditTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return AuditTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// The instant as a date.
    public var date: Date { Date(timeIntervalSince1970: Double(microseconds) / 1_000_000) }

    public static func < (left: AuditTime, right: AuditTime) -> Bool { left.microseconds < right.microseconds }

    /// ISO 8601 with microseconds in UTC (`2026-03-01T07:15:30.250000Z`), or with the offset of `zone` at that instant.
    public func iso8601(in zone: TimeZone? = nil) -> String {
        let offset = zone?.secondsFromGMT(for: date) ?? 0
        let local = microseconds + Int64(offset) * 1_000_000
        let (seconds, fraction) = local.floorDivided(by: 1_000_000)
        let (days, secondOfDay) = seconds.floorDivided(by: 86400)
        let (year, month, day) = Self.civil(daysSince1970: days)
        let clock =
            Self.padded(secondOfDay / 3600, 2) + ":" + Self.padded(secondOfDay / 60 % 60, 2) + ":"
            + Self.padded(secondOfDay % 60, 2) + "." + Self.padded(fraction, 6)
        return
            "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T\(clock)\(Self.suffix(offset, zone == nil))"
    }

    /// The calendar day in `zone`, `2026-03-01`.
    public func day(in zone: TimeZone) -> String {
        String(iso8601(in: zone).prefix(10))
    }

    private static func suffix(_ offset: Int, _ isUTC: Bool) -> String {
        if isUTC { return "Z" }
        let minutes = Int64(abs(offset) / 60)
        return "\(offset < 0 ? "-" : "+")\(padded(minutes / 60, 2)):\(padded(minutes % 60, 2))"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The proleptic Gregorian date of a day number (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func civil(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = daysSince1970 + 719_468
        let (era, dayOfEra) = shifted.floorDivided(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Reads `2026-03-01`, `2026-03-01T07:15`, `2026-03-01T07:15:30` or `…30.25`, each with an optional `Z` or offset;
    /// without one, the time is local to `zone`. Nil when it is none of these.
    public init?(_ text: String, in zone: TimeZone) {
        let pattern = /(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?)?)?(Z|[+-]\d\d:\d\d)?/
        guard let match = text.wholeMatch(of: pattern) else { return nil }
        var parts = DateComponents()
        parts.year = Int(match.1)
        parts.month = Int(match.2)
        parts.day = Int(match.3)
        parts.hour = match.4.flatMap { Int($0) } ?? 0
        parts.minute = match.5.flatMap { Int($0) } ?? 0
        parts.second = match.6.flatMap { Int($0) } ?? 0
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = Self.zone(match.8) ?? zone
        guard parts.isValidDate(in: calendar), let date = calendar.date(from: parts) else { return nil }
        let fraction = match.7.flatMap { Double("0" + $0) } ?? 0
        microseconds = Int64(date.timeIntervalSince1970) * 1_000_000 + Int64((fraction * 1_000_000).rounded())
    }

    private static func zone(_ suffix: Substring?) -> TimeZone? {
        guard let suffix else { return nil }
        if suffix == "Z" { return TimeZone(secondsFromGMT: 0) }
        guard let hours = Int(suffix.dropFirst().prefix(2)), let minutes = Int(suffix.suffix(2)) else { return nil }
        return TimeZone(secondsFromGMT: (suffix.hasPrefix("-") ? -1 : 1) * (hours * 3600 + minutes * 60))
    }
}

extension Int64 {
    func floorDivided(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
