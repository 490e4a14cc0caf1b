/// What the gateway reads and where it abstains. Every value is a threshold of a rule; `Conformance/RADIOGRAPHY.md`
/// says how each default was chosen and what it costs on real images.
public struct SuitabilityPolicy: Codable, Equatable, Sendable {
    // MARK: - What the header says

    /// Modalities that are projection radiography.
    public var modalities: Set<String> = ["CR", "DX", "RG", "XR"]
    /// SOP classes of single projection images: CR, DX for presentation and for processing, Secondary Capture and its
    /// multi-frame grayscale and colour forms.
    public var sopClasses: Set<String> = [
        "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1",
        "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.2", "1.2.840.10008.5.1.4.1.1.7.3",
        "1.2.840.10008.5.1.4.1.1.7.4",
    ]
    /// The youngest age that the model is meant for, in years.
    public var minimumAge = 18.0
    /// Whether a patient of unknown age is read. Off: an unknown age may be a child's.
    public var readsUnknownAge = false

    // MARK: - What the pixels show

    /// Rows and columns at least.
    public var minimumSide = 224
    /// The least standard deviation of display gray over the exposed field (64 x 64 means).
    public var minimumContrast = 0.04
    /// The greatest share of pixels displayed as pure black and pure white together.
    public var maximumClipped = 0.85
    /// The greatest share of pure white alone.
    public var maximumWhite = 0.6
    /// The least correlation of neighbouring cells (64 x 64 means): anatomy is smooth, noise and text are not.
    public var minimumSmoothness = 0.6
    /// The fewest gray levels, of 256, that hold at least one pixel in ten thousand.
    public var minimumGrayLevels = 24
    /// The greatest share of lines that are one and the same mid-gray value, as a decoder leaves behind what it could
    /// not decode.
    public var maximumDeadLines = 0.1

    // MARK: - Whether it looks like a frontal chest radiograph

    /// Likeness (see `PictureMeasures`) below which a picture whose header says frontal chest is not believed to be
    /// one. Low on purpose: the header is doubted on strong evidence only.
    public var minimumLikeness = 0.1
    /// Likeness from which a picture is taken as a frontal chest where the header does not say the body part or view.
    public var minimumLikenessUnnamed = 0.4
    /// Likeness below which polarity is inverted; negative.
    public var invertedLikeness = -0.35
    /// What is done about inverted polarity.
    public var onPolarityContradiction = PolarityAction.abstain
    /// Likeness that a quarter or half turn must reach, and by how much it must exceed the likeness as it stands, for
    /// the picture to count as turned.
    public var turnedLikeness = 0.35
    public var turnedMargin = 0.3

    /// What is done when the picture is inverted although the header says otherwise.
    public enum PolarityAction: String, Codable, Sendable {
        /// No reading; the draft says why.
        case abstain
        /// The polarity is corrected, the provenance says so, and the picture is read.
        case correct
    }

    /// The documented defaults.
    public init() {}
}
