import DICOM
import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

@Suite struct OverlayTests {
    @Test func labelsCoverNoRegionAndNoLabelAndStayInside() throws {
        let seed = UInt64.random(in: 0...999_999)
        print("labels from seed \(seed)")
        var generator = SeededGenerator(state: seed)
        var placed = 0
        for _ in 0..<60 {
            let columns = Int.random(in: 300...2000, using: &generator)
            let rows = Int.random(in: 300...2000, using: &generator)
            let regions = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                let left = Int.random(in: 0..<columns - 4, using: &generator)
                let top = Int.random(in: 0..<rows - 4, using: &generator)
                return PixelBox(
                    left: left, top: top, right: Int.random(in: left + 1...columns, using: &generator),
                    bottom: Int.random(in: top + 1...rows, using: &generator))
            }
            var layout = LabelLayout(columns: columns, rows: rows, regions: regions, gap: 2)
            var labels: [PixelBox] = []
            for region in regions {
                let width = Int.random(in: 20...250, using: &generator)
                guard let (wording, label) = layout.place([(width, 20), (width / 2, 20)], beside: region) else {
                    continue
                }
                #expect(label.left >= 0 && label.top >= 0 && label.right <= columns && label.bottom <= rows)
                #expect(label.width == (wording == 0 ? width : width / 2) && label.height == 20)
                #expect(!regions.contains { $0.overlaps(label) })
                #expect(!labels.contains { $0.overlaps(label) })
                labels.append(label)
            }
            placed += labels.count
        }
        #expect(placed > 60)
    }

    @Test func aLonelyBoxHasItsLabelBesideIt() throws {
        let box = PixelBox(left: 200, top: 200, right: 300, bottom: 280)
        var layout = LabelLayout(columns: 512, rows: 640, regions: [box], gap: 2)
        let label = layout.place([(120, 20)], beside: box)
        let (wording, place) = try #require(label)
        #expect(wording == 0)
        #expect(place == PixelBox(left: 200, top: 178, right: 320, bottom: 198))
    }

    @Test func aRegionOverTheWholeImageKeepsItsPixelsFree() throws {
        let study = SampleStudy("whole") { image in
            SampleStudy.reading(
                of: image,
                findings: [
                    Finding(
                        id: "effusion", concept: .term("edema"), polarity: .present,
                        regions: [SampleStudy.region(on: image, 0, 0, 1, 1)])
                ])
        }
        let overlay = try pixels(of: Built(study))
        // No label's black ground anywhere inside the outline and its seam.
        let inner = overlay.gray(in: PixelBox(left: 8, top: 8, right: 504, bottom: 632))
        #expect(inner.allSatisfy { $0 != nil })
        #expect(overlay.rows > 640)
    }

    @Test func theImageKeepsItsPixelsOutsideBoxesAndLabels() throws {
        let plain = try pixels(of: Built(.noRegion))
        let marked = try pixels(of: Built(.oneRegion))
        let inside = PixelBox(left: 345, top: 404, right: 470, bottom: 515)
        #expect(marked.gray(in: inside) == plain.gray(in: inside))
        let elsewhere = PixelBox(left: 0, top: 0, right: 512, bottom: 360)
        #expect(marked.gray(in: elsewhere) == plain.gray(in: elsewhere))
    }

    @Test func bothPolaritiesShowTheSamePicture() throws {
        var negative = SampleStudy.noRegion
        negative.images[0].isMonochrome1 = true
        let one = try pixels(of: Built(.noRegion)).gray(in: PixelBox(left: 0, top: 0, right: 512, bottom: 640))
        let other = try pixels(of: Built(negative)).gray(in: PixelBox(left: 0, top: 0, right: 512, bottom: 640))
        let differences = zip(one, other).map { abs(Int($0 ?? 0) - Int($1 ?? 0)) }
        #expect(differences.max() ?? 255 <= 2)
        // The air outside the body is dark and the spine is bright.
        #expect(one[0] ?? 255 < 40)
        #expect(one[300 * 512 + 256] ?? 0 > 150)
    }

    @Test func captureAttributesSayWhatItIs() throws {
        let dataset = try Built(.oneRegion).dataset(.overlay)
        #expect(dataset.texts(.imageType) == ["DERIVED", "SECONDARY", "AI_OVERLAY"])
        #expect(dataset.text(.conversionType) == "WSD")
        #expect(dataset.text(.burnedInAnnotation) == "YES")
        #expect(dataset.text(.recognizableVisualFeatures) == "NO")
        #expect(dataset.text(.pixelSpacing) == "0.13\\0.13")
        #expect(dataset.texts(.patientOrientation) == ["L", "F"])
        #expect(!dataset.contains(.laterality) && !dataset.contains(Tag(0x0020, 0x0052)))
        let source = try #require(dataset.items(.sourceImageSequence).first)
        #expect(source.text(.spatialLocationsPreserved) == "YES")
        #expect(source.items(.purposeOfReferenceCodeSequence).first?.text(.codeValue) == "121322")
        let unspaced = try Built(.missingType2).dataset(.overlay)
        #expect(!unspaced.contains(.pixelSpacing))
    }

    @Test func imagerPixelSpacingIsNotPromoted() throws {
        var study = SampleStudy.oneRegion
        study.images[0].omitted = [.pixelSpacing]
        #expect(try !Built(study).dataset(.overlay).contains(.pixelSpacing))
    }

    @Test func aTinyImageIsEnlargedAndSaysSo() throws {
        var picture = SyntheticRadiograph()
        picture.rows = 120
        picture.columns = 90
        let dataset = try Built(.manyRegions(picture)).dataset(.overlay)
        #expect(dataset.int(.columns) == 270)
        #expect((dataset.int(.rows) ?? 0) > 360)
        #expect(dataset.items(.sourceImageSequence).first?.text(.spatialLocationsPreserved) == "NO")
        let spacing = try #require(dataset.doubles(.pixelSpacing))
        #expect(abs(spacing[0] - 0.13 / 3) < 1e-6)
    }

    @Test func aHugeImageIsReduced() {
        let scale = CaptureScale(columns: 20000, rows: 10)
        #expect(!scale.isIdentity)
        let picture = GrayPicture(columns: 20000, rows: 10, pixels: [UInt8](repeating: 7, count: 200_000))
        let small = scale.apply(to: picture)
        #expect(small.columns == 6667 && small.rows == 4)
        #expect(small.pixels.allSatisfy { $0 == 7 })
        let box = scale.apply(to: PixelBox(left: 19990, top: 0, right: 20000, bottom: 10))
        #expect(box == PixelBox(left: 6663, top: 0, right: 6667, bottom: 4))
    }

    @Test func lossyStaysLossy() throws {
        var study = SampleStudy.oneRegion
        study.images[0].additions = [
            Tag(0x0028, 0x2110): "01", Tag(0x0028, 0x2112): "12.5", Tag(0x0028, 0x2114): "ISO_15444_1",
        ]
        let dataset = try Built(study).dataset(.overlay)
        #expect(dataset.text(.lossyImageCompression) == "01")
        #expect(dataset.text(.lossyImageCompressionRatio) == "12.5")
        #expect(dataset.text(.lossyImageCompressionMethod) == "ISO_15444_1")
    }

    @Test func findingsDifferInColourAndLine() {
        let styles = (0..<12).map(MarkStyle.init)
        #expect(Set(styles).count == 12)
        for (one, next) in zip(styles, styles.dropFirst()) {
            #expect(one.color != next.color && one.line != next.line)
        }
    }

    @Test func textIsCutOrWrappedToItsWidth() throws {
        let typeface = try FontLibrary(.debian).regular(size: 16)
        let text = "A sentence of several words and onewordthatislongerthanalinecouldeverbe at the end"
        for line in typeface.wrapped(text, width: 120) {
            #expect(typeface.width(of: line) <= 120)
        }
        #expect(typeface.wrapped(text, width: 120).joined().filter { $0 != " " } == text.filter { $0 != " " })
        #expect(typeface.width(of: typeface.fitted(text, width: 200)) <= 200)
        #expect(typeface.fitted("short", width: 200) == "short")
    }

    @Test func charactersOfOtherScriptsAreDrawnWhenAFontHasThem() throws {
        for scalar in "ΩЖÄ".unicodeScalars {
            #expect(try FontFile(OverlayFonts.debian.regular).has(scalar))
        }
        let fallback = try #require(OverlayFonts.debian.fallbacks.first)
        try #require(
            FileManager.default.fileExists(atPath: fallback.path), "install fonts-droid-fallback for this test")
        let typeface = try FontLibrary(.debian).bold(size: 20)
        var canvas = Canvas(columns: 100, rows: 30, filledWith: .black)
        typeface.draw("結節影", on: &canvas, left: 0, top: 0, .white)
        var other = Canvas(columns: 100, rows: 30, filledWith: .black)
        typeface.draw("影節結", on: &other, left: 0, top: 0, .white)
        #expect(canvas.pixels.contains { $0 > 128 })
        #expect(canvas.pixels != other.pixels)
    }

    @Test func aMissingOrBrokenFontIsNamed() throws {
        var options = Built.everything
        options.fonts = OverlayFonts(
            bold: URL(fileURLWithPath: "/absent.ttf"), regular: OverlayFonts.debian.regular)
        #expect(throws: ResultsError.unusableFont(path: "/absent.ttf", reason: "there is no such file")) {
            try Built(.oneRegion, options: options)
        }
        options.fonts.bold = URL(fileURLWithPath: #filePath)
        #expect(throws: ResultsError.self) { try Built(.oneRegion, options: options) }
    }

    private struct Pixels {
        let columns: Int
        let rows: Int
        let bytes: [UInt8]

        /// Gray levels row by row; nil for coloured pixels.
        func gray(in box: PixelBox) -> [UInt8?] {
            (box.top..<box.bottom).flatMap { row in
                (box.left..<box.right).map { column in
                    let offset = (row * columns + column) * 3
                    let isGray = bytes[offset] == bytes[offset + 1] && bytes[offset] == bytes[offset + 2]
                    return isGray ? bytes[offset] : nil
                }
            }
        }
    }

    private func pixels(of built: Built) throws -> Pixels {
        let dataset = try built.dataset(.overlay)
        return Pixels(
            columns: try #require(dataset.int(.columns)), rows: try #require(dataset.int(.rows)),
            bytes: try #require(dataset.bytes(.pixelData)))
    }
}
