import DICOM
import Findings
import Foundation
import Radiography

/// A source image file: its header in UTF-8 for copying, its pixels left on disk.
///
/// Not thread-safe: one owner at a time.
public final class SourceInstance {
    /// The file.
    public let url: URL
    /// SOP Class UID.
    public let sopClassUID: String
    /// SOP Instance UID.
    public let sopInstanceUID: String
    /// Series Instance UID.
    public let seriesInstanceUID: String
    /// Study Instance UID.
    public let studyInstanceUID: String
    /// What was wrong with the header and how it was helped, in sentences for the log; free of patient data.
    public let notes: [String]

    /// Everything before the pixel data as it is in the file.
    let original: Dataset
    /// The attributes that results copy, in UTF-8.
    let header: Dataset
    let transferSyntaxUID: String
    /// The picture, once somebody has asked for it.
    var decoded: PresentedImage?

    /// Opens a file.
    ///
    /// - Throws: `DICOMError.unreadable`, or `ResultsError.incompleteSource` when it lacks one of its UIDs.
    public init(contentsOf url: URL) throws {
        self.url = url
        let file = try DICOMFile(contentsOf: url, before: .pixelData)
        let dataset = file.dataset
        func uid(_ tag: Tag, _ name: String) throws -> String {
            guard let text = dataset.text(tag) else {
                throw ResultsError.incompleteSource(file: url.lastPathComponent, attribute: name)
            }
            return text
        }
        original = dataset
        transferSyntaxUID = file.transferSyntaxUID
        sopClassUID = try uid(.sopClassUID, "SOP Class UID")
        sopInstanceUID = try uid(.sopInstanceUID, "SOP Instance UID")
        seriesInstanceUID = try uid(.seriesInstanceUID, "Series Instance UID")
        studyInstanceUID = try uid(.studyInstanceUID, "Study Instance UID")

        var text = SourceText(characterSet: dataset.text(.specificCharacterSet))
        let copy = DICOMFile()
        for (tag, vr) in dataset.elements where CopiedAttributes.contains(tag) {
            try text.copy(tag, vr: vr, from: dataset, to: copy.dataset)
        }
        header = copy.dataset
        let misfits = text.misfits.map { tag in
            "\(url.lastPathComponent): \(tag) does not fit the declared character set"
                + " \"\(text.characterSet ?? "none")\"; it was read as UTF-8 or ISO 8859-1"
        }
        let malformed = text.malformed.map { tag in
            "\(url.lastPathComponent): \(tag) is malformed (PS3.5 6.2); results are made without it"
        }
        notes = misfits + malformed
    }

    /// A first image of a reading made of this file, as integrators list it.
    ///
    /// - Throws: `ResultsError.incompleteSource` without Rows or Columns.
    public func sourceImage(frame: Int = 1) throws -> SourceImage {
        guard let rows = original.int(.rows), let columns = original.int(.columns) else {
            throw ResultsError.incompleteSource(file: url.lastPathComponent, attribute: "Rows and Columns")
        }
        return SourceImage(
            sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID, seriesInstanceUID: seriesInstanceUID,
            frame: frame, rows: rows, columns: columns)
    }

    /// Number of Frames, 1 when absent.
    var numberOfFrames: Int { original.int(.numberOfFrames) ?? 1 }

    /// Whether low values are bright.
    var isMonochrome1: Bool { original.text(.photometricInterpretation) == "MONOCHROME1" }

    /// Whether both files name the same patient.
    public func isOfSamePatient(as other: SourceInstance) -> Bool { patient == other.patient }

    /// The patient as far as it must be the same in all sources of a result.
    var patient: [String?] { [header.text(.patientID), header.text(.issuerOfPatientID)] }

    /// Compares the file with what the reading says of it.
    ///
    /// - Throws: `ResultsError.contradictedSource`.
    func check(against image: SourceImage) throws {
        let found = try sourceImage(frame: image.frame)
        for (name, said, stored) in [
            ("sopClassUID", image.sopClassUID, found.sopClassUID),
            ("seriesInstanceUID", image.seriesInstanceUID, found.seriesInstanceUID),
            ("rows", String(image.rows), String(found.rows)),
            ("columns", String(image.columns), String(found.columns)),
        ] where said != stored {
            throw ResultsError.contradictedSource(
                file: url.lastPathComponent, attribute: name, reading: said, found: stored)
        }
        guard image.frame <= numberOfFrames else {
            throw ResultsError.contradictedSource(
                file: url.lastPathComponent, attribute: "frame", reading: String(image.frame),
                found: "\(numberOfFrames) frame(s)")
        }
    }
}

/// Which attributes of the source a result bears too (PS3.3 C.7.1.1, C.7.1.3, C.7.2.1 to C.7.2.3).
enum CopiedAttributes {
    /// Study level: dates, identifiers, physicians, procedures, visit.
    static let study: [Tag] = [
        .studyDate, .studyTime, .accessionNumber, .issuerOfAccessionNumberSequence, .referringPhysicianName,
        Tag(0x0008, 0x0096), Tag(0x0008, 0x009C), Tag(0x0008, 0x009D), .timezoneOffsetFromUTC, .studyDescription,
        .procedureCodeSequence, Tag(0x0008, 0x1048), Tag(0x0008, 0x1049), Tag(0x0008, 0x1060), Tag(0x0008, 0x1062),
        .admittingDiagnosesDescription, Tag(0x0008, 0x1084), .referencedStudySequence, .studyInstanceUID, .studyID,
        Tag(0x0032, 0x1034), Tag(0x0038, 0x0010), Tag(0x0038, 0x0014), Tag(0x0038, 0x0060), Tag(0x0038, 0x0062),
        Tag(0x0038, 0x0064), Tag(0x0038, 0x0500), Tag(0x0040, 0x1012), .syntheticData,
    ]

    /// Type 2 attributes, which every result has, empty when the source lacks them.
    static let obligatory: [(tag: Tag, vr: String)] = [
        (.studyDate, "DA"), (.studyTime, "TM"), (.accessionNumber, "SH"), (.referringPhysicianName, "PN"),
        (.patientName, "PN"), (.patientID, "LO"), (.patientBirthDate, "DA"), (.patientSex, "CS"), (.studyID, "SH"),
    ]

    /// Clinical trial attributes that belong to the source's series.
    private static let trialSeries: Set<Tag> = [
        Tag(0x0012, 0x0060), Tag(0x0012, 0x0071), Tag(0x0012, 0x0072), Tag(0x0012, 0x0073),
    ]

    private static let listed = Set(study + [.requestAttributesSequence])

    /// Whether the attribute is copied: the whole patient and clinical trial groups, and the list above.
    static func contains(_ tag: Tag) -> Bool {
        tag.group == 0x0010 || tag.group == 0x0012 && !trialSeries.contains(tag) || listed.contains(tag)
    }
}
