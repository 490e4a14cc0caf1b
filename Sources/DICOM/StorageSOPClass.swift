/// Storage SOP classes (PS3.4 B.5) that matter to the gateway.
public enum StorageSOPClass {
    public static let computedRadiography = "1.2.840.10008.5.1.4.1.1.1"
    public static let digitalXRayForPresentation = "1.2.840.10008.5.1.4.1.1.1.1"
    public static let digitalXRayForProcessing = "1.2.840.10008.5.1.4.1.1.1.1.1"
    public static let secondaryCapture = "1.2.840.10008.5.1.4.1.1.7"
    public static let multiframeSingleBitSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7.1"
    public static let multiframeGrayscaleByteSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7.2"
    public static let multiframeGrayscaleWordSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7.3"
    public static let multiframeTrueColorSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7.4"
    public static let grayscaleSoftcopyPresentationState = "1.2.840.10008.5.1.4.1.1.11.1"
    public static let basicTextSR = "1.2.840.10008.5.1.4.1.1.88.11"
    public static let enhancedSR = "1.2.840.10008.5.1.4.1.1.88.22"
    public static let comprehensiveSR = "1.2.840.10008.5.1.4.1.1.88.33"
    public static let comprehensive3DSR = "1.2.840.10008.5.1.4.1.1.88.34"
    public static let chestCADSR = "1.2.840.10008.5.1.4.1.1.88.65"
    public static let keyObjectSelectionDocument = "1.2.840.10008.5.1.4.1.1.88.59"

    /// Images that a reading may be made of.
    public static let readable: Set<String> = [
        computedRadiography, digitalXRayForPresentation, digitalXRayForProcessing, secondaryCapture,
        multiframeGrayscaleByteSecondaryCapture, multiframeGrayscaleWordSecondaryCapture,
        multiframeTrueColorSecondaryCapture,
    ]

    /// What the SCP accepts when nothing else is configured: the readable images, and what a PACS that routes whole
    /// studies sends with them.
    public static let defaultAccepted: [String] = [
        computedRadiography, digitalXRayForPresentation, digitalXRayForProcessing, secondaryCapture,
        multiframeSingleBitSecondaryCapture, multiframeGrayscaleByteSecondaryCapture,
        multiframeGrayscaleWordSecondaryCapture, multiframeTrueColorSecondaryCapture,
        grayscaleSoftcopyPresentationState, basicTextSR, enhancedSR, comprehensiveSR, comprehensive3DSR, chestCADSR,
        keyObjectSelectionDocument,
    ]
}
