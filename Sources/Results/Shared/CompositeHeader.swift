import DICOM
import Findings

/// The modules that every result begins with: patient, study, series, equipment and SOP common.
struct CompositeHeader {
    let kind: ResultKind
    let sopClassUID: String
    /// Counts the objects of this kind in one revision, from 0.
    let index: Int

    /// Purpose of Reference of the gateway's own Contributing Equipment item (PS3.16 CID 7005).
    static let processingEquipment = Code(value: "109102", scheme: "DCM", meaning: "Processing Equipment")

    /// How the object will be named.
    func reference(in context: BuildContext) -> ResultReference {
        ResultReference(
            kind: kind, sopClassUID: sopClassUID,
            sopInstanceUID: context.uids.instance(kind, sopClassUID: sopClassUID, index: index),
            seriesInstanceUID: context.uids.series(kind, sopClassUID: sopClassUID))
    }

    func write(to dataset: Dataset, in context: BuildContext) throws {
        try copyPatientAndStudy(to: dataset, from: context.primary.header)
        try writeSOPCommon(to: dataset, in: context)
        try writeSeries(to: dataset, in: context)
        try writeEquipment(to: dataset, in: context)
    }

    private func copyPatientAndStudy(to dataset: Dataset, from header: Dataset) throws {
        for (tag, _) in header.elements where tag != .requestAttributesSequence {
            dataset.copy(tag, from: header)
        }
        for (tag, vr) in CopiedAttributes.obligatory where !dataset.contains(tag) {
            try dataset.set(tag, "", vr: vr)
        }
    }

    private func writeSOPCommon(to dataset: Dataset, in context: BuildContext) throws {
        let reference = reference(in: context)
        try dataset.set(.specificCharacterSet, "ISO_IR 192")
        try dataset.set(.instanceCreationDate, context.moment.date)
        try dataset.set(.instanceCreationTime, context.moment.time)
        try dataset.set(.instanceCreatorUID, context.identity.deviceUID)
        try dataset.set(.sopClassUID, reference.sopClassUID)
        try dataset.set(.sopInstanceUID, reference.sopInstanceUID)
        // Revisions follow each other in one series; a hundred images of one revision fit between them.
        let number = kind.isOnePerImage ? (context.revision.number - 1) * 100 + index + 1 : context.revision.number
        try dataset.set(.instanceNumber, number)
    }

    private func writeSeries(to dataset: Dataset, in context: BuildContext) throws {
        try dataset.set(.modality, kind.modality)
        try dataset.set(.seriesInstanceUID, reference(in: context).seriesInstanceUID)
        try dataset.set(.seriesNumber, kind.seriesNumber)
        try dataset.set(.seriesDescription, kind.seriesDescription)
        try dataset.set(.seriesDate, context.moment.date)
        try dataset.set(.seriesTime, context.moment.time)
    }

    private func writeEquipment(to dataset: Dataset, in context: BuildContext) throws {
        let model = context.reading.model
        try context.identity.write(to: dataset, with: model)
        let item = try dataset.appendItem(.contributingEquipmentSequence)
        try context.identity.write(to: item, with: model)
        try item.append(Self.processingEquipment, to: .purposeOfReferenceCodeSequence)
        try item.set(.contributionDateTime, context.moment.dateTime)
        try item.set(
            .contributionDescription,
            DICOMText.paragraphs(
                "AI analysis by \(model.name) \(model.version) (\(model.manufacturer), weights \(model.weightsDigest));"
                    + " unverified machine output"))
    }
}

extension ResultKind {
    /// Whether a reading of several images may give several objects of this kind.
    var isOnePerImage: Bool { self == .presentation || self == .overlay }
}
