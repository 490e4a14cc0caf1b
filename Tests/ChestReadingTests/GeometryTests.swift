import DICOM
import Findings
import Foundation
import Radiography
import TestSupport
import Testing

@testable import ChestReading
@testable import VisionLanguage

/// A bright rectangle at a known place of the stored pixels, found again by eye in what the model sees, must come back to
/// the same stored pixels.
@Suite struct GeometryTests {
    private static let rectangle = Region(x0: 60, y0: 40, x1: 140, y1: 80)

    private func image(
        rows: Int, columns: Int, orientation: String, bright: Region, in scratch: URL
    ) throws -> DICOMFile {
        let instance = try SyntheticInstance(in: scratch) { dataset in
            try dataset.set(.rows, rows)
            try dataset.set(.columns, columns)
            try dataset.set(.patientOrientation, orientation)
            try dataset.set(.windowCenter, "2048")
            try dataset.set(.windowWidth, "4096")
            let pixels = (0..<rows).flatMap { row in
                (0..<columns).flatMap { column -> [UInt8] in
                    let value: UInt16 = bright.contains(x: Double(column), y: Double(row)) ? 4000 : 100
                    return [UInt8(value & 0xFF), UInt8(value >> 8)]
                }
            }
            try dataset.set(.pixelData, bytes: pixels, vr: "OW")
        }
        return try DICOMFile(contentsOf: instance.url)
    }

    /// The box around what is bright, in the picture's pixels.
    private func brightBox(_ radiograph: Radiograph) -> (x1: Double, y1: Double, x2: Double, y2: Double) {
        var (left, top, right, bottom) = (radiograph.columns, radiograph.rows, 0, 0)
        for row in 0..<radiograph.rows {
            for column in 0..<radiograph.columns where radiograph.pixels[row * radiograph.columns + column] > 0.5 {
                (left, top) = (min(left, column), min(top, row))
                (right, bottom) = (max(right, column + 1), max(bottom, row + 1))
            }
        }
        return (Double(left), Double(top), Double(right), Double(bottom))
    }

    @Test(
        arguments: ["L\\F", "R\\F", "L\\H", "R\\H", "F\\L", "F\\R", "H\\L", "H\\R"],
        [(200, 300, nil as Int?), (300, 200, 150), (256, 256, nil)])
    func aBoxComesBackThroughPaddingTurnsAndFlips(
        _ orientation: String, _ size: (rows: Int, columns: Int, longestSide: Int?)
    ) async throws {
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let file = try image(
            rows: size.rows, columns: size.columns, orientation: orientation, bright: Self.rectangle, in: scratch.url)
        let image = try readingImage(file, longestSide: size.longestSide)
        let seen = brightBox(image.radiograph)
        // The reference model's frame: the picture in the middle of a square (Training/LAYOUT.md, by hand).
        let side = Double(max(image.radiograph.rows, image.radiograph.columns))
        let left = Double((Int(side) - image.radiograph.columns) / 2)
        let top = Double((Int(side) - image.radiograph.rows) / 2)
        let box = ModelBox(
            x1: (seen.x1 + left) / side, y1: (seen.y1 + top) / side, x2: (seen.x2 + left) / side,
            y2: (seen.y2 + top) / side)

        let model = try await TinyModel.load("reference")
        let embedding = try await ModelCompute.run { try model.encode(image) }
        let view = ModelView(image: image, geometry: embedding.geometry)
        let region = try #require(view.region(of: box))
        #expect(region.sopInstanceUID == image.source.sopInstanceUID)
        #expect(region.region.isNear(Self.rectangle, size.longestSide == nil ? 0.01 : 2), "\(region.region)")
    }

    @Test func aBoxInThePaddingIsOutsideAndOneAcrossTheEdgeIsCut() async throws {
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let image = try readingImage(
            image(rows: 200, columns: 400, orientation: "L\\F", bright: Self.rectangle, in: scratch.url))
        let model = try await TinyModel.load("reference")
        let embedding = try await ModelCompute.run { try model.encode(image) }
        let view = ModelView(image: image, geometry: embedding.geometry)
        #expect(view.region(of: ModelBox(x1: 0.1, y1: 0, x2: 0.9, y2: 0.24)) == nil)
        let cut = try #require(view.region(of: ModelBox(x1: 0.25, y1: 0, x2: 0.75, y2: 0.5)))
        #expect(cut.region.isNear(Region(x0: 100, y0: 0, x1: 300, y1: 100)))
    }

    /// CLIP's centre crop: the middle of a wide image is the whole of what LLaVA-Rad or MAIRA-2 see.
    @Test(arguments: ["maira2", "llava"]) func aBoxOfACentreCropComesBackToTheMiddle(_ name: String) async throws {
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let image = try readingImage(
            image(rows: 200, columns: 400, orientation: "L\\F", bright: Self.rectangle, in: scratch.url))
        let model = try await TinyModel.load(name)
        let embedding = try await ModelCompute.run { try model.encode(image) }
        let whole = try #require(
            ModelView(image: image, geometry: embedding.geometry).region(of: ModelBox(x1: 0, y1: 0, x2: 1, y2: 1)))
        #expect(whole.region.isNear(Region(x0: 100, y0: 0, x1: 300, y1: 200), 8), "\(whole.region)")
    }
}
