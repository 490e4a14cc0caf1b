import Foundation

/// The instant at which a reading was made, in the words of DICOM dates and times.
///
/// It is handed in, never taken from the clock, so that the same reading gives the same bytes.
struct ContentMoment {
    /// `YYYYMMDD`.
    let date: String
    /// `HHMMSS.FFF`.
    let time: String
    /// `YYYYMMDDHHMMSS.FFF000`, with the offset `+ZZXX` when the source names one.
    let dateTime: String

    /// - Parameters:
    ///   - instant: When the reading was made.
    ///   - sourceOffset: The source's Timezone Offset From UTC, which then holds for the result too.
    ///   - localTimeZone: The gateway's zone, for sources without an offset.
    init(instant: Date, sourceOffset: String?, localTimeZone: TimeZone) {
        let zone = sourceOffset.flatMap(Self.zone) ?? localTimeZone
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        // Milliseconds first, so that 59.9996 s becomes the next minute and not 59.1000.
        let milliseconds = Int64((instant.timeIntervalSince1970 * 1000).rounded())
        let whole = Date(timeIntervalSince1970: (Double(milliseconds) / 1000).rounded(.down))
        let fraction = Int((milliseconds % 1000 + 1000) % 1000)
        let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: whole)
        func digits(_ value: Int?, _ width: Int) -> String {
            let text = String(value ?? 0)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        date = digits(parts.year, 4) + digits(parts.month, 2) + digits(parts.day, 2)
        time =
            digits(parts.hour, 2) + digits(parts.minute, 2) + digits(parts.second, 2) + "." + digits(fraction, 3)
        let minutes = zone.secondsFromGMT(for: whole) / 60
        let offset = (minutes < 0 ? "-" : "+") + digits(abs(minutes) / 60, 2) + digits(abs(minutes) % 60, 2)
        dateTime = "\(date)\(time)000\(sourceOffset == nil ? "" : offset)"
    }

    /// `+HHMM` or `-HHMM` as a zone (PS3.3 C.12.1.1.8).
    private static func zone(_ offset: String) -> TimeZone? {
        let text = offset.trimmingCharacters(in: .whitespaces)
        guard text.count == 5, let sign = text.first, sign == "+" || sign == "-",
            let digits = Int(text.dropFirst()), text.dropFirst().allSatisfy(\.isNumber), digits % 100 < 60
        else { return nil }
        let seconds = (digits / 100 * 60 + digits % 100) * 60
        return TimeZone(secondsFromGMT: sign == "-" ? -seconds : seconds)
    }
}
