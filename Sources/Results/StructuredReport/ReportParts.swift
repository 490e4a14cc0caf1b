import Findings

/// Parts that several report templates share.
struct ReportParts {
    let context: BuildContext

    /// Language (TID 1204).
    var language: ContentItem {
        .code(ReportConcepts.language, ReportLanguage.code(context.reading.language), .hasConceptModifier)
    }

    /// The gateway as the observer (TID 1002, 1004).
    var deviceObserver: [ContentItem] {
        let identity = context.identity
        return [
            .code(ReportConcepts.observerType, ReportConcepts.device, .hasObservationContext),
            .uidReference(ReportConcepts.deviceObserverUID, identity.deviceUID, .hasObservationContext),
            .text(ReportConcepts.deviceObserverName, identity.stationName, .hasObservationContext),
            .text(ReportConcepts.deviceObserverManufacturer, identity.manufacturer, .hasObservationContext),
            .text(ReportConcepts.deviceObserverModelName, identity.modelName, .hasObservationContext),
            .text(ReportConcepts.deviceObserverSerialNumber, identity.serialNumber, .hasObservationContext),
        ]
    }

    /// Algorithm name and version (TID 4019).
    var algorithm: [ContentItem] {
        let model = context.reading.model
        return [
            .text(ReportConcepts.algorithmName, model.name, .hasConceptModifier),
            .text(ReportConcepts.algorithmVersion, model.version, .hasConceptModifier),
        ]
    }

    /// The disclaimer and who spoke, for the top of a narrative and the end of a findings report.
    var draftStatement: String {
        let model = context.reading.model
        return "\(context.reading.disclaimer)\nAlgorithm: \(model.name), version \(model.version)"
            + " (\(model.manufacturer)). \(context.identity.modelName) \(context.identity.softwareVersion),"
            + " revision \(context.revision.number)."
    }

    /// The words of a section, generated from the coded findings when the reading brings findings without prose.
    func sentences(_ section: ReportSection) -> [ReportSentence] {
        let own = context.reading.sentences.filter { $0.section == section }
        guard own.isEmpty, section == .findings, context.reading.sentences.isEmpty else { return own }
        return context.reading.findings.map { finding in
            ReportSentence(section: .findings, text: context.words.sentence(finding), findings: [finding.id])
        }
    }

    /// The reason for not reading in words: what it means, and what was seen in this study.
    func abstentionText(_ term: AbstentionTerm) -> String {
        let title = term.kind == .failure ? "The automatic reading failed" : "Not analysed"
        let detail = context.reading.abstention?.detail.map { "\nSeen in this study: \($0)" } ?? ""
        return "\(title): \(term.code.meaning). \(term.explanation)\(detail)"
    }

    /// The abstention's term, if the reading is one.
    var abstention: AbstentionTerm? {
        context.reading.abstention.flatMap { context.terminology.abstentionReason($0.reason) }
    }
}
