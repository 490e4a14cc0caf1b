import DICOM

/// The rules in their order; each looks at the evidence and may find something.
struct SuitabilityRules {
    let policy: SuitabilityPolicy
    let dataset: Dataset
    let image: PresentedImage
    let measures: PictureMeasures
    let bodyPart: BodyPartEvidence
    let view: ViewEvidence
    let age: AgeEvidence?

    init(_ dataset: Dataset, _ image: PresentedImage, _ measures: PictureMeasures, _ policy: SuitabilityPolicy) {
        self.policy = policy
        self.dataset = dataset
        self.image = image
        self.measures = measures
        bodyPart = BodyPartEvidence(dataset)
        view = ViewEvidence(dataset)
        age = AgeEvidence(dataset)
    }

    /// Everything that was found.
    var decision: SuitabilityDecision {
        let findings = [
            modality, presentation, otherBodyPart, unreadableView, ageRange, size, blank, clipping, smoothness,
            grayLevels, deadLines, polarity, orientation, unnamedBodyPart, unnamedView, likeness,
        ].compactMap { $0 }
        // Where the header is silent and the picture was believed, the view is frontal.
        let seen =
            view.projection == .unknown && !findings.contains { $0.reason != nil }
            ? ViewEvidence(projection: .frontal, source: "the picture") : view
        return SuitabilityDecision(findings: findings, view: seen, age: age, measures: measures)
    }

    // MARK: - Header

    private var modality: RuleFinding? {
        let modality = image.facts.modality ?? ""
        let sopClass = image.facts.sopClassUID ?? ""
        if policy.modalities.contains(modality.uppercased()), policy.sopClasses.contains(sopClass) { return nil }
        return RuleFinding(
            rule: "modality", reason: .notRadiograph,
            evidence: "Modality '\(modality)', SOP Class \(sopClass) is no projection radiograph")
    }

    private var presentation: RuleFinding? {
        let intent = dataset.text(.presentationIntentType)?.uppercased()
        let forProcessing = image.facts.sopClassUID == "1.2.840.10008.5.1.4.1.1.1.1.1" || intent == "FOR PROCESSING"
        guard forProcessing else { return nil }
        switch image.valueOfInterest {
        case .lookupTable, .window:
            return RuleFinding(
                rule: "presentation", reason: nil, evidence: "a for-processing image with a presentation of its own")
        case .fullRange, .percentiles:
            return RuleFinding(
                rule: "presentation", reason: .noPresentation,
                evidence: "a for-processing image without window or VOI LUT")
        }
    }

    private var otherBodyPart: RuleFinding? {
        guard bodyPart.verdict == .other else { return nil }
        return RuleFinding(rule: "body part", reason: .notChest, evidence: bodyPart.evidence)
    }

    private var unreadableView: RuleFinding? {
        switch view.projection {
        case .posteroAnterior, .anteroPosterior, .frontal, .unknown: return nil
        case .lateral:
            return RuleFinding(rule: "view", reason: .lateralOnly, evidence: "a lateral view, from \(view.source)")
        case .other:
            return RuleFinding(
                rule: "view", reason: .unsupportedView, evidence: "an oblique or special view, from \(view.source)")
        }
    }

    private var ageRange: RuleFinding? {
        guard let age else {
            return RuleFinding(
                rule: "age", reason: policy.readsUnknownAge ? nil : .ageUnknown,
                evidence: "neither Patient's Age nor birth and study dates tell the age")
        }
        let years = (age.years * 10).rounded(.down) / 10
        if age.years < policy.minimumAge {
            return RuleFinding(
                rule: "age", reason: .belowAgeRange,
                evidence: "\(years) years, from \(age.source); read from \(policy.minimumAge) years")
        }
        return age.note.map { RuleFinding(rule: "age", reason: nil, evidence: $0) }
    }

    // MARK: - Pixels

    private var size: RuleFinding? {
        guard min(image.rows, image.columns) < policy.minimumSide else { return nil }
        return RuleFinding(
            rule: "size", reason: .imageTooSmall,
            evidence: "\(image.rows) x \(image.columns) pixels; at least \(policy.minimumSide) on each side")
    }

    private var isBlank: Bool { measures.contrast < policy.minimumContrast }

    private var blank: RuleFinding? {
        guard isBlank else { return nil }
        return RuleFinding(
            rule: "blank", reason: .blankImage,
            evidence: "gray varies by \(hundredths(measures.contrast)); at least \(policy.minimumContrast)")
    }

    private var clipping: RuleFinding? {
        guard !isBlank else { return nil }
        let total = measures.black + measures.white
        guard total > policy.maximumClipped || measures.white > policy.maximumWhite else { return nil }
        return RuleFinding(
            rule: "clipping", reason: .implausiblePixels,
            evidence: "\(percent(measures.black)) of the pixels are pure black, \(percent(measures.white)) pure white")
    }

    private var smoothness: RuleFinding? {
        guard !isBlank, measures.smoothness < policy.minimumSmoothness else { return nil }
        return RuleFinding(
            rule: "smoothness", reason: .implausiblePixels,
            evidence: "neighbouring parts hardly correlate (\(hundredths(measures.smoothness))): noise or text")
    }

    private var grayLevels: RuleFinding? {
        guard !isBlank, measures.grayLevels < policy.minimumGrayLevels else { return nil }
        return RuleFinding(
            rule: "gray levels", reason: .implausiblePixels, evidence: "only \(measures.grayLevels) gray levels occur")
    }

    private var deadLines: RuleFinding? {
        guard measures.deadLines > policy.maximumDeadLines else { return nil }
        return RuleFinding(
            rule: "dead lines", reason: .implausiblePixels,
            evidence: "\(percent(measures.deadLines)) of the lines are one even gray, as if they had not been decoded")
    }

    private var polarity: RuleFinding? {
        guard Self.isInverted(measures, policy), bodyPart.verdict != .other else { return nil }
        let reason: AbstentionReason? = policy.onPolarityContradiction == .abstain ? .polarityContradiction : nil
        return RuleFinding(
            rule: "polarity", reason: reason,
            evidence: "the picture is inverted although the header says \(image.facts.photometricInterpretation)"
                + " (\(likenessText))")
    }

    private var orientation: RuleFinding? {
        guard bodyPart.verdict != .other, let best = measures.turnedLikeness.enumerated().max(by: { $0.1 < $1.1 }),
            best.element >= policy.turnedLikeness, best.element - measures.likeness >= policy.turnedMargin
        else { return nil }
        return RuleFinding(
            rule: "orientation", reason: .orientationDoubtful,
            evidence: "the picture looks turned: likeness \(hundredths(best.element)) after turning it by"
                + " \((best.offset + 1) * 90) degrees counter-clockwise, \(hundredths(measures.likeness)) as it stands")
    }

    /// Where the header does not name the body part, or contradicts itself, the picture decides.
    private var unnamedBodyPart: RuleFinding? {
        guard bodyPart.verdict == .unknown || bodyPart.verdict == .contradictory else { return nil }
        if standingLikeness >= policy.minimumLikenessUnnamed {
            return RuleFinding(
                rule: "body part", reason: nil,
                evidence: "\(bodyPart.evidence); the picture looks like a frontal chest (\(likenessText))")
        }
        return RuleFinding(
            rule: "body part", reason: bodyPart.verdict == .unknown ? .bodyPartUnknown : .notChest,
            evidence: "\(bodyPart.evidence), and the picture does not look like a frontal chest (\(likenessText))")
    }

    private var unnamedView: RuleFinding? {
        guard view.projection == .unknown else { return nil }
        if standingLikeness >= policy.minimumLikenessUnnamed {
            return RuleFinding(
                rule: "view", reason: nil, evidence: "the header does not name the view; the picture looks frontal")
        }
        return RuleFinding(
            rule: "view", reason: .viewUnknown,
            evidence: "the header does not name the view, and the picture does not look frontal (\(likenessText))")
    }

    /// The likeness of the picture as it is handed on: an inverted one that is corrected looks like its opposite.
    private var standingLikeness: Double {
        polarity != nil && policy.onPolarityContradiction == .correct ? -measures.likeness : measures.likeness
    }

    /// Only for pictures whose header says frontal chest; the other rules have the rest.
    private var likeness: RuleFinding? {
        guard bodyPart.verdict == .chest, view.projection.isFrontal, polarity == nil, orientation == nil, !isBlank,
            measures.likeness < policy.minimumLikeness
        else { return nil }
        return RuleFinding(
            rule: "likeness", reason: .implausiblePixels,
            evidence: "the header says frontal chest, the picture does not look like one (\(likenessText))")
    }

    /// Whether the picture is inverted rather than turned or something else.
    static func isInverted(_ measures: PictureMeasures, _ policy: SuitabilityPolicy) -> Bool {
        measures.likeness <= policy.invertedLikeness
            && -measures.likeness > (measures.turnedLikeness.max() ?? 0)
    }

    private var likenessText: String { "likeness \(hundredths(measures.likeness))" }
    private func hundredths(_ value: Double) -> String { String((value * 100).rounded() / 100) }
    private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}
