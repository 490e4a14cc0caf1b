import DICOM

/// What the header says about the picture; result objects repeat it and the provenance keeps it.
public struct ImageFacts: Codable, Equatable, Sendable {
    public var sopClassUID: String?
    public var sopInstanceUID: String?
    public var transferSyntaxUID: String
    public var modality: String?
    public var photometricInterpretation: String
    /// 1 to 16.
    public var bitsStored: Int
    public var isSigned: Bool
    public var frameCount: Int
    /// Rescale Slope and Intercept, when both are given.
    public var rescaleSlope: Double?
    public var rescaleIntercept: Double?
    public var hasModalityLUT: Bool
    public var hasVOILUT: Bool
    /// The header's valid windows, in its order.
    public var windows: [Window]
    public var presentationLUTShape: String?
    /// Row spacing and column spacing in mm, where both are positive.
    public var pixelSpacing: [Double]?
    public var imagerPixelSpacing: [Double]?
    /// The height of a pixel divided by its width; 1 when the header says nothing.
    public var pixelAspect: Double
    /// Patient Orientation: the directions of the rows and of the columns.
    public var patientOrientation: [String]
    /// Field of View Rotation in degrees and Field of View Horizontal Flip, which were applied when the pixel data
    /// were stored (PS3.3 C.8.11.4): facts about the detector, not something left to do.
    public var fieldOfViewRotation: Double?
    public var fieldOfViewFlip: Bool?
    public var shutter: DisplayShutter?
    public var overlays: [OverlayPlane]

    /// Reads the facts of an image that has been found decodable.
    init(_ file: DICOMFile, _ format: PixelFormat) {
        let dataset = file.dataset
        sopClassUID = dataset.text(.sopClassUID)
        sopInstanceUID = dataset.text(.sopInstanceUID)
        transferSyntaxUID = file.transferSyntaxUID
        modality = dataset.text(.modality)
        photometricInterpretation = format.photometricInterpretation
        bitsStored = format.bitsStored
        isSigned = format.isSigned
        frameCount = format.frameCount
        rescaleSlope = dataset.double(.rescaleSlope)
        rescaleIntercept = dataset.double(.rescaleIntercept)
        hasModalityLUT = !dataset.items(.modalityLUTSequence).isEmpty
        hasVOILUT = !dataset.items(.voiLUTSequence).isEmpty
        windows = Window.all(in: dataset)
        presentationLUTShape = dataset.text(.presentationLUTShape)
        pixelSpacing = Self.spacing(.pixelSpacing, dataset)
        imagerPixelSpacing = Self.spacing(.imagerPixelSpacing, dataset)
        pixelAspect = Self.aspect(dataset, pixelSpacing ?? imagerPixelSpacing)
        patientOrientation = dataset.texts(.patientOrientation)
        fieldOfViewRotation = dataset.double(.fieldOfViewRotation)
        fieldOfViewFlip = dataset.text(.fieldOfViewHorizontalFlip).map { $0.uppercased() == "YES" }
        shutter = DisplayShutter(dataset)
        overlays = OverlayPlane.all(in: dataset)
    }

    private static func spacing(_ tag: Tag, _ dataset: Dataset) -> [Double]? {
        guard let values = dataset.doubles(tag), values.count == 2, values.allSatisfy({ $0 > 1e-4 && $0 < 1e3 }) else {
            return nil
        }
        return values
    }

    /// Pixel Aspect Ratio is vertical\horizontal (PS3.3 C.7.6.3.1.7); spacing is row\column. A ratio outside 1/8 to
    /// 8 is no radiograph's and is ignored.
    private static func aspect(_ dataset: Dataset, _ spacing: [Double]?) -> Double {
        var ratio = 1.0
        if let values = dataset.doubles(.pixelAspectRatio), values.count == 2, values.allSatisfy({ $0 > 0 }) {
            ratio = values[0] / values[1]
        } else if let spacing {
            ratio = spacing[0] / spacing[1]
        }
        return (0.125...8).contains(ratio) ? ratio : 1
    }
}
