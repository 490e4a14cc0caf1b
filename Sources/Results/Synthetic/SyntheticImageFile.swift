import DICOM
import Findings
import Foundation

/// A radiograph that a model drew, as a Digital X-Ray Image - For Presentation (PS3.3 A.26) which neither a program nor
/// a person can take for a patient's.
///
/// Synthetic Data is YES, the patient is a label and not a name, every UID is new, and the word SYNTHETIC stands in the
/// picture's top left corner, outside of the lungs.
public struct SyntheticImageFile: Sendable {
    /// Digital X-Ray Image Storage - For Presentation.
    public static let sopClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    /// What every Patient's Name (0010,0010) of a synthetic image is.
    public static let patientName = "SYNTHETIC^CHEST XRAY"
    /// What every Patient ID (0010,0020) of a synthetic image begins with.
    public static let patientIDPrefix = "SYNTH-"
    /// Issuer of Patient ID (0010,0021), so that the identifier meets no hospital's.
    public static let issuerOfPatientID = "CXRGATE-SYNTHETIC"
    /// The shorter side of the image has at least so many pixels; a smaller picture is enlarged smoothly.
    public static let minimumSide = 1024

    /// Rows of the picture as drawn.
    public var rows: Int
    /// Columns of the picture as drawn.
    public var columns: Int
    /// `[rows, columns]`, 0 black to 1 white in display polarity (air dark).
    public var samples: [Float]
    /// What the model was asked to draw.
    public var text: String
    /// The sampler's seed: the same text, seed and model give the same picture.
    public var seed: UInt64
    /// The model that drew.
    public var model: ModelIdentity
    /// Patient's Age in years.
    public var ageInYears = 50
    /// The study's UID; new, as the others.
    public var studyInstanceUID = UID.random().description
    /// The series' UID.
    public var seriesInstanceUID = UID.random().description
    /// The instance's UID.
    public var sopInstanceUID = UID.random().description

    /// A drawn picture, frontal (PA) and upright.
    ///
    /// - Parameter samples: `[rows, columns]`, 0 black to 1 white; at least one pixel.
    public init(
        rows: Int, columns: Int, samples: [Float], text: String, seed: UInt64, model: ModelIdentity
    ) {
        precondition(rows > 0 && columns > 0 && samples.count == rows * columns, "samples do not fit the size")
        self.rows = rows
        self.columns = columns
        self.samples = samples
        self.text = text
        self.seed = seed
        self.model = model
    }

    /// Patient ID (0010,0020): the prefix and the study's last twelve digits.
    public var patientID: String { Self.patientIDPrefix + studyInstanceUID.suffix(12) }

    /// The file in memory.
    ///
    /// - Parameters:
    ///   - identity: The gateway that writes it.
    ///   - instant: When the picture was drawn.
    ///   - fonts: For the word in the corner.
    /// - Throws: `ResultsError.invalidOption`, `ResultsError.unusableFont` or `DICOMError`.
    public func file(
        identity: GatewayIdentity, instant: Date, localTimeZone: TimeZone = .current, fonts: OverlayFonts = .debian
    ) throws -> DICOMFile {
        let identity = try identity.validated()
        let moment = ContentMoment(instant: instant, sourceOffset: nil, localTimeZone: localTimeZone)
        let picture = try SyntheticPixels(self, fonts: FontLibrary(fonts))
        let file = DICOMFile()
        let dataset = file.dataset
        try writePatient(to: dataset)
        try writeStudyAndSeries(to: dataset, moment)
        try writeOrigin(to: dataset, identity, moment)
        try writeView(to: dataset)
        try writeImage(to: dataset, picture, moment)
        return file
    }

    // MARK: - Who and when

    private func writePatient(to dataset: Dataset) throws {
        try dataset.set(.patientName, Self.patientName)
        try dataset.set(.patientID, patientID)
        try dataset.set(.issuerOfPatientID, Self.issuerOfPatientID)
        try dataset.set(.patientBirthDate, "")
        try dataset.set(.patientSex, "")
        try dataset.set(.patientComments, "Not a person: the image was drawn by a model.")
        // Patient's Age, so that a reader with an age limit can decide.
        try dataset.set(.patientAge, String(format: "%03dY", min(max(ageInYears, 0), 999)))
    }

    private func writeStudyAndSeries(to dataset: Dataset, _ moment: ContentMoment) throws {
        try dataset.set(.specificCharacterSet, "ISO_IR 192")
        for date in [.instanceCreationDate, .studyDate, .seriesDate, .acquisitionDate, .contentDate] as [Tag] {
            try dataset.set(date, moment.date)
        }
        for time in [.instanceCreationTime, .studyTime, .seriesTime, .acquisitionTime, .contentTime] as [Tag] {
            // Whole seconds, as modalities write them.
            try dataset.set(time, String(moment.time.prefix(6)))
        }
        try dataset.set(.sopClassUID, Self.sopClassUID)
        try dataset.set(.sopInstanceUID, sopInstanceUID)
        try dataset.set(.studyInstanceUID, studyInstanceUID)
        try dataset.set(.seriesInstanceUID, seriesInstanceUID)
        try dataset.set(.studyID, "SYNTHETIC")
        try dataset.set(.accessionNumber, "")
        try dataset.set(.referringPhysicianName, "")
        try dataset.set(.studyDescription, "SYNTHETIC chest radiograph, no patient")
        try dataset.set(.seriesDescription, "SYNTHETIC PA")
        try dataset.set(.modality, "DX")
        try dataset.set(.presentationIntentType, "FOR PRESENTATION")
        try dataset.set(.seriesNumber, 1)
        try dataset.set(.instanceNumber, 1)
    }

    private func writeOrigin(to dataset: Dataset, _ identity: GatewayIdentity, _ moment: ContentMoment) throws {
        try dataset.set(.syntheticData, "YES", vr: "CS")
        try identity.write(to: dataset, with: model)
        try dataset.set(.instanceCreatorUID, identity.deviceUID)
        let item = try dataset.appendItem(.contributingEquipmentSequence)
        try identity.write(to: item, with: model)
        try item.append(CompositeHeader.processingEquipment, to: .purposeOfReferenceCodeSequence)
        try item.set(.contributionDateTime, moment.dateTime)
        try item.set(
            .contributionDescription,
            DICOMText.paragraphs(
                "Image drawn by \(model.name) \(model.version) (\(model.manufacturer), weights"
                    + " \(model.weightsDigest))"))
        try dataset.set(
            .imageComments,
            DICOMText.paragraphs(
                "SYNTHETIC IMAGE, NOT OF A PATIENT. Drawn by \(model.name) \(model.version) from the text"
                    + " \"\(text)\" with seed \(seed)."))
        try dataset.set(
            .derivationDescription,
            "Drawn by a model; enlarged from \(columns) x \(rows) pixels. The spacing is nominal: distances mean nothing."
        )
    }

    // MARK: - What it shows

    private func writeView(to dataset: Dataset) throws {
        try dataset.set(.bodyPartExamined, "CHEST")
        try dataset.append(
            Code(value: "816094009", scheme: "SCT", meaning: "Chest"), to: .anatomicRegionSequence)
        try dataset.set(.viewPosition, "PA")
        try dataset.append(
            Code(value: "272479007", scheme: "SCT", meaning: "Postero-anterior"), to: .viewCodeSequence)
        try dataset.items(.viewCodeSequence).first?.setEmptySequence(.viewModifierCodeSequence)
        try dataset.set(.patientOrientation, "L\\F")
        try dataset.set(.imageLaterality, "U")
        try dataset.setEmptySequence(.acquisitionContextSequence)
        try dataset.set(.detectorType, "")
        try dataset.set(.positionerType, "NONE")
    }

    private func writeImage(to dataset: Dataset, _ picture: SyntheticPixels, _ moment: ContentMoment) throws {
        try dataset.set(.imageType, "DERIVED\\PRIMARY\\\\SYNTHETIC")
        try dataset.set(.samplesPerPixel, 1)
        try dataset.set(.photometricInterpretation, "MONOCHROME2")
        try dataset.set(.rows, picture.rows)
        try dataset.set(.columns, picture.columns)
        try dataset.set(.bitsAllocated, 16)
        try dataset.set(.bitsStored, SyntheticPixels.bitsStored)
        try dataset.set(.highBit, SyntheticPixels.bitsStored - 1)
        try dataset.set(.pixelRepresentation, 0)
        // The word in the corner identifies no patient and no date, which is what the attribute asks.
        try dataset.set(.burnedInAnnotation, "NO")
        try dataset.set(.recognizableVisualFeatures, "NO")
        try dataset.set(.lossyImageCompression, "00")
        // Imager Pixel Spacing is Type 1: a chest detector of 40 cm is assumed.
        let spacing = CaptureScale.decimalString(400 / Double(max(picture.rows, picture.columns)))
        try dataset.set(.imagerPixelSpacing, "\(spacing)\\\(spacing)")
        try dataset.set(.pixelIntensityRelationship, "LOG")
        try dataset.set(.pixelIntensityRelationshipSign, -1)
        try dataset.set(.rescaleIntercept, "0")
        try dataset.set(.rescaleSlope, "1")
        try dataset.set(.rescaleType, "US")
        let levels = 1 << SyntheticPixels.bitsStored
        try dataset.set(.windowCenter, levels / 2)
        try dataset.set(.windowWidth, levels)
        try dataset.set(.presentationLUTShape, "IDENTITY")
        try dataset.set(.pixelData, bytes: picture.values.withUnsafeBytes { Array($0) }, vr: "OW")
    }
}
