/// How often a report takes back what it says: assistants that hedge everything are never wrong and of no use.
public struct HedgeCounter: Sendable {
    private let extractor: FindingExtractor

    /// A counter over the cue phrases of the extractor's data files.
    public init(extractor: FindingExtractor) {
        self.extractor = extractor
    }

    /// Phrases of doubt ("may represent", "likely", "cannot be excluded") in the report's own sections.
    public func count(in report: String) -> Int {
        extractor.hedges(in: report)
    }
}
