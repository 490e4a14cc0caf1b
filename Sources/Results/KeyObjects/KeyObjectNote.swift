import DICOM
import Findings

/// Object E: the images of flagged findings, for viewers that open key images first (PS3.3 A.35.4, PS3.16 TID 2010).
struct KeyObjectNote {
    static let sopClassUID = "1.2.840.10008.5.1.4.1.1.88.59"

    let context: BuildContext
    private let header = CompositeHeader(kind: .keyObjects, sopClassUID: Self.sopClassUID, index: 0)

    init(context: BuildContext) {
        self.context = context
    }

    func reference() -> ResultReference { header.reference(in: context) }

    /// The note, or nil when no finding is flagged.
    func file() throws -> DICOMFile? {
        let findings = flagged
        let images = images(of: findings)
        guard !images.isEmpty else { return nil }
        let file = DICOMFile()
        let dataset = file.dataset
        try header.write(to: dataset, in: context)
        try dataset.setEmptySequence(.referencedPerformedProcedureStepSequence)
        try dataset.set(.contentDate, context.moment.date)
        try dataset.set(.contentTime, context.moment.time)
        try References.writeRequests(of: context.primary.header, to: dataset)
        try References.writeEvidence(images, studyInstanceUID: context.reading.studyInstanceUID, to: dataset)
        try content(findings, images).write(to: dataset) { image in
            context.source(of: image).numberOfFrames > 1 ? image.frame : nil
        }
        return file
    }

    /// The present abnormalities that the site wants flagged.
    private var flagged: [Finding] {
        context.reading.findings.filter { finding in
            guard finding.polarity == .present else { return false }
            switch finding.concept {
            case .term(let key):
                if let chosen = context.options.flaggedFindings { return chosen.contains(key) }
                return context.terminology.finding(key)?.group == .abnormality
            case .code(let code):
                return context.options.flaggedFindings?.contains(code.value) ?? true
            }
        }
    }

    /// The images with regions of the findings; all images that were read for a finding without a region.
    private func images(of findings: [Finding]) -> [SourceImage] {
        context.reading.images.filter { image in
            findings.contains { finding in
                finding.regions.isEmpty
                    || finding.regions.contains {
                        $0.sopInstanceUID == image.sopInstanceUID && $0.frame == image.frame
                    }
            }
        }
    }

    private func content(_ findings: [Finding], _ images: [SourceImage]) -> ContentItem {
        let parts = ReportParts(context: context)
        let list = findings.map(context.words.text).joined(separator: "; ")
        var children = parts.deviceObserver
        children.append(.text(ReportConcepts.keyObjectDescription, "\(list).\n\(parts.draftStatement)"))
        children += images.map { .image(nil, $0, .contains) }
        return .root(ReportConcepts.ofInterest, template: "2010", children: children)
    }
}
