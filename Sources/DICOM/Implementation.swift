/// How this software names itself in DICOM (PS3.7 D.3.3.2).
public enum Implementation {
    /// The product's name, as in Manufacturer's Model Name.
    public static let productName = "CXRGateway"

    /// The released version; also in Software Versions.
    public static let version = "0.1.0"

    /// Implementation Class UID: a random UUID, fixed for this product.
    public static let classUID = "2.25.160256963456829392990220151249708744735"

    /// Implementation Version Name, at most 16 characters.
    public static let versionName = "CXRGATEWAY_010"
}
