import DICOM
import Findings

/// A study with its reading, as the conformance script and the tests build results from.
public struct SampleStudy: Sendable {
    /// For directories and test output.
    public var name: String
    /// The images.
    public var images: [SyntheticRadiograph]
    /// What a model says of them.
    public var reading: Reading

    /// A study of one frontal image.
    public init(
        _ name: String, _ image: SyntheticRadiograph = SyntheticRadiograph(), _ reading: (SourceImage) -> Reading
    ) {
        self.name = name
        images = [image]
        self.reading = reading(image.sourceImage)
    }

    /// The set of readings that result objects must survive.
    public static var all: [SampleStudy] {
        [noRegion, oneRegion, manyRegions, twoImages, monochrome1, missingType2, longReport, integrator]
            + CharacterSetSample.all.map(named) + Terminology.standard.abstentionReasons.map(\.key).map(abstention)
    }

    /// A reading with an effusion and, by number, more findings with regions.
    public static func reading(
        of image: SourceImage, findings: [Finding] = [], sentences: [ReportSentence] = standardSentences
    ) -> Reading {
        Reading(
            studyInstanceUID: SyntheticRadiograph().studyInstanceUID, images: [image], sentences: sentences,
            findings: findings, model: model)
    }

    public static let model = ModelIdentity(
        name: "cxr-vlm", version: "2026.02-q4",
        weightsDigest: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
        manufacturer: "Example Models")

    /// Two sentences of findings, one of impression.
    public static let standardSentences = [
        ReportSentence(
            section: .findings, text: "Moderate left pleural effusion with blunting of the costophrenic angle.",
            findings: ["effusion"]),
        ReportSentence(section: .findings, text: "No pneumothorax."),
        ReportSentence(section: .impression, text: "Moderate left pleural effusion.", findings: ["effusion"]),
    ]

    /// An effusion at the left base, in fractions of the image.
    public static func effusion(on image: SourceImage) -> Finding {
        Finding(
            id: "effusion", concept: .term("pleural_effusion"), polarity: .present,
            probability: Probability(0.91, calibrated: true), laterality: .left, severity: .moderate,
            regions: [region(on: image, 0.66, 0.62, 0.93, 0.82)])
    }

    /// A box in fractions of an image.
    public static func region(
        on image: SourceImage, _ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double
    ) -> ImageRegion {
        let region = Region(x0: x0, y0: y0, x1: x1, y1: y1)
        return ImageRegion(
            sopInstanceUID: image.sopInstanceUID,
            region: region.scaled(x: Double(image.columns), y: Double(image.rows)))
    }

    /// Statements without regions.
    public static let statements = [
        Finding(id: "pneumothorax", concept: .term("pneumothorax"), polarity: .absent),
        Finding(id: "heart", concept: .term("cardiomegaly"), polarity: .undetermined),
        Finding(
            id: "mediastinum", concept: .term("enlarged_cardiomediastinum"), polarity: .present, certainty: .possible),
    ]

    public static var noRegion: SampleStudy {
        SampleStudy("no-region") { image in
            reading(
                of: image,
                findings: [Finding(id: "normal", concept: .term("no_finding"), polarity: .present)]
                    + statements.prefix(1),
                sentences: [ReportSentence(section: .findings, text: "The lungs are clear. No pneumothorax.")])
        }
    }

    public static var oneRegion: SampleStudy {
        SampleStudy("one-region") { reading(of: $0, findings: [effusion(on: $0)] + statements) }
    }

    /// Many findings, two boxes of one of them, a box at each edge, boxes that overlap.
    public static var manyRegions: SampleStudy { manyRegions(SyntheticRadiograph()) }

    public static func manyRegions(_ picture: SyntheticRadiograph) -> SampleStudy {
        SampleStudy("many-regions", picture) { image in
            var findings = [effusion(on: image)]
            findings.append(
                Finding(
                    id: "nodule", concept: .term("lung_nodule"), polarity: .present, probability: Probability(0.64),
                    laterality: .right, site: "upper_zone", regions: [region(on: image, 0.225, 0.26, 0.315, 0.34)]))
            findings.append(
                Finding(
                    id: "opacity", concept: .term("lung_opacity"), polarity: .undetermined, laterality: .bilateral,
                    regions: [region(on: image, 0.19, 0.5, 0.36, 0.66), region(on: image, 0.64, 0.34, 0.78, 0.47)]))
            findings.append(
                Finding(
                    id: "heart", concept: .term("cardiomegaly"), polarity: .present, certainty: .probable,
                    regions: [region(on: image, 0.38, 0.44, 0.74, 0.8)]))
            findings.append(
                Finding(
                    id: "tube", concept: .term("endotracheal_tube"), polarity: .present,
                    regions: [region(on: image, 0.48, 0, 0.52, 0.3)]))
            findings.append(
                Finding(
                    id: "corner", concept: .term("port"), polarity: .present, laterality: .left,
                    regions: [region(on: image, 0.9, 0.94, 1, 1)]))
            findings.append(
                Finding(
                    id: "fracture", concept: .term("rib_fracture"), polarity: .present, laterality: .right,
                    regions: [region(on: image, 0, 0.4, 0.07, 0.46)]))
            return reading(of: image, findings: findings + [statements[0]])
        }
    }

    /// A frontal and a lateral image with one finding on both, one on the lateral alone.
    public static var twoImages: SampleStudy {
        var lateral = SyntheticRadiograph()
        lateral.sopInstanceUID += "1"
        lateral.seriesInstanceUID += "1"
        lateral.viewPosition = "LL"
        lateral.columns = 600
        let other = lateral.sourceImage
        var study = SampleStudy("two-images") { image in
            var effusion = effusion(on: image)
            effusion.regions.append(region(on: other, 0.6, 0.7, 0.9, 0.9))
            let fracture = Finding(
                id: "fracture", concept: .term("rib_fracture"), polarity: .present, laterality: .left,
                regions: [region(on: other, 0.7, 0.2, 0.8, 0.3)])
            return reading(of: image, findings: [effusion, fracture])
        }
        study.images.append(lateral)
        study.reading.images.append(other)
        return study
    }

    public static var monochrome1: SampleStudy {
        var picture = SyntheticRadiograph()
        picture.isMonochrome1 = true
        picture.bitsStored = 14
        return SampleStudy("monochrome1", picture) { reading(of: $0, findings: [effusion(on: $0)]) }
    }

    /// A careless sender: no Type 2 attribute that results need, no window, no spacing, no character set.
    public static var missingType2: SampleStudy {
        var picture = SyntheticRadiograph()
        picture.characterSet = nil
        picture.omitted = [
            .studyDate, .studyTime, .accessionNumber, .referringPhysicianName, .patientName, .patientID,
            .issuerOfPatientID, .patientBirthDate, .patientSex, .studyID, .timezoneOffsetFromUTC, .windowCenter,
            .windowWidth, .pixelSpacing, .imagerPixelSpacing, .patientOrientation,
        ]
        return SampleStudy("missing-type2", picture) { reading(of: $0, findings: [effusion(on: $0)]) }
    }

    public static var longReport: SampleStudy {
        SampleStudy("hundred-sentences") { image in
            let sentences = (1...100).map { number in
                ReportSentence(
                    section: number <= 80 ? .findings : .impression,
                    text: "Sentence \(number): the 5 < 6 & \"quoted\" µ-shaped\nopacity of \(number) mm is unchanged.",
                    findings: number == 1 ? ["effusion"] : [])
            }
            return reading(of: image, findings: [effusion(on: image)], sentences: sentences)
        }
    }

    /// A model of the integrator's own, which brings codes and speaks Japanese.
    public static var integrator: SampleStudy {
        SampleStudy("integrator") { image in
            let code = Code(value: "JP001", scheme: "99EXAMPLE", meaning: "結節影")
            var reading = reading(
                of: image,
                findings: [
                    Finding(
                        id: "1", concept: .code(code), polarity: .present, laterality: .right, site: "upper_lobe",
                        regions: [region(on: image, 0.225, 0.26, 0.315, 0.34)])
                ], sentences: [ReportSentence(section: .findings, text: "右上葉に結節影を認める。", findings: ["1"])])
            reading.language = "ja"
            return reading
        }
    }

    public static func named(_ sample: CharacterSetSample) -> SampleStudy {
        var picture = SyntheticRadiograph()
        picture.characterSet = sample.characterSet
        picture.patientName = sample.bytes
        return SampleStudy("name-\(sample.name)", picture) { reading(of: $0, findings: [effusion(on: $0)]) }
    }

    public static func abstention(_ reason: String) -> SampleStudy {
        SampleStudy("abstention-\(reason.replacing("_", with: "-"))") { image in
            var reading = reading(of: image, sentences: [])
            reading.abstention = Abstention(reason: reason, detail: "Body Part Examined is HAND.")
            return reading
        }
    }
}

extension SyntheticRadiograph {
    /// The image as a reading names it.
    public var sourceImage: SourceImage {
        SourceImage(
            sopClassUID: "1.2.840.10008.5.1.4.1.1.1.1", sopInstanceUID: sopInstanceUID,
            seriesInstanceUID: seriesInstanceUID, rows: rows, columns: columns)
    }
}
