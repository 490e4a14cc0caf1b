/// Why no picture can be made of an instance. None of these harms the next one.
public enum RadiographyError: Error, Equatable, CustomStringConvertible {
    /// The header lacks what the pixel data cannot be understood without.
    case missingAttribute(String)
    /// A header value that no image can have.
    case invalidAttribute(String, value: String, reason: String)
    /// The image is larger than `PixelLimits` allows.
    case tooLarge(String)
    /// A transfer syntax that the gateway does not decode.
    case unsupportedTransferSyntax(String)
    /// A pixel encoding that is legal in DICOM and not supported here.
    case unsupportedPixelFormat(String)
    /// There is no Pixel Data element, or it is empty.
    case noPixelData(String)
    /// Fewer bytes than the header needs.
    case truncated(needed: Int, found: Int)
    /// The compressed stream describes another image than the header.
    case contradictsHeader(codeStream: String, header: String)
    /// The compressed stream is broken or hostile.
    case malformedCodeStream(String)
    /// The codec gave up.
    case decoderFailed(String)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .missingAttribute(let keyword):
            "the image has no \(keyword); ask the sender for a complete object"
        case .invalidAttribute(let keyword, let value, let reason):
            "\(keyword) is '\(value)': \(reason)"
        case .tooLarge(let what):
            "the image is too large to decode safely: \(what); raise the pixel limits if it is genuine"
        case .unsupportedTransferSyntax(let uid):
            "pixel data in transfer syntax \(uid) cannot be decoded"
        case .unsupportedPixelFormat(let what):
            "this pixel encoding is not supported: \(what)"
        case .noPixelData(let reason):
            "there are no pixel data: \(reason)"
        case .truncated(let needed, let found):
            "the pixel data end early: \(needed) bytes are needed, \(found) are there"
        case .contradictsHeader(let codeStream, let header):
            "the compressed image says \(codeStream), the header \(header)"
        case .malformedCodeStream(let reason):
            "the compressed image is malformed: \(reason)"
        case .decoderFailed(let reason):
            "the compressed image cannot be decoded: \(reason)"
        }
    }
}
