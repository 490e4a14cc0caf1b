import DICOM
import Findings

extension GrayPicture {
    init(rendering image: SourceImage, from source: SourceInstance) throws {
        let file = try DICOMFile(contentsOf: source.url)
        let bytes = file.dataset.bytes(.pixelData) ?? []
        let wide = file.dataset.int(.bitsAllocated) == 16
        let c = file.dataset.double(.windowCenter) ?? 2048, w = file.dataset.double(.windowWidth) ?? 4096
        let n = image.rows * image.columns
        pixels = (0..<n).map { i in
            let v = wide ? Double(Int(bytes[2 * i]) | Int(bytes[2 * i + 1]) << 8) : Double(bytes[i])
            let g = max(0, min(255, (v - c + w / 2) / w * 255))
            return UInt8(source.isMonochrome1 ? 255 - g : g)
        }
        columns = image.columns
        rows = image.rows
    }
}
