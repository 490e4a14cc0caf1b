import DICOM
import Foundation

/// Makes chest-like DX images, for tests and demonstrations without any patient's data.
///
/// The picture has lungs, a heart, a spine and a diaphragm with a little noise, and an effusion at the left base; the
/// header is a complete DX For Presentation object (PS3.3 A.26), less what a test leaves out.
public struct SyntheticRadiograph: Sendable {
    /// Rows (0028,0010).
    public var rows = 640
    /// Columns (0028,0011).
    public var columns = 512
    /// Bits Stored, 8 to 16.
    public var bitsStored = 12
    /// Whether low values are bright.
    public var isMonochrome1 = false
    /// Specific Character Set as it will be declared; nil leaves it out.
    public var characterSet: String? = "ISO_IR 100"
    /// Patient's Name in that character set's bytes.
    public var patientName: [UInt8] = Array("Test^Paula^^^".utf8)
    /// Patient ID.
    public var patientID = "PID-000123"
    /// Study Instance UID.
    public var studyInstanceUID = "2.25.101010101010101010101010101010101"
    /// Series Instance UID.
    public var seriesInstanceUID = "2.25.101010101010101010101010101010102"
    /// SOP Instance UID.
    public var sopInstanceUID = "2.25.101010101010101010101010101010103"
    /// View Position: PA, AP or LL.
    public var viewPosition = "PA"
    /// Attributes that are left out, for instance the Type 2 ones that careless senders omit.
    public var omitted: Set<Tag> = []
    /// Attributes set or replaced at the end, as text.
    public var additions: [Tag: String] = [:]

    /// A DX image with these defaults.
    public init() {}

    /// Writes the image.
    ///
    /// - Returns: The file, `NAME.dcm` in the directory.
    @discardableResult
    public func write(named name: String, in directory: URL) throws -> URL {
        let url = directory.appendingPathComponent("\(name).dcm")
        try file().write(to: url)
        return url
    }

    /// The image as a file in memory.
    public func file() throws -> DICOMFile {
        let file = DICOMFile()
        let dataset = file.dataset
        if let characterSet { try dataset.set(.specificCharacterSet, characterSet) }
        for (tag, value) in texts { try dataset.set(tag, value) }
        try dataset.set(.patientName, bytes: patientName, vr: "PN")
        let region = try dataset.appendItem(Tag(0x0008, 0x2218))
        try set("816094009", "Chest", on: region)
        let view = try dataset.appendItem(Tag(0x0054, 0x0220))
        try set(
            viewPosition == "PA" ? "272479007" : "399067008",
            viewPosition == "PA" ? "postero-anterior" : "lateral projection", on: view)
        try view.setEmptySequence(Tag(0x0054, 0x0222))
        try dataset.setEmptySequence(Tag(0x0040, 0x0555))
        if bitsStored > 8 {
            let words = pixels()
            try dataset.set(.pixelData, bytes: words.withUnsafeBytes { Array($0) }, vr: "OW")
        } else {
            try dataset.set(.pixelData, bytes: pixels().map { UInt8($0) }, vr: "OB")
        }
        for (tag, value) in additions { try dataset.set(tag, value) }
        for tag in omitted { dataset.remove(tag) }
        return file
    }

    private func set(_ value: String, _ meaning: String, on item: Dataset) throws {
        try item.set(.codeValue, value)
        try item.set(.codingSchemeDesignator, "SCT")
        try item.set(.codeMeaning, meaning)
    }

    private var texts: [(Tag, String)] {
        let top = 1 << bitsStored
        return [
            (.imageType, "ORIGINAL\\PRIMARY\\"), (.sopClassUID, "1.2.840.10008.5.1.4.1.1.1.1"),
            (.sopInstanceUID, sopInstanceUID), (.studyDate, "20260302"), (.seriesDate, "20260302"),
            (Tag(0x0008, 0x0022), "20260302"), (.contentDate, "20260302"), (.studyTime, "101500"),
            (.seriesTime, "101520"), (Tag(0x0008, 0x0032), "101530"), (.contentTime, "101530"),
            (.accessionNumber, "A2026-0042"), (.modality, "DX"), (.presentationIntentType, "FOR PRESENTATION"),
            (.manufacturer, "SyntheticX"), (.institutionName, "Test Klinik"), (.referringPhysicianName, "Green^Eva"),
            (.timezoneOffsetFromUTC, "+0100"), (.studyDescription, "Thorax p.a."), (.seriesDescription, viewPosition),
            (.manufacturerModelName, "SimDX"), (.patientID, patientID), (.issuerOfPatientID, "TESTHOSP"),
            (.patientBirthDate, "19610504"), (.patientSex, "F"), (.bodyPartExamined, "CHEST"),
            (Tag(0x0018, 0x0060), "120"), (.deviceSerialNumber, "0001"), (.softwareVersions, "1.0"),
            (.imagerPixelSpacing, "0.143\\0.143"), (Tag(0x0018, 0x1508), "NONE"), (.viewPosition, viewPosition),
            (Tag(0x0018, 0x7004), "DIRECT"), (.studyInstanceUID, studyInstanceUID),
            (.seriesInstanceUID, seriesInstanceUID), (.studyID, "S42"), (.seriesNumber, "1"), (.instanceNumber, "1"),
            (.patientOrientation, viewPosition == "PA" ? "L\\F" : "A\\F"), (Tag(0x0020, 0x0062), "U"),
            (.samplesPerPixel, "1"), (.photometricInterpretation, isMonochrome1 ? "MONOCHROME1" : "MONOCHROME2"),
            (.rows, "\(rows)"), (.columns, "\(columns)"), (.pixelSpacing, "0.13\\0.13"),
            (.bitsAllocated, bitsStored > 8 ? "16" : "8"), (.bitsStored, "\(bitsStored)"),
            (.highBit, "\(bitsStored - 1)"), (.pixelRepresentation, "0"), (Tag(0x0028, 0x0301), "NO"),
            (Tag(0x0028, 0x1040), "LOG"), (Tag(0x0028, 0x1041), isMonochrome1 ? "1" : "-1"),
            (.windowCenter, "\(top / 2)"), (.windowWidth, "\(top)"), (.rescaleIntercept, "0"), (.rescaleSlope, "1"),
            (Tag(0x0028, 0x1054), "US"), (Tag(0x0028, 0x2110), "00"),
            (Tag(0x2050, 0x0020), isMonochrome1 ? "INVERSE" : "IDENTITY"),
        ]
    }

    // MARK: - Picture

    /// `[rows, columns]` brightness without grain, 0 black to 1 white, as a model that draws would give it.
    public func drawn() -> [Float] {
        (0..<(rows * columns)).map { index in
            Self.brightness(
                (Float(index % columns) + 0.5) / Float(columns), (Float(index / columns) + 0.5) / Float(rows))
        }
    }

    /// `[rows, columns]`, brightness as stored.
    private func pixels() -> [UInt16] {
        let top = Float((1 << bitsStored) - 1)
        var noise: UInt32 = 12345
        return [UInt16](unsafeUninitializedCapacity: rows * columns) { buffer, initialized in
            for row in 0..<rows {
                let y = (Float(row) + 0.5) / Float(rows)
                for column in 0..<columns {
                    let x = (Float(column) + 0.5) / Float(columns)
                    noise = noise &* 1_664_525 &+ 1_013_904_223
                    let grain = Float(noise >> 16) / 65536 - 0.5
                    let light = min(max(Self.brightness(x, y) + grain * 0.03, 0), 1)
                    buffer[row * columns + column] = UInt16((isMonochrome1 ? 1 - light : light) * top)
                }
            }
            initialized = rows * columns
        }
    }

    /// Display brightness of a point, 0 to 1, from coordinates 0 to 1. The viewer's right is the patient's left.
    private static func brightness(_ x: Float, _ y: Float) -> Float {
        func inside(_ cx: Float, _ cy: Float, _ rx: Float, _ ry: Float, soft: Float) -> Float {
            let distance = (((x - cx) / rx) * ((x - cx) / rx) + ((y - cy) / ry) * ((y - cy) / ry)).squareRoot()
            return min(max((1 - distance) / soft + 0.5, 0), 1)
        }
        let body = inside(0.5, 0.62, 0.52, 0.66, soft: 0.08)
        let lungs = max(inside(0.30, 0.46, 0.155, 0.33, soft: 0.12), inside(0.70, 0.46, 0.15, 0.32, soft: 0.12))
        var light = 0.04 + body * 0.62
        light -= lungs * 0.46
        let ribs = 0.5 + 0.5 * sinTurn(y * 13 + abs(x - 0.5) * 3.2)
        light += lungs * ribs * ribs * 0.09
        light = max(light, inside(0.56, 0.62, 0.17, 0.17, soft: 0.14) * 0.74 * body)
        light += inside(0.5, 0.5, 0.045, 0.9, soft: 0.5) * 0.12 * body
        light += inside(0.5, 0.30, 0.09, 0.24, soft: 0.5) * 0.12 * body
        let diaphragm = min(max((y - 0.76 + (x - 0.5) * (x - 0.5) * 0.25) / 0.03, 0), 1)
        light = max(light, diaphragm * 0.78 * body)
        let effusion = inside(0.80, 0.72, 0.11, 0.10, soft: 0.35)
        light += effusion * 0.22 * body * (1 - light)
        light += inside(0.27, 0.30, 0.028, 0.022, soft: 0.6) * 0.24 * body
        // A side marker in the corner, as a technologist would place it: a plain bar, since no letter is drawn here.
        if (0.93...0.96).contains(x), (0.05...0.11).contains(y) { light = 0.95 }
        return light
    }

    private static func sinTurn(_ turns: Float) -> Float {
        let phase = turns - turns.rounded(.down)
        // A parabola through the zeros and the peaks of the sine is near enough for ribs.
        return phase < 0.5 ? 16 * phase * (0.5 - phase) : -16 * (phase - 0.5) * (1 - phase)
    }
}
