import ArgumentParser
import DICOM
import Foundation
import Radiography

/// Writes what the model would see, so that a person can look.
struct RenderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "Draw a DICOM image as the model sees it: upright, display polarity.")

    @Argument(help: "A DICOM file.")
    var file: String

    @Option(name: .shortAndLong, help: "The PNG file to write.")
    var output: String

    @Option(help: "Rows and columns at most; the source's own size by default.")
    var size: Int?

    @Flag(help: "Draw as stored, in the source's orientation and with the header's presentation alone.")
    var asStored = false

    @Flag(help: "Print nothing.")
    var quiet = false

    func validate() throws {
        if let size, !(1...65535).contains(size) {
            throw ValidationError("--size is from 1 to 65535")
        }
    }

    func run() throws {
        let source = try DICOMFile(contentsOf: URL(fileURLWithPath: file))
        let image = try PresentedImage(source)
        let target = URL(fileURLWithPath: output)
        if asStored {
            try PNGFile(rows: image.rows, columns: image.columns, pixels: image.gray8).write(to: target)
            return
        }
        let assessed = AssessedRadiograph(source, image, longestSide: size)
        try PNGFile(assessed.radiograph).write(to: target)
        if !quiet {
            print("\(output): \(assessed.radiograph.rows) x \(assessed.radiograph.columns)")
            print(assessed.suitability.explanation)
            for note in assessed.radiograph.provenance.notes {
                print("note: \(note)")
            }
        }
    }
}
