import DICOM
import Foundation

/// The patient's age when the image was made.
public struct AgeEvidence: Codable, Equatable, Sendable {
    /// In years.
    public var years: Double
    /// The attributes that told it.
    public var source: String
    /// What was unusual.
    public var note: String?

    /// Patient's Age, or birth date and the date of the study; `nil` when neither is usable. Where both are usable and
    /// differ by more than two years, the lower one counts.
    init?(_ dataset: Dataset) {
        let stated = dataset.text(.patientAge).flatMap(Self.stated)
        let computed = Self.computed(dataset)
        switch (stated, computed) {
        case (let stated?, let computed?) where abs(stated.years - computed.years) > 2:
            self = stated.years < computed.years ? stated : computed
            note = "Patient's Age says \(Int(stated.years)) years, the birth date \(Int(computed.years))"
        case (let stated?, _): self = stated
        case (nil, let computed?): self = computed
        case (nil, nil): return nil
        }
    }

    init(years: Double, source: String, note: String? = nil) {
        self.years = years
        self.source = source
        self.note = note
    }

    /// An Age String (PS3.5 6.2): three digits and D, W, M or Y. Real ones lack digits, padding or the unit; a number
    /// without a unit means years.
    static func stated(_ text: String) -> AgeEvidence? {
        let compact = text.uppercased().filter { !$0.isWhitespace && $0 != "\0" }
        let digits = compact.prefix { $0.isNumber }
        guard let number = Int(digits), digits.count <= 4 else { return nil }
        let years: Double
        var note: String?
        switch compact.dropFirst(digits.count) {
        case "Y", "YR", "YRS", "YEARS": years = Double(number)
        case "M": years = Double(number) / 12
        case "W": years = Double(number) * 7 / 365.25
        case "D": years = Double(number) / 365.25
        case "":
            years = Double(number)
            note = "Patient's Age '\(compact)' has no unit and was taken as years"
        default: return nil
        }
        return years <= 130 ? AgeEvidence(years: years, source: "Patient's Age", note: note) : nil
    }

    private static func computed(_ dataset: Dataset) -> AgeEvidence? {
        guard let birth = dataset.text(.patientBirthDate).flatMap(days) else { return nil }
        let dates: [(Tag, String)] = [
            (.studyDate, "Study Date"), (.acquisitionDate, "Acquisition Date"), (.seriesDate, "Series Date"),
            (.contentDate, "Content Date"),
        ]
        for (tag, name) in dates {
            guard let day = dataset.text(tag).flatMap(days) else { continue }
            let years = Double(day - birth) / 365.25
            if (0...130).contains(years) {
                return AgeEvidence(years: years, source: "Patient's Birth Date and \(name)")
            }
        }
        return nil
    }

    /// Days of a date (`YYYYMMDD`, or the dotted form of ACR-NEMA) in a calendar of its own.
    static func days(_ text: String) -> Int? {
        let digits = text.filter { $0 != "." && $0 != " " }
        guard digits.count == 8, let number = Int(digits) else { return nil }
        let (year, month, day) = (number / 10000, number / 100 % 100, number % 100)
        guard (1800...2200).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        // Days from civil, H. Hinnant: March is the first month, so that leap days end a year.
        let shifted = month > 2 ? year : year - 1
        let inEra = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + inEra
    }
}
