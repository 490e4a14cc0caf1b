import Findings

/// Object A: the report as prose (PS3.16 TID 2000), which every viewer shows as text.
struct NarrativeReport {
    static let sopClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    static let template = "2000"

    let context: BuildContext
    private let parts: ReportParts

    init(context: BuildContext) {
        self.context = context
        parts = ReportParts(context: context)
    }

    /// The content tree.
    var content: ContentItem {
        var children = [parts.language] + parts.deviceObserver
        children.append(.code(ReportConcepts.procedureReported, procedure, .hasConceptModifier))
        children.append(summary)
        if let findings = section(.findings, ReportConcepts.findings, ReportConcepts.finding) {
            children.append(findings)
        }
        if let impressions = section(.impression, ReportConcepts.impressions, ReportConcepts.impression) {
            children.append(impressions)
        }
        return .root(ReportConcepts.diagnosticImagingReport, template: Self.template, children: children)
    }

    private var procedure: Code {
        context.primary.header.code(.procedureCodeSequence) ?? ReportConcepts.plainChestXRay
    }

    private var summary: ContentItem {
        var children: [ContentItem] = []
        if let abstention = parts.abstention {
            children.append(.code(ReportConcepts.conclusion, abstention.code))
            children.append(.text(ReportConcepts.conclusion, parts.abstentionText(abstention)))
        }
        children.append(.text(ReportConcepts.conclusion, parts.draftStatement))
        return .container(ReportConcepts.summary, children)
    }

    private func section(_ section: ReportSection, _ heading: Code, _ name: Code) -> ContentItem? {
        let sentences = parts.sentences(section)
        guard !sentences.isEmpty else { return nil }
        let children = sentences.map { sentence in
            ContentItem.text(name, sentence.text, .contains, section == .findings ? illustrations(sentence) : [])
        }
        return .container(heading, children)
    }

    /// The images that show what a sentence speaks of: those with its findings' regions, else all that were read.
    private func illustrations(_ sentence: ReportSentence) -> [ContentItem] {
        let mentioned = context.marks.filter { sentence.findings.contains($0.finding.id) }.map(\.image)
        let images = mentioned.isEmpty ? context.reading.images : mentioned
        var seen: Set<SourceImage> = []
        return images.filter { seen.insert($0).inserted }.map {
            .image(ReportConcepts.bestIllustration, $0, .inferredFrom)
        }
    }
}
