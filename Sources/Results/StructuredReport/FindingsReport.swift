import Findings
import Foundation

/// Object B: the findings with codes and regions (PS3.16 TID 1500 with TID 1410 groups).
struct FindingsReport {
    static let template = "1500"

    let context: BuildContext
    private let parts: ReportParts

    init(context: BuildContext) {
        self.context = context
        parts = ReportParts(context: context)
    }

    /// The content tree.
    var content: ContentItem {
        var children = [parts.language] + parts.deviceObserver
        children.append(
            .code(ReportConcepts.procedureReported, ReportConcepts.imagingProcedure, .hasConceptModifier))
        if !context.reading.images.isEmpty { children.append(imageLibrary) }
        children.append(
            .container(ReportConcepts.imagingMeasurements, parts.algorithm + context.marks.map(measurementGroup)))
        children.append(.container(ReportConcepts.qualitativeEvaluations, evaluations))
        return .root(ReportConcepts.imagingMeasurementReport, template: Self.template, children: children)
    }

    // MARK: - Image library

    private var imageLibrary: ContentItem {
        let header = context.primary.header
        let modality = context.primary.original.text(.modality)
        var group: [ContentItem] = []
        if let modality, let code = Self.modalities[modality] {
            group.append(.code(ReportConcepts.modality, code, .hasAcquisitionContext))
        }
        if let date = header.text(.studyDate) {
            group.append(dated(ReportConcepts.studyDate, .date(date)))
        }
        if let time = header.text(.studyTime) {
            group.append(dated(ReportConcepts.studyTime, .time(time)))
        }
        group += context.reading.images.map { image in
            .image(
                nil, image, .contains,
                [
                    .number(
                        ReportConcepts.pixelDataRows, "\(image.rows)", unit: ReportConcepts.pixels,
                        .hasAcquisitionContext),
                    .number(
                        ReportConcepts.pixelDataColumns, "\(image.columns)", unit: ReportConcepts.pixels,
                        .hasAcquisitionContext),
                ])
        }
        return .container(ReportConcepts.imageLibrary, [.container(ReportConcepts.imageLibraryGroup, group)])
    }

    /// Modalities of radiographs (PS3.16 CID 29).
    private static let modalities = [
        "CR": Code(value: "CR", scheme: "DCM", meaning: "Computed Radiography"),
        "DX": Code(value: "DX", scheme: "DCM", meaning: "Digital Radiography"),
        "RF": Code(value: "RF", scheme: "DCM", meaning: "Radiofluoroscopy"),
        "RG": Code(value: "RG", scheme: "DCM", meaning: "Radiographic imaging"),
        "XA": Code(value: "XA", scheme: "DCM", meaning: "X-Ray Angiography"),
        "OT": Code(value: "OT", scheme: "DCM", meaning: "Other Modality"),
    ]

    private func dated(_ name: Code, _ value: ContentItem.Value) -> ContentItem {
        ContentItem(relationship: .hasAcquisitionContext, name: name, value: value, children: [])
    }

    // MARK: - Regions

    private func measurementGroup(_ mark: RegionMark) -> ContentItem {
        var children: [ContentItem] = [
            .text(ReportConcepts.trackingIdentifier, mark.trackingIdentifier, .hasObservationContext),
            .uidReference(ReportConcepts.trackingUniqueIdentifier, mark.trackingUID, .hasObservationContext),
        ]
        if let code = context.terminology.code(of: mark.finding.concept) {
            children.append(.code(ReportConcepts.finding, code))
        }
        children.append(.code(ReportConcepts.geometricPurpose, ReportConcepts.boundedBy))
        children.append(
            ContentItem(
                relationship: .contains, name: ReportConcepts.imageRegion, value: .polyline(mark.box.polyline),
                children: [.image(ReportConcepts.originalSource, mark.image, .selectedFrom)]))
        children += [site(of: mark.finding)].compactMap { $0 }
        // Only a calibrated probability is a measurement; anything else would be an invented number.
        if let probability = mark.finding.probability, probability.calibrated {
            children.append(
                .number(
                    ReportConcepts.probability, String(format: "%.1f", probability.value * 100),
                    unit: ReportConcepts.percent, .contains, parts.algorithm))
        }
        children.append(.text(ReportConcepts.comment, mark.text))
        return .container(ReportConcepts.measurementGroup, template: "1410", children)
    }

    private func site(of finding: Finding) -> ContentItem? {
        guard let site = context.terminology.site(of: finding) else { return nil }
        let side = finding.laterality.map { side in
            ContentItem.code(
                ReportConcepts.laterality, context.terminology.code(of: side), .hasConceptModifier)
        }
        return .code(ReportConcepts.findingSite, site.code, .hasConceptModifier, [side].compactMap { $0 })
    }

    // MARK: - Qualitative evaluations

    private var evaluations: [ContentItem] {
        var items: [ContentItem] = []
        if let abstention = parts.abstention {
            let undetermined = context.terminology.code(of: .undetermined)
            items.append(.code(ReportConcepts.normality, undetermined))
            items.append(.code(ReportConcepts.conclusion, abstention.code))
            items.append(.text(ReportConcepts.findings, parts.abstentionText(abstention)))
        }
        items += context.reading.findings.compactMap(evaluation)
        for (section, heading) in [
            (ReportSection.findings, ReportConcepts.findings), (.impression, ReportConcepts.impressions),
        ] {
            let text = parts.sentences(section).map(\.text).joined(separator: "\n")
            if !text.isEmpty { items.append(.text(heading, text)) }
        }
        items.append(.text(ReportConcepts.comment, parts.draftStatement))
        return items
    }

    private func evaluation(_ finding: Finding) -> ContentItem? {
        guard let name = context.terminology.code(of: finding.concept) else { return nil }
        // Where the finding is matters when it may be on one side and not on the other; a default site says nothing.
        let place = finding.laterality != nil || finding.site != nil ? site(of: finding) : nil
        return .code(name, value(of: finding), .contains, [place].compactMap { $0 })
    }

    /// Present, absent or undetermined; for "no finding", which is a statement about normality, normal or abnormal.
    private func value(of finding: Finding) -> Code {
        if case .term(let key) = finding.concept, let normal = context.terminology.finding(key)?.valueCode {
            switch finding.polarity {
            case .present: return normal
            case .absent: return ReportConcepts.abnormal
            case .undetermined: break
            }
        }
        return context.terminology.code(of: finding.polarity)
    }
}
