/// An attribute tag (PS3.6).
public struct Tag: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Group in the high, element in the low 16 bits.
    public let code: UInt32

    /// A tag from group and element.
    public init(_ group: UInt16, _ element: UInt16) {
        code = UInt32(group) << 16 | UInt32(element)
    }

    /// A tag from its 32-bit form.
    public init(code: UInt32) {
        self.code = code
    }

    /// The group number.
    public var group: UInt16 { UInt16(code >> 16) }

    /// The element number.
    public var element: UInt16 { UInt16(code & 0xffff) }

    /// Whether the group is odd (PS3.5 7.8).
    public var isPrivate: Bool { group & 1 == 1 }

    /// `(gggg,eeee)` in upper-case hexadecimal.
    public var description: String {
        func hex(_ value: UInt16) -> String {
            let digits = String(value, radix: 16, uppercase: true)
            return String(repeating: "0", count: 4 - digits.count) + digits
        }
        return "(\(hex(group)),\(hex(element)))"
    }

    /// Tags are ordered as in a dataset.
    public static func < (left: Tag, right: Tag) -> Bool {
        left.code < right.code
    }
}

// The attributes that the gateway reads or writes, named by their keywords in PS3.6.
extension Tag {
    // File meta information
    public static let mediaStorageSOPClassUID = Tag(0x0002, 0x0002)
    public static let mediaStorageSOPInstanceUID = Tag(0x0002, 0x0003)
    public static let transferSyntaxUID = Tag(0x0002, 0x0010)

    // SOP common and study
    public static let specificCharacterSet = Tag(0x0008, 0x0005)
    public static let imageType = Tag(0x0008, 0x0008)
    public static let sopClassUID = Tag(0x0008, 0x0016)
    public static let sopInstanceUID = Tag(0x0008, 0x0018)
    public static let studyDate = Tag(0x0008, 0x0020)
    public static let seriesDate = Tag(0x0008, 0x0021)
    public static let contentDate = Tag(0x0008, 0x0023)
    public static let acquisitionDateTime = Tag(0x0008, 0x002A)
    public static let studyTime = Tag(0x0008, 0x0030)
    public static let seriesTime = Tag(0x0008, 0x0031)
    public static let contentTime = Tag(0x0008, 0x0033)
    public static let accessionNumber = Tag(0x0008, 0x0050)
    public static let issuerOfAccessionNumberSequence = Tag(0x0008, 0x0051)
    public static let modality = Tag(0x0008, 0x0060)
    public static let presentationIntentType = Tag(0x0008, 0x0068)
    public static let manufacturer = Tag(0x0008, 0x0070)
    public static let institutionName = Tag(0x0008, 0x0080)
    public static let referringPhysicianName = Tag(0x0008, 0x0090)
    public static let codeValue = Tag(0x0008, 0x0100)
    public static let codingSchemeDesignator = Tag(0x0008, 0x0102)
    public static let codeMeaning = Tag(0x0008, 0x0104)
    public static let timezoneOffsetFromUTC = Tag(0x0008, 0x0201)
    public static let stationName = Tag(0x0008, 0x1010)
    public static let studyDescription = Tag(0x0008, 0x1030)
    public static let procedureCodeSequence = Tag(0x0008, 0x1032)
    public static let seriesDescription = Tag(0x0008, 0x103E)
    public static let admittingDiagnosesDescription = Tag(0x0008, 0x1080)
    public static let manufacturerModelName = Tag(0x0008, 0x1090)
    public static let referencedSOPClassUID = Tag(0x0008, 0x1150)
    public static let referencedSOPInstanceUID = Tag(0x0008, 0x1155)
    public static let transactionUID = Tag(0x0008, 0x1195)
    public static let failureReason = Tag(0x0008, 0x1197)
    public static let failedSOPSequence = Tag(0x0008, 0x1198)
    public static let referencedSOPSequence = Tag(0x0008, 0x1199)

    // Patient
    public static let patientName = Tag(0x0010, 0x0010)
    public static let patientID = Tag(0x0010, 0x0020)
    public static let issuerOfPatientID = Tag(0x0010, 0x0021)
    public static let patientBirthDate = Tag(0x0010, 0x0030)
    public static let patientSex = Tag(0x0010, 0x0040)
    public static let patientAge = Tag(0x0010, 0x1010)
    public static let additionalPatientHistory = Tag(0x0010, 0x21B0)

    // Acquisition and relationship
    public static let bodyPartExamined = Tag(0x0018, 0x0015)
    public static let deviceSerialNumber = Tag(0x0018, 0x1000)
    public static let softwareVersions = Tag(0x0018, 0x1020)
    public static let imagerPixelSpacing = Tag(0x0018, 0x1164)
    public static let viewPosition = Tag(0x0018, 0x5101)
    public static let studyInstanceUID = Tag(0x0020, 0x000D)
    public static let seriesInstanceUID = Tag(0x0020, 0x000E)
    public static let studyID = Tag(0x0020, 0x0010)
    public static let seriesNumber = Tag(0x0020, 0x0011)
    public static let instanceNumber = Tag(0x0020, 0x0013)
    public static let patientOrientation = Tag(0x0020, 0x0020)
    public static let laterality = Tag(0x0020, 0x0060)

    // Image pixel
    public static let samplesPerPixel = Tag(0x0028, 0x0002)
    public static let photometricInterpretation = Tag(0x0028, 0x0004)
    public static let planarConfiguration = Tag(0x0028, 0x0006)
    public static let numberOfFrames = Tag(0x0028, 0x0008)
    public static let rows = Tag(0x0028, 0x0010)
    public static let columns = Tag(0x0028, 0x0011)
    public static let pixelSpacing = Tag(0x0028, 0x0030)
    public static let pixelAspectRatio = Tag(0x0028, 0x0034)
    public static let bitsAllocated = Tag(0x0028, 0x0100)
    public static let bitsStored = Tag(0x0028, 0x0101)
    public static let highBit = Tag(0x0028, 0x0102)
    public static let pixelRepresentation = Tag(0x0028, 0x0103)
    public static let windowCenter = Tag(0x0028, 0x1050)
    public static let windowWidth = Tag(0x0028, 0x1051)
    public static let rescaleIntercept = Tag(0x0028, 0x1052)
    public static let rescaleSlope = Tag(0x0028, 0x1053)
    public static let pixelData = Tag(0x7FE0, 0x0010)

    // Requests
    public static let requestedProcedurePriority = Tag(0x0040, 0x1003)
    public static let requestAttributesSequence = Tag(0x0040, 0x0275)
    public static let reasonForTheRequestedProcedure = Tag(0x0040, 0x1002)
}
