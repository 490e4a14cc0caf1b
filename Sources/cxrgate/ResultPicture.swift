import DICOM
import Findings
import Foundation
import Radiography
import Results

/// The picture of an overlay object, for whoever has no DICOM viewer at hand.
enum ResultPicture {
    /// Writes an overlay's pixels as PNG.
    ///
    /// - Throws: `CommandFailure` when the file is no RGB picture, `DICOMError` or `PNGError`.
    static func write(_ overlay: URL, to target: URL) throws {
        let dataset = try DICOMFile(contentsOf: overlay).dataset
        guard let rows = dataset.int(.rows), let columns = dataset.int(.columns),
            dataset.text(.photometricInterpretation) == "RGB", let pixels = dataset.bytes(.pixelData),
            pixels.count >= rows * columns * 3
        else { throw CommandFailure("\(overlay.lastPathComponent) is no RGB picture") }
        try PNGFile(
            rows: rows, columns: columns, channels: .rgb, pixels: Array(pixels.prefix(rows * columns * 3))
        ).write(to: target)
    }

    /// Draws a reading's boxes over one of its images, exactly as the overlay object has them.
    static func draw(_ reading: Reading, over source: URL, identity: GatewayIdentity, to target: URL) throws {
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("cxrgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let objects = try ResultBuilder(identity: identity, options: ResultOptions(kinds: [.overlay])).build(
            reading, sources: [SourceInstance(contentsOf: source)], instant: Date(), into: scratch)
        guard let overlay = objects.first else { throw CommandFailure("no overlay was made") }
        try write(overlay.file, to: target)
    }
}
