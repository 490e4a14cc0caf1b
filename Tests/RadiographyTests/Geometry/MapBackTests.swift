import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// The way back to source pixels: a marker drawn in the source is found in the picture, and the picture's coordinates
/// lead to where it was drawn.
@Suite struct MapBackTests {
    struct Geometry: Sendable, CustomTestStringConvertible {
        let orientation: Orientation
        let rows: Int
        let columns: Int
        /// Height of a pixel over its width.
        let aspect: Double

        var testDescription: String {
            "\(rows) x \(columns), aspect \(aspect), "
                + "\(orientation.transposes ? "transposed " : "")\(orientation.mirrorsX)/\(orientation.mirrorsY)"
        }

        static let all = Orientation.all.flatMap { orientation in
            [(120, 90, 1.0), (75, 131, 1.0), (96, 64, 1.5), (64, 100, 0.5)].map {
                Geometry(orientation: orientation, rows: $0.0, columns: $0.1, aspect: $0.2)
            }
        }

        /// The Patient Orientation that makes a reader turn the image by `orientation`.
        var patientOrientation: String {
            let side = orientation.mirrorsX ? "R" : "L"
            let head = orientation.mirrorsY ? "H" : "F"
            return orientation.transposes ? "\(head)\\\(side)" : "\(side)\\\(head)"
        }

        /// A black image with a bright 6 x 6 marker whose corner is at (x, y), as DICOM.
        func image(markerX x: Int, y: Int) throws -> PresentedImage {
            var pixels = [UInt8](repeating: 0, count: rows * columns)
            for row in y..<(y + 6) {
                for column in x..<(x + 6) { pixels[row * columns + column] = 255 }
            }
            var file = SyntheticDICOM.image(
                rows: UInt16(rows), columns: UInt16(columns), allocated: 8, stored: 8, pixels: .bytes(pixels))
            file.set(0x0020, 0x0020, "CS", .text(patientOrientation))
            file.set(0x0028, 0x0030, "DS", .text("\(0.2 * aspect)\\0.2"))
            return try PresentedImage(DICOMFile(bytes: file.bytes))
        }
    }

    /// The center of brightness in continuous coordinates.
    private func center(_ picture: Radiograph) -> (x: Double, y: Double) {
        var (x, y, total) = (0.0, 0.0, 0.0)
        for row in 0..<picture.rows {
            for column in 0..<picture.columns {
                let value = Double(picture.pixels[row * picture.columns + column])
                x += value * (Double(column) + 0.5)
                y += value * (Double(row) + 0.5)
                total += value
            }
        }
        return (x / total, y / total)
    }

    @Test(arguments: Geometry.all)
    func aMarkerIsFoundAgainAfterEveryStep(_ geometry: Geometry) throws {
        let (x, y) = (geometry.columns / 3, geometry.rows * 3 / 5)
        let image = try geometry.image(markerX: x, y: y)
        let native = Radiograph(image)
        #expect(native.provenance.orientation == .known(geometry.orientation))
        let upright = geometry.orientation.uprightSize(rows: geometry.rows, columns: geometry.columns)
        let uprightAspect = geometry.orientation.transposes ? 1 / geometry.aspect : geometry.aspect
        #expect(
            abs(
                Double(native.rows) / Double(native.columns) - Double(upright.rows) * uprightAspect
                    / Double(upright.columns))
                < 0.02, "pixels are not square")

        let cropped = native.cropped(
            x: native.columns / 10, y: native.rows / 12, width: native.columns * 8 / 10, height: native.rows * 10 / 12)
        let steps: [(String, Radiograph, Double)] = [
            ("native", native, 1e-3), ("small", Radiograph(image, longestSide: 61), 0.2), ("cropped", cropped, 1e-3),
            ("resized", cropped.resized(rows: 57, columns: 83), 0.2),
            ("letterboxed", cropped.letterboxed(side: 64), 0.2),
        ]
        for (name, picture, tolerance) in steps {
            let found = center(picture)
            let source = picture.toSource(x: found.x, y: found.y)
            #expect(abs(source.x - Double(x + 3)) < tolerance && abs(source.y - Double(y + 3)) < tolerance, "\(name)")
            let there = picture.toSource.inverse(x: Double(x + 3), y: Double(y + 3))
            #expect(abs(there.x - found.x) < 0.2 && abs(there.y - found.y) < 0.2, "\(name), the other way")
        }
    }

    @Test(arguments: Geometry.all)
    func theWholePictureMapsToTheWholeSource(_ geometry: Geometry) throws {
        for picture in [
            Radiograph(try geometry.image(markerX: 5, y: 5)),
            Radiograph(try geometry.image(markerX: 5, y: 5), longestSide: 37),
        ] {
            let box = picture.toSource.box(
                x: 0, y: 0, width: Double(picture.columns), height: Double(picture.rows))
            #expect(abs(box.x) < 1e-9 && abs(box.y) < 1e-9)
            #expect(abs(box.width - Double(geometry.columns)) < 1e-9)
            #expect(abs(box.height - Double(geometry.rows)) < 1e-9)
        }
    }

    @Test func everyOrientationIsReadFromPatientOrientationAndNothingElse() {
        #expect(Orientation(patientOrientation: ["L", "F"]) == .upright)
        #expect(Orientation(patientOrientation: ["LF", "FR"]) == .upright)
        #expect(Orientation(patientOrientation: ["A", "F"]) == .upright)
        #expect(Orientation(patientOrientation: ["P", "F"]) == .upright)
        for values in [[], ["L"], ["L", "R"], ["F", "H"], ["", ""], ["A", "L"], ["x", "F"]] {
            #expect(Orientation(patientOrientation: values) == nil, "\(values)")
        }
        // A lateral view is turned, never mirrored.
        for values in [["A", "H"], ["F", "A"], ["H", "P"], ["F", "P"]] {
            let map = Orientation(patientOrientation: values)?.toSource(rows: 10, columns: 20)
            #expect(map.map { $0.xx * $0.yy - $0.xy * $0.yx } == 1, "\(values)")
        }
    }

    @Test func anUnknownOrientationIsRecordedAndNothingIsTurned() throws {
        var file = SyntheticDICOM.image(
            rows: 40, columns: 30, allocated: 8, stored: 8,
            pixels: .bytes(SyntheticPixels.values(rows: 40, columns: 30, bits: 8).map { UInt8($0) }))
        file.set(0x0018, 0x7032, "DS", .text("90"))
        file.set(0x0018, 0x7034, "CS", .text("YES"))
        let image = try PresentedImage(DICOMFile(bytes: file.bytes))
        let radiograph = Radiograph(image)
        #expect(radiograph.provenance.orientation == .unknown)
        #expect(radiograph.toSource == .identity)
        #expect(radiograph.pixels == image.pixels)
        #expect(radiograph.provenance.notes.contains { $0.contains("orientation unknown") })
        #expect(radiograph.provenance.notes.contains { $0.contains("rotated by 90") })
    }

    /// Pillow resizes with the same filter: an independent implementation of it.
    @Test func resizingAgreesWithPillow() throws {
        let scratch = try ScratchDirectory()
        let source = scratch.url.appendingPathComponent("source.raw")
        let values = SyntheticPixels.values(rows: 83, columns: 121, bits: 12).map { Float($0) / 4095 }
        try values.withUnsafeBytes { try Data($0).write(to: source) }
        for (rows, columns) in [(40, 60), (83, 37), (200, 150), (7, 121)] {
            let target = scratch.url.appendingPathComponent("target.raw")
            try runPython("resize.py", source.path, "83", "121", "\(rows)", "\(columns)", target.path)
            let expected = try Data(contentsOf: target).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            let resized = Resampler.resize(values, rows: 83, columns: 121, newRows: rows, newColumns: columns)
            let difference = zip(resized, expected).map { abs($0 - $1) }.max() ?? 1
            #expect(resized.count == expected.count && difference < 1e-4)
        }
    }
}
