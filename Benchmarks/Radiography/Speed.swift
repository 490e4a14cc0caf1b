import ArgumentParser
import DICOM
import Foundation
import Radiography

/// Times the way from a file to a model-ready picture, one process per run, beside other programs decoding the same.
struct Speed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make one file model-ready once: for scripts/speed.py, which times it beside DCMTK and GDCM.")

    @Argument(help: "A DICOM file.")
    var file: String

    @Option(help: "How often, within this process.")
    var times = 1

    @Option(help: "Rows and columns of the picture.")
    var size = 1024

    func run() throws {
        let clock = ContinuousClock()
        for _ in 0..<times {
            let start = clock.now
            let source = try DICOMFile(contentsOf: URL(fileURLWithPath: file))
            let frame = try PixelDecoder().firstFrame(of: source)
            let decoded = clock.now
            let image = try PresentedImage(source, frame: frame)
            let presented = clock.now
            let assessed = AssessedRadiograph(source, image, longestSide: size)
            let end = clock.now
            print(
                "decode \(start.duration(to: decoded)) present \(decoded.duration(to: presented)) "
                    + "upright, resize and assess \(presented.duration(to: end)) "
                    + "-> \(assessed.radiograph.rows) x \(assessed.radiograph.columns)")
        }
    }
}
