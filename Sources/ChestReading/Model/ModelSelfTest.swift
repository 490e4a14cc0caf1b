/// What a model that draws names in its `cxrgate.json` (key `selfTest`) to be tested with: an image drawn from the
/// description must, read by the same model, show the finding.
public struct ModelSelfTest: Sendable, Hashable, Decodable {
    /// What is drawn.
    public var description: String
    /// The sampler's seed.
    public var seed: UInt64
    /// The key of a finding of the ``Terminology``.
    public var finding: String
}
