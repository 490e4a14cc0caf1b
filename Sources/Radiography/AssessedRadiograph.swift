import DICOM

/// A radiograph and the decision whether to read it: what one image becomes on its way to the model.
public struct AssessedRadiograph: Sendable, Equatable {
    /// The picture, upright and in display polarity; corrected when it contradicted the header's polarity.
    public let radiograph: Radiograph
    /// Whether it is read.
    public let suitability: SuitabilityDecision

    /// Decodes, presents and assesses the first frame.
    ///
    /// - Parameter longestSide: Rows and columns of the picture at most; `nil` keeps the source's resolution.
    /// - Throws: `RadiographyError` when there is no picture; see `SuitabilityDecision.unreadable` for its decision.
    public init(
        _ file: DICOMFile, longestSide: Int? = nil, decoder: PixelDecoder = PixelDecoder(),
        policy: SuitabilityPolicy = SuitabilityPolicy()
    ) throws {
        try self.init(file, PresentedImage(file, decoder: decoder), longestSide: longestSide, policy: policy)
    }

    /// Assesses an image that is presented already.
    public init(
        _ file: DICOMFile, _ image: PresentedImage, longestSide: Int? = nil,
        policy: SuitabilityPolicy = SuitabilityPolicy()
    ) {
        let radiograph = Radiograph(image, longestSide: longestSide)
        let measures = PictureMeasures(image, radiograph)
        let rules = SuitabilityRules(file.dataset, image, measures, policy)
        suitability = rules.decision
        if suitability.findings.contains(where: { $0.rule == "polarity" }) {
            self.radiograph = radiograph.inverted(
                note: "the picture contradicts \(image.facts.photometricInterpretation): its polarity was corrected")
        } else {
            self.radiograph = radiograph
        }
    }
}

extension SuitabilityDecision {
    /// The decision on an image of which no picture can be made.
    public static func unreadable(_ error: any Error, _ dataset: Dataset? = nil) -> SuitabilityDecision {
        SuitabilityDecision(
            findings: [RuleFinding(rule: "decoding", reason: .unreadablePixels, evidence: "\(error)")],
            view: dataset.map { ViewEvidence($0) } ?? .unknown, age: dataset.flatMap { AgeEvidence($0) }, measures: nil)
    }
}
