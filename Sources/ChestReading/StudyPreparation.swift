import DICOM
import Findings
import Foundation
import Radiography

/// A stored image of a study.
public struct StudyFile: Sendable, Hashable {
    /// Where it is.
    public var url: URL
    /// SHA-256 of the file, lower-case hexadecimal.
    public var sha256: String

    /// A file of a study.
    public init(url: URL, sha256: String) {
        self.url = url
        self.sha256 = sha256
    }
}

/// What the images of a study are good for.
public struct PreparedStudy: Sendable {
    /// What became of one image.
    public struct Assessment: Sendable {
        /// The image.
        public var file: StudyFile
        /// Whether it is read, and why not.
        public var suitability: SuitabilityDecision
        /// Its name in DICOM; nil where the header does not give it.
        public var source: SourceImage?
    }

    /// The images to look at, the frontal that leads the reading first; empty when nothing is read.
    public var images: [ReadingImage]
    /// Every image in the order given.
    public var assessments: [Assessment]
    /// What the header of the leading image tells.
    public var context: ClinicalContext
    /// Why nothing is read; nil where something is.
    public var abstention: Abstention?
}

/// Makes pictures of a study's files and decides whether they are read: the step before any model.
public struct StudyPreparation: Sendable {
    /// What is read and what not.
    public var policy: SuitabilityPolicy
    /// Rows and columns of a picture at most. Models look at 1,000 pixels or fewer a side.
    public var longestSide: Int
    /// What is decoded at most.
    public var decoder: PixelDecoder

    /// A preparation.
    public init(
        policy: SuitabilityPolicy = SuitabilityPolicy(), longestSide: Int = 1536,
        decoder: PixelDecoder = PixelDecoder()
    ) {
        self.policy = policy
        self.longestSide = longestSide
        self.decoder = decoder
    }

    /// Decodes and assesses every file. A file that cannot be used is an assessment, never an error.
    public func prepare(_ files: [StudyFile]) -> PreparedStudy {
        let images = files.map(assess)
        // A lateral is no reading of its own, but belongs to the frontal's for a model that looks at both.
        let usable = images.filter { image in
            image.picture != nil && image.assessment.source != nil
                && image.assessment.suitability.reasons.allSatisfy { $0 == .lateralOnly }
        }.sorted { $0.rank < $1.rank }
        let hasFrontal = usable.contains { $0.assessment.suitability.isSuitable }
        let chosen = hasFrontal ? usable.compactMap(\.picture) : []
        return PreparedStudy(
            images: chosen, assessments: images.map(\.assessment),
            context: (hasFrontal ? usable.first?.context : nil) ?? ClinicalContext(),
            abstention: hasFrontal ? nil : Self.abstention(images.map(\.assessment)))
    }

    private struct Image {
        var assessment: PreparedStudy.Assessment
        var picture: ReadingImage?
        var context: ClinicalContext?

        /// Frontals that are read before laterals, PA before AP: it shows the heart in its size.
        var rank: Int {
            guard assessment.suitability.isSuitable else { return 3 }
            switch assessment.suitability.view.projection {
            case .posteroAnterior: return 0
            case .anteroPosterior: return 1
            default: return 2
            }
        }
    }

    private func assess(_ file: StudyFile) -> Image {
        let dicom: DICOMFile
        do {
            dicom = try DICOMFile(contentsOf: file.url)
        } catch {
            return Image(assessment: .init(file: file, suitability: .unreadable(error), source: nil))
        }
        let source = SourceImage(dicom.dataset)
        do {
            let assessed = try AssessedRadiograph(dicom, longestSide: longestSide, decoder: decoder, policy: policy)
            let suitability = assessed.suitability
            let projection = suitability.view.projection
            return Image(
                assessment: .init(file: file, suitability: suitability, source: source),
                picture: source.map {
                    ReadingImage(
                        source: $0, radiograph: assessed.radiograph, projection: projection, sha256: file.sha256)
                },
                context: ClinicalContext(dicom.dataset, projection: projection, age: suitability.age))
        } catch {
            return Image(
                assessment: .init(file: file, suitability: .unreadable(error, dicom.dataset), source: source))
        }
    }

    /// The reason that tells most of the study: what a chest image lacks, before what is no chest image at all.
    private static func abstention(_ assessments: [PreparedStudy.Assessment]) -> Abstention {
        let reasons = assessments.compactMap { assessment in
            assessment.suitability.findings.first { $0.reason != nil }
        }
        let leading = reasons.min { one, other in rank(one.reason) < rank(other.reason) }
        guard let leading, let reason = leading.reason else { return Abstention(reason: "no_image") }
        let others = assessments.count > 1 ? " (1 of \(assessments.count) images)" : ""
        return Abstention(reason: reason.term, detail: plain(leading.evidence) + others)
    }

    private static func rank(_ reason: AbstentionReason?) -> Int {
        switch reason {
        case .lateralOnly: 0
        case .belowAgeRange, .ageUnknown: 1
        case .notChest, .notRadiograph: 3
        case nil: 4
        default: 2
        }
    }

    /// Evidence quotes the header, which may hold anything: kept to what a report may say.
    private static func plain(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format ? " " : scalar
        }
        return String(String(String.UnicodeScalarView(scalars)).prefix(Reading.Limits.disclaimer - 64))
    }
}

extension SourceImage {
    /// The first frame of an image; nil where the header lacks a UID or the size.
    init?(_ dataset: Dataset) {
        guard let sopClass = dataset.text(.sopClassUID), let instance = dataset.text(.sopInstanceUID),
            let series = dataset.text(.seriesInstanceUID), let rows = dataset.int(.rows), (1...65535).contains(rows),
            let columns = dataset.int(.columns), (1...65535).contains(columns)
        else { return nil }
        self.init(
            sopClassUID: sopClass, sopInstanceUID: instance, seriesInstanceUID: series, rows: rows, columns: columns)
    }
}

extension AbstentionReason {
    /// The key of the reason in the ``Terminology``.
    public var term: String {
        switch self {
        case .notRadiograph: "unsupported_object"
        case .noPresentation: "no_presentation"
        case .notChest, .bodyPartUnknown: "not_chest"
        case .lateralOnly: "lateral_only"
        case .unsupportedView, .viewUnknown: "unknown_view"
        case .belowAgeRange: "patient_too_young"
        case .ageUnknown: "age_unknown"
        case .unreadablePixels: "unreadable_pixels"
        case .imageTooSmall: "image_too_small"
        case .blankImage, .implausiblePixels: "implausible_pixels"
        case .polarityContradiction: "polarity_contradiction"
        case .orientationDoubtful: "orientation_unknown"
        }
    }
}
