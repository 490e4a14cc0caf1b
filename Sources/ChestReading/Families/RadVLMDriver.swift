/// RadVLM (arXiv 2502.03333): the report has no boxes, so that one conversation asks for the report, then for the list of
/// abnormalities, then for the place of each. The image is read once for all.
struct RadVLMDriver: FamilyDriver {
    static let family = "llava_onevision"

    /// The most findings that are located: enough for any real study, and a bound for a runaway list.
    private static let mostRegions = 8

    let prompts: PromptSet

    func question(after exchanges: [Exchange], context: PromptContext) -> Question? {
        guard let list = exchanges.first(where: { $0.question.purpose == .list }) else {
            return exchanges.isEmpty
                ? context.question(.report, prompts.report) : context.question(.list, prompts.list)
        }
        let located = exchanges.compactMap { exchange -> String? in
            if case .region(let key) = exchange.question.purpose { key } else { nil }
        }
        guard located.count < Self.mostRegions else { return nil }
        let next = FindingList(list.generation.text, context.extractor).findings.first { !located.contains($0.key) }
        return next.flatMap { context.question(.region(of: $0.key), prompts.region, ["name": $0.name]) }
    }
}
