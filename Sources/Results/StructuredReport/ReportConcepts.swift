import Findings

/// The concepts of our report templates (PS3.16 TID 1500, 1410, 2000 and 2010).
///
/// The meanings are exactly those of PS3.16 and the code systems: viewers find containers by them as text.
enum ReportConcepts {
    // Documents and containers
    static let diagnosticImagingReport = loinc("18748-4", "Diagnostic Imaging Report")
    static let imagingMeasurementReport = dcm("126000", "Imaging Measurement Report")
    static let ofInterest = dcm("113000", "Of Interest")
    static let summary = loinc("55112-7", "Summary")
    static let findings = loinc("59776-5", "Findings")
    static let impressions = loinc("19005-8", "Impressions")
    static let imageLibrary = dcm("111028", "Image Library")
    static let imageLibraryGroup = dcm("126200", "Image Library Group")
    static let imagingMeasurements = dcm("126010", "Imaging Measurements")
    static let measurementGroup = dcm("125007", "Measurement Group")
    static let qualitativeEvaluations = Code(
        value: "C0034375", scheme: "UMLS", meaning: "Qualitative Evaluations")

    // Context
    static let language = dcm("121049", "Language of Content Item and Descendants")
    static let observerType = dcm("121005", "Observer Type")
    static let device = dcm("121007", "Device")
    static let deviceObserverUID = dcm("121012", "Device Observer UID")
    static let deviceObserverName = dcm("121013", "Device Observer Name")
    static let deviceObserverManufacturer = dcm("121014", "Device Observer Manufacturer")
    static let deviceObserverModelName = dcm("121015", "Device Observer Model Name")
    static let deviceObserverSerialNumber = dcm("121016", "Device Observer Serial Number")
    static let procedureReported = dcm("121058", "Procedure reported")
    static let plainChestXRay = snomed("399208008", "Plain chest X-ray")
    static let imagingProcedure = snomed("363679005", "Imaging procedure")
    static let modality = dcm("121139", "Modality")
    static let studyDate = dcm("111060", "Study Date")
    static let studyTime = dcm("111061", "Study Time")
    static let pixelDataRows = dcm("110910", "Pixel Data Rows")
    static let pixelDataColumns = dcm("110911", "Pixel Data Columns")
    static let algorithmName = dcm("111001", "Algorithm Name")
    static let algorithmVersion = dcm("111003", "Algorithm Version")

    // Statements
    static let conclusion = dcm("121077", "Conclusion")
    static let finding = dcm("121071", "Finding")
    static let impression = dcm("121073", "Impression")
    static let bestIllustration = dcm("121080", "Best illustration of finding")
    static let comment = dcm("121106", "Comment")
    static let keyObjectDescription = dcm("113012", "Key Object Description")
    static let trackingIdentifier = dcm("112039", "Tracking Identifier")
    static let trackingUniqueIdentifier = dcm("112040", "Tracking Unique Identifier")
    static let geometricPurpose = dcm("130400", "Geometric purpose of region")
    static let boundedBy = snomed("75958009", "Bounded by")
    static let imageRegion = dcm("111030", "Image Region")
    static let originalSource = dcm("111040", "Original Source")
    static let findingSite = snomed("363698007", "Finding Site")
    static let laterality = snomed("272741003", "Laterality")
    static let probability = dcm("122157", "Probability")
    static let normality = dcm("121402", "Normality")
    static let abnormal = snomed("263654008", "Abnormal")

    // Units
    static let percent = Code(value: "%", scheme: "UCUM", meaning: "Percent")
    static let pixels = Code(value: "{pixels}", scheme: "UCUM", meaning: "pixels")

    private static func dcm(_ value: String, _ meaning: String) -> Code {
        Code(value: value, scheme: "DCM", meaning: meaning)
    }

    private static func loinc(_ value: String, _ meaning: String) -> Code {
        Code(value: value, scheme: "LN", meaning: meaning)
    }

    private static func snomed(_ value: String, _ meaning: String) -> Code {
        Code(value: value, scheme: "SCT", meaning: meaning)
    }
}
