import Audit
import ChestReading
import Findings

extension Provenance {
    /// How an answer of a model came about.
    ///
    /// - Parameters:
    ///   - images: the images that the model was shown.
    ///   - seed: the sampler's; nil where nothing was left to chance.
    ///   - reading: what was made of the answers, where a reading came of them.
    public init(
        of turns: [ReadingRecord.Turn], about images: [ReadingImage], model: ModelIdentity, decoding: [String: String],
        seed: UInt64? = nil, reading: Reading? = nil, dropped: [ReadingRecord.Dropped] = [], results: [Result] = [],
        took duration: Duration, revision: Int = 1
    ) {
        let digest = model.weightsDigest
        self.init(
            inputs: images.map {
                Input(sopInstanceUID: $0.source.sopInstanceUID, sha256: $0.sha256, view: $0.projection.rawValue)
            },
            model: Model(
                name: model.name, version: model.version,
                weightsSHA256: digest.hasPrefix("sha256:") ? String(digest.dropFirst(7)) : digest),
            decoding: decoding, seed: seed, turns: turns.map { Turn(prompt: $0.prompt, answer: $0.answer) },
            findings: reading.map { reading in
                reading.findings.flatMap { ParsedFinding.all(of: $0, in: reading) }
            } ?? [],
            dropped: dropped.map { Dropped(text: $0.text, reason: $0.reason) }, results: results,
            durationMilliseconds: Int(duration / .milliseconds(1)), revision: revision)
    }
}

extension Provenance.ParsedFinding {
    /// One entry per region; one for a finding without.
    fileprivate static func all(of finding: Finding, in reading: Reading) -> [Provenance.ParsedFinding] {
        let term =
            switch finding.concept {
            case .term(let key): key
            case .code(let code): "\(code)"
            }
        let sentence = reading.sentences.first { $0.findings.contains(finding.id) }?.text
        let boxes: [[Double]?] = finding.regions.map {
            [$0.region.x0, $0.region.y0, $0.region.x1, $0.region.y1]
        }
        return (boxes.isEmpty ? [nil] : boxes).map { box in
            Provenance.ParsedFinding(
                term: term, polarity: finding.polarity.rawValue, probability: finding.probability?.value, box: box,
                sentence: sentence)
        }
    }
}
