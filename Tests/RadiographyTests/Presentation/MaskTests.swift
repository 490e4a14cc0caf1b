import DICOM
import Foundation
import Testing

@testable import Radiography

/// Shutters, padding, unused bits, colour: what is image and what is not.
@Suite struct MaskTests {
    private static let side = 20

    /// A white image with further attributes.
    private func white(_ change: (inout SyntheticDICOM) -> Void) throws -> PresentedImage {
        var file = SyntheticDICOM.image(
            rows: UInt16(Self.side), columns: UInt16(Self.side), allocated: 8, stored: 8,
            pixels: .bytes([UInt8](repeating: 255, count: Self.side * Self.side)))
        change(&file)
        return try PresentedImage(DICOMFile(bytes: file.bytes))
    }

    /// The visible (row, column) pairs, from 1.
    private func visible(_ image: PresentedImage) -> Set<[Int]> {
        Set(
            image.pixels.enumerated().filter { $0.element > 0 }.map(\.offset)
                .map { [$0 / Self.side + 1, $0 % Self.side + 1] })
    }

    private func positions(where test: (Int, Int) -> Bool) -> Set<[Int]> {
        Set((1...Self.side).flatMap { row in (1...Self.side).filter { test(row, $0) }.map { [row, $0] } })
    }

    @Test func aRectangularShutterCoversWhatIsOutside() throws {
        let image = try white { file in
            file.set(0x0018, 0x1600, "CS", .text("RECTANGULAR"))
            for (number, value) in [(0x1602, "3"), (0x1604, "17"), (0x1606, "5"), (0x1608, "12")] {
                file.set(0x0018, UInt16(number), "IS", .text(value))
            }
        }
        #expect(visible(image) == positions { (5...12).contains($0) && (3...17).contains($1) })
        #expect(image.facts.shutter?.rectangle == .init(left: 3, right: 17, upper: 5, lower: 12))
    }

    @Test func circularAndRectangularShuttersBothCover() throws {
        let image = try white { file in
            file.set(0x0018, 0x1600, "CS", .text("CIRCULAR\\RECTANGULAR"))
            file.set(0x0018, 0x1610, "IS", .text("10\\8"))
            file.set(0x0018, 0x1612, "IS", .text("6"))
            for (number, value) in [(0x1602, "1"), (0x1604, "20"), (0x1606, "1"), (0x1608, "10")] {
                file.set(0x0018, UInt16(number), "IS", .text(value))
            }
        }
        #expect(
            visible(image)
                == positions { row, column in
                    (row - 10) * (row - 10) + (column - 8) * (column - 8) <= 36 && row <= 10
                })
    }

    @Test func aPolygonalShutterCoversWhatIsOutside() throws {
        let image = try white { file in
            file.set(0x0018, 0x1600, "CS", .text("POLYGONAL"))
            file.set(0x0018, 0x1620, "IS", .text("3\\3\\3\\15\\15\\15"))
        }
        // A right triangle: rows 3 to 15, from the diagonal to column 15.
        let expected = positions { row, column in (3...15).contains(row) && column >= row && column <= 15 }
        let difference = visible(image).symmetricDifference(expected)
        #expect(difference.isSubset(of: [[15, 15]]), "\(difference)")
    }

    @Test func aBitmapShutterCoversItsSetBits() throws {
        let image = try white { file in
            file.set(0x0018, 0x1600, "CS", .text("BITMAP"))
            file.set(0x0018, 0x1623, "US", .words([0x6002]))
            file.set(0x6002, 0x0010, "US", .words([UInt16(Self.side)]))
            file.set(0x6002, 0x0011, "US", .words([UInt16(Self.side)]))
            file.set(0x6002, 0x0040, "CS", .text("G"))
            file.set(0x6002, 0x0050, "SS", .words([1, 1]))
            file.set(0x6002, 0x0100, "US", .words([1]))
            file.set(0x6002, 0x0102, "US", .words([0]))
            file.set(0x6002, 0x3000, "OW", .words([0x000F] + [UInt16](repeating: 0, count: 24)))
        }
        #expect(visible(image) == positions { row, column in !(row == 1 && column <= 4) })
        #expect(image.facts.overlays.map(\.group) == [0x6002])
    }

    @Test func aShutterThatCoversEverythingIsIgnoredWithANote() throws {
        let image = try white { file in
            file.set(0x0018, 0x1600, "CS", .text("CIRCULAR"))
            file.set(0x0018, 0x1610, "IS", .text("500\\500"))
            file.set(0x0018, 0x1612, "IS", .text("6"))
        }
        #expect(image.mask.isEmpty && image.pixels.allSatisfy { $0 == 1 })
        #expect(image.notes.contains { $0.contains("covers everything") })
    }

    @Test func paddingIsBlackInBothPolaritiesAndDoesNotCountForTheWindow() throws {
        for photometric in ["MONOCHROME1", "MONOCHROME2"] {
            var values = (0..<400).map { UInt16(1000 + $0) }
            for index in 0..<40 { values[index] = 0x8000 }
            var file = SyntheticDICOM.image(
                rows: 20, columns: 20, signed: true, photometric: photometric, pixels: .words(values))
            // US although the pixels are signed, as real files have it.
            file.set(0x0028, 0x0120, "US", .words([0x8000]))
            let image = try PresentedImage(DICOMFile(bytes: file.bytes))
            #expect(image.mask.indices.filter { image.mask[$0] } == Array(0..<40))
            #expect(image.pixels[..<40].allSatisfy { $0 == 0 })
            guard case .percentiles(let window) = image.valueOfInterest else {
                Issue.record("no percentiles")
                continue
            }
            #expect(window.center > 1000 && window.width < 500)
        }
    }

    @Test func aPaddingRangeIsPaddedFromEndToEnd() throws {
        var file = SyntheticDICOM.image(
            rows: 1, columns: 6, pixels: .words([0, 5, 10, 11, 2000, 3000]))
        file.set(0x0028, 0x0120, "US", .words([10]))
        file.set(0x0028, 0x0121, "US", .words([5]))
        let image = try PresentedImage(DICOMFile(bytes: file.bytes))
        #expect(image.mask == [false, true, true, false, false, false])
    }

    @Test func unusedBitsCarryNothingIntoTheImage() throws {
        // Ten stored bits below bit 11 (high bit 10): bit 0 and bits 11 to 15 are rubbish.
        let values = SyntheticPixels.values(rows: 9, columns: 7, bits: 10)
        let dirty = values.enumerated().map { $1 << 1 | UInt16($0 & 1) | UInt16($0 % 31) << 11 }
        let file = SyntheticDICOM.image(rows: 9, columns: 7, stored: 10, high: 10, pixels: .words(dirty))
        let frame = try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes))
        #expect(frame.values == values)
    }

    @Test func signedValuesBelowTheAllocatedBitsAreExtended() throws {
        let file = SyntheticDICOM.image(
            rows: 1, columns: 3, stored: 12, signed: true, pixels: .words([0x0FFF, 0xF800, 0x07FF]))
        let frame = try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes))
        #expect(frame.values.map(frame.number) == [-1, -2048, 2047])
    }

    @Test func presentationLUTShapeThatContradictsIsNoted() throws {
        let image = try white { $0.set(0x2050, 0x0020, "CS", .text("INVERSE")) }
        #expect(image.notes.contains { $0.contains("contradicts MONOCHROME2") })
    }
}
