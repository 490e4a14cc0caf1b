import Worklist

/// Store and forward: received instances go on unchanged to the destinations that their source names.
enum ForwardRule {
    /// The destinations for instances from a calling AE.
    static func destinations(
        for aeTitle: String, sources: [SourceConfiguration], destinations: [DestinationConfiguration]
    ) -> [DestinationConfiguration] {
        let source = sources.first { $0.aeTitle == aeTitle } ?? sources.first { $0.aeTitle == "*" }
        return (source?.forwardTo ?? []).compactMap { name in destinations.first { $0.name == name } }
    }

    /// Whether an instance is forwarded. Our own results are not (the loop guard), nor is what is quarantined.
    static func applies(to disposition: Disposition) -> Bool {
        disposition == .toRead || disposition == .storedOnly
    }
}
