import Foundation
import Testing

@testable import Audit

struct TimeTests {
    @Test func timesAreWrittenAsTheCalendarSays() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let formatter = ISO8601DateFormatter()
        for zone in ["GMT", "Europe/Amsterdam", "America/St_Johns"].compactMap(TimeZone.init(identifier:)) {
            formatter.timeZone = zone
            for _ in 0..<500 {
                let seconds = Int64.random(in: 0...4_000_000_000, using: &random)
                let text = AuditTime(microseconds: seconds * 1_000_000 + 123_456).iso8601(in: zone)
                let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
                #expect(text.prefix(19) == expected.prefix(19), "seed \(seed)")
                #expect(text.dropFirst(19).prefix(7) == ".123456")
                #expect(AuditTime(text, in: .gmt)?.microseconds == seconds * 1_000_000 + 123_456, "seed \(seed)")
            }
        }
    }

    @Test func aTimeWithoutZoneIsLocalAndOneWithZoneIsNot() throws {
        let amsterdam = try #require(TimeZone(identifier: "Europe/Amsterdam"))
        #expect(AuditTime("2026-07-01T12:00", in: amsterdam)?.iso8601() == "2026-07-01T10:00:00.000000Z")
        #expect(AuditTime("2026-07-01T12:00Z", in: amsterdam)?.iso8601() == "2026-07-01T12:00:00.000000Z")
        #expect(AuditTime("2026-07-01 12:00:01.5-03:30", in: amsterdam)?.iso8601() == "2026-07-01T15:30:01.500000Z")
        #expect(AuditTime("2026-07-01", in: amsterdam)?.iso8601() == "2026-06-30T22:00:00.000000Z")
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "2026-07-01T25:00", "2026-07-01T12"] {
            #expect(AuditTime(text, in: amsterdam) == nil, "\(text)")
        }
    }
}
