import Findings

/// Reads studies: the port through which the gateway sees a model, whatever its family.
public protocol StudyReader: Sendable {
    /// Which model speaks; every reading names it.
    var identity: ModelIdentity { get }
    /// The most images of one study that the model looks at; the first ones of a request count.
    var maximumImages: Int { get }

    /// Reads studies; several at once share the passes over the weights where the model can.
    ///
    /// - Returns: one result per request, in their order. Each fails alone: one bad study spoils no other.
    func read(_ requests: [ReadingRequest]) async -> [Result<StudyReading, any Error>]
}

/// What came of one request.
public struct StudyReading: Sendable {
    /// What the model says, in the project's terms. Its `images` are those that were looked at.
    public var reading: Reading
    /// How it came about.
    public var record: ReadingRecord

    /// A reading and its record.
    public init(reading: Reading, record: ReadingRecord) {
        self.reading = reading
        self.record = record
    }
}
