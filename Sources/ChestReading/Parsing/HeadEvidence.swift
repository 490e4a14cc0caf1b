import Findings
import Foundation
import VisionLanguage

/// What a classification head adds to what the text says.
///
/// The text decides; the head may only raise doubt, never lower it:
/// - a finding that the text states carries the head's probability, where the label was measured on real images;
/// - a finding that the text denies and the head puts at or above its operating point becomes undetermined;
/// - one that the text does not mention and the head puts there becomes an undetermined finding with a sentence of its
///   own that says where it comes from;
/// - labels that were no better than chance on validation data, or had too few images there, raise no doubt, and those
///   that were measured on phantoms only say nothing.
struct HeadEvidence {
    let labels: [LabelProbability]
    let points: OperatingPoints

    /// The least area under the ROC curve on validation data with which a label may raise doubt.
    static let leastAUROC = 0.65
    /// The least number of validation images with the label: fewer say little about its area or its operating point.
    static let leastPositives = 5

    /// Labels whose finding has another key in texts, so that label and text meet.
    private static let keys = ["Central Line": "central_venous_catheter"]

    /// What a label of NIH, CheXpert or the phantom means.
    static func concept(of label: String) -> FindingConcept? {
        let terminology = Terminology.standard
        let plain = label.replacingOccurrences(of: "_", with: " ")
        if let key = keys[plain] { return .term(key) }
        return (terminology.finding(named: label) ?? terminology.finding(named: plain)).map { .term($0.key) }
    }

    /// The labels with their operating points.
    var probabilities: [LabelledProbability] {
        labels.map { label in
            let point = points.points[label.name]
            return LabelledProbability(
                label: label.name, concept: Self.concept(of: label.name),
                probability: isMeasured(label) ? Probability(label.probability, calibrated: true) : nil,
                evidence: label.evidence, threshold: point?.threshold,
                isPositive: point.map { label.probability >= $0.threshold })
        }
    }

    private func isMeasured(_ label: LabelProbability) -> Bool {
        label.evidence == "real" && (0...1).contains(label.probability)
    }

    /// Adds probabilities and doubts to the findings.
    ///
    /// - Returns: sentences of the head's own.
    func combine(with assembly: inout FindingAssembly) -> [ReportSentence] {
        var sentences: [ReportSentence] = []
        let told = assembly.findings
        for label in labels where isMeasured(label) {
            guard case .term(let key)? = Self.concept(of: label.name),
                let term = Terminology.standard.finding(key)
            else { continue }
            let probability = Probability(label.probability, calibrated: true)
            let own = told.filter { Self.isKind($0.concept, of: key) }
            let stated = own.filter { $0.polarity != .absent }
            for finding in stated where Self.isNamed(finding.concept, by: key, among: labels) {
                assembly.update(finding.id) { $0.probability = probability }
            }
            guard stated.isEmpty, term.group == .abnormality, let point = points.points[label.name],
                label.probability >= point.threshold, point.isTrusted
            else { continue }
            let percent = String(format: "%.2f", label.probability)
            let name = term.name.lowercased()
            let id: String
            let text: String
            if let denied = own.first(where: { $0.concept == .term(key) }) {
                id = denied.id
                text = "The classifier suggests \(name) (probability \(percent)), which the text denies."
                assembly.contradict(id, sentence: text, "the classifier contradicts the text")
            } else if Self.isUmbrella(key) {
                continue
            } else {
                id = assembly.add(.term(key), .undetermined, certainty: .possible)
                text = "The classifier suggests \(name) (probability \(percent)), which the text does not mention."
            }
            assembly.update(id) { $0.probability = probability }
            sentences.append(ReportSentence(section: .findings, text: text, findings: [id]))
        }
        return sentences
    }

    /// Whether a concept is the term or one of its kinds: a hiatal hernia for a hernia.
    private static func isKind(_ concept: FindingConcept, of key: String) -> Bool {
        guard case .term(let own) = concept else { return false }
        return Terminology.standard.lineage(of: own).contains { $0.key == key }
    }

    /// Whether a label is the nearest one to a concept: pneumonia has a label of its own beside lung opacity's.
    private static func isNamed(_ concept: FindingConcept, by key: String, among labels: [LabelProbability]) -> Bool {
        guard case .term(let own) = concept else { return false }
        let keys = Set(labels.compactMap { Self.concept(of: $0.name) })
        return Terminology.standard.lineage(of: own).first { keys.contains(.term($0.key)) }?.key == key
    }

    /// Whether other labels say the same more precisely.
    private static func isUmbrella(_ key: String) -> Bool {
        Terminology.standard.findings.contains { $0.parent == key && $0.nih14 != nil } && key == "lung_opacity"
    }
}

extension OperatingPoints.Point {
    /// Whether validation data show that the label tells something.
    fileprivate var isTrusted: Bool {
        guard let auroc = validation?.auroc, let positives = validation?.positives else { return false }
        return auroc >= HeadEvidence.leastAUROC && positives >= HeadEvidence.leastPositives
    }
}
