import DICOM
import Findings

/// An SR document around a content tree: header, flags, references (PS3.3 A.35, C.17.2).
struct ReportDocument {
    let kind: ResultKind
    let sopClassUID: String
    let content: ContentItem

    private var header: CompositeHeader { CompositeHeader(kind: kind, sopClassUID: sopClassUID, index: 0) }

    func reference(in context: BuildContext) -> ResultReference { header.reference(in: context) }

    /// The document as a file in memory.
    func file(in context: BuildContext) throws -> DICOMFile {
        let file = DICOMFile()
        let dataset = file.dataset
        try header.write(to: dataset, in: context)
        try dataset.setEmptySequence(.referencedPerformedProcedureStepSequence)
        try dataset.set(.contentDate, context.moment.date)
        try dataset.set(.contentTime, context.moment.time)
        try writeFlags(to: dataset)
        try writeAuthor(to: dataset, in: context)
        try writeReferences(to: dataset, in: context)
        try content.write(to: dataset) { image in
            context.source(of: image).numberOfFrames > 1 ? image.frame : nil
        }
        try CodingSchemes.write(content.codes, terminology: context.terminology, to: dataset)
        return file
    }

    private func writeFlags(to dataset: Dataset) throws {
        try dataset.set(.completionFlag, "PARTIAL")
        try dataset.set(.completionFlagDescription, "AI draft, not reviewed")
        try dataset.set(.verificationFlag, "UNVERIFIED")
        try dataset.set(.preliminaryFlag, "PRELIMINARY")
    }

    private func writeAuthor(to dataset: Dataset, in context: BuildContext) throws {
        let identity = context.identity
        let author = try dataset.appendItem(.authorObserverSequence)
        try author.set(.observerType, "DEV")
        try author.set(.manufacturer, identity.manufacturer)
        try author.set(.manufacturerModelName, identity.modelName)
        try author.set(.stationName, identity.stationName)
        try author.set(.deviceUID, identity.deviceUID)
        try author.set(.institutionName, identity.institutionName)
        try author.setEmptySequence(.institutionCodeSequence)
    }

    private func writeReferences(to dataset: Dataset, in context: BuildContext) throws {
        try References.writeRequests(of: context.primary.header, to: dataset)
        try dataset.setEmptySequence(.performedProcedureCodeSequence)
        for procedure in context.primary.header.items(.procedureCodeSequence) {
            let item = try dataset.appendItem(.performedProcedureCodeSequence)
            for (tag, _) in procedure.elements { item.copy(tag, from: procedure) }
        }
        let study = context.reading.studyInstanceUID
        try References.writeEvidence(context.reading.images, studyInstanceUID: study, to: dataset)
        let predecessors = context.revision.predecessors.filter { $0.kind == kind }
        try References.writePredecessors(predecessors, studyInstanceUID: study, to: dataset)
    }
}

/// Coding Scheme Identification Sequence, which tells a reader whose private codes these are (PS3.3 C.12.1).
enum CodingSchemes {
    static func write(_ codes: [Code], terminology: Terminology, to dataset: Dataset) throws {
        let scheme = terminology.privateScheme
        guard codes.contains(where: { $0.scheme == scheme.designator }) else { return }
        let item = try dataset.appendItem(.codingSchemeIdentificationSequence)
        try item.set(.codingSchemeDesignator, scheme.designator)
        try item.set(.codingSchemeUID, scheme.uid)
        try item.set(.codingSchemeName, scheme.name)
        try item.set(.codingSchemeResponsibleOrganization, scheme.responsibleOrganization)
    }
}
