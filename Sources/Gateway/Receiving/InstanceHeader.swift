import DICOM
import Foundation
import Radiography
import Results
import Worklist

import struct DICOM.CharacterSet

/// What the front door needs to know from a received file's header.
struct InstanceHeader {
    let sopClassUID: UID
    let sopInstanceUID: UID
    let studyInstanceUID: UID
    let seriesInstanceUID: UID
    let instanceNumber: Int?
    let study: StudyAttributes
    let series: SeriesAttributes
    let priority: Priority?
    /// Whether the header says that this is a frontal view.
    let isFrontal: Bool
    /// One of our results comes back. An image that we drew is none: it may be read as any other.
    let isOwnResult: Bool

    /// Reads the header of a complete file. The structure of the whole file is checked on the way.
    ///
    /// - Throws: `DICOMError` when it cannot be parsed or lacks a UID.
    init(contentsOf url: URL) throws {
        let file = try DICOMFile(contentsOf: url, before: .pixelData)
        let dataset = file.dataset
        let characterSet = CharacterSet(declared: dataset.texts(.specificCharacterSet))
        // Text that does not fit its character set is kept as it came: the header still names the study.
        func text(_ tag: Tag, isPersonName: Bool = false) -> String? {
            let decoded = dataset.bytes(tag).flatMap { characterSet?.decode($0, isPersonName: isPersonName) }
            return decoded ?? dataset.text(tag)
        }
        func uid(_ tag: Tag) throws -> UID {
            guard let text = dataset.text(tag) else {
                throw DICOMError.invalidValue(tag: tag, reason: "a UID is missing")
            }
            return try UID(text)
        }
        sopClassUID = try uid(.sopClassUID)
        sopInstanceUID = try uid(.sopInstanceUID)
        studyInstanceUID = try uid(.studyInstanceUID)
        seriesInstanceUID = try uid(.seriesInstanceUID)
        instanceNumber = dataset.int(.instanceNumber)
        study = StudyAttributes(
            patientID: text(.patientID), patientName: text(.patientName, isPersonName: true),
            patientBirthDate: dataset.text(.patientBirthDate), patientSex: dataset.text(.patientSex),
            accessionNumber: text(.accessionNumber), studyDate: dataset.text(.studyDate),
            studyTime: dataset.text(.studyTime), studyDescription: text(.studyDescription))
        series = SeriesAttributes(
            modality: dataset.text(.modality), seriesNumber: dataset.int(.seriesNumber),
            seriesDescription: text(.seriesDescription), bodyPartExamined: dataset.text(.bodyPartExamined))
        let request = dataset.items(.requestAttributesSequence).first
        priority = (dataset.text(.requestedProcedurePriority) ?? request?.text(.requestedProcedurePriority))
            .flatMap { Priority(requestedProcedurePriority: $0) }
        isFrontal = ViewEvidence(dataset).projection.isFrontal
        isOwnResult =
            dataset.text(.manufacturerModelName) == Implementation.productName
            && ResultKind(sopClassUID: sopClassUID.description) != nil
    }

    /// `studies/<study>/<series>/<sop instance>`, safe because each component is a checked UID.
    var directory: String { "studies/\(studyInstanceUID)/\(seriesInstanceUID)/\(sopInstanceUID)" }
}
