import DICOM
import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

@Suite struct PresentationTests {
    /// dcmpschk passes a state whose layer is missing or whose point count is wrong.
    @Test func graphicsMatchTheirCountsAndLayers() throws {
        let built = try Built(.manyRegions)
        let dataset = try built.dataset(.presentation)
        let layers = dataset.items(.graphicLayerSequence)
        #expect(layers.map { $0.text(.graphicLayer) } == ["AI_BOXES"])
        #expect(layers.map { $0.int(.graphicLayerOrder) } == [1])
        for annotation in dataset.items(.graphicAnnotationSequence) {
            #expect(annotation.text(.graphicLayer) == "AI_BOXES")
            let graphics = annotation.items(.graphicObjectSequence)
            #expect(graphics.count == SampleStudy.manyRegions.reading.findings.flatMap(\.regions).count)
            for graphic in graphics {
                let data = try #require(graphic.doubles(.graphicData))
                #expect(graphic.int(.numberOfGraphicPoints) == 5)
                #expect(data.count == 10)
                #expect(data.prefix(2) == data.suffix(2))
                #expect(graphic.text(.graphicAnnotationUnits) == "PIXEL")
                #expect(graphic.text(.graphicFilled) == "N")
            }
            let texts = annotation.items(.textObjectSequence)
            #expect(texts.count == graphics.count + 1)
            #expect(texts.last?.text(.unformattedTextValue) == "AI - UNVERIFIED")
            #expect(texts.last?.text(.boundingBoxAnnotationUnits) == "DISPLAY")
        }
        #expect(!dataset.contains(.contentDate) && !dataset.contains(.contentTime))
    }

    @Test func eachImageWithRegionsHasItsState() throws {
        let built = try Built(.twoImages)
        let states = try built.files(.presentation)
        #expect(states.count == 2)
        for (state, source) in zip(states, built.sources) {
            let series = state.dataset.items(.referencedSeriesSequence)
            #expect(series.count == 1)
            let images = series.flatMap { $0.items(.referencedImageSequence) }
            #expect(images.map { $0.text(.referencedSOPInstanceUID) } == [source.sopInstanceUID])
        }
    }

    @Test func polarityFollowsThePhotometricInterpretation() throws {
        #expect(try Built(.oneRegion).dataset(.presentation).text(.presentationLUTShape) == "IDENTITY")
        #expect(try Built(.monochrome1).dataset(.presentation).text(.presentationLUTShape) == "INVERSE")
    }

    @Test func theSourcesGrayscaleShutterAndOverlaysStay() throws {
        let scratch = try ScratchDirectory()
        var picture = SyntheticRadiograph()
        picture.additions = [
            .windowCenter: "1800\\900", .windowWidth: "3000\\500", .rescaleIntercept: "-5", .rescaleSlope: "2",
            .shutterShape: "RECTANGULAR", Tag(0x0018, 0x1602): "10", Tag(0x0018, 0x1604): "500",
            Tag(0x0018, 0x1606): "10", Tag(0x0018, 0x1608): "630", Tag(0x0018, 0x1622): "0",
        ]
        let file = try picture.file()
        try file.dataset.set(Tag(0x6002, 0x0010), "8", vr: "US")
        try file.dataset.set(Tag(0x6002, 0x0011), "8", vr: "US")
        try file.dataset.set(Tag(0x6002, 0x0040), "G", vr: "CS")
        try file.dataset.set(Tag(0x6002, 0x0050), "1\\1", vr: "SS")
        try file.dataset.set(Tag(0x6002, 0x0100), "1", vr: "US")
        try file.dataset.set(Tag(0x6002, 0x0102), "0", vr: "US")
        try file.dataset.set(Tag(0x6002, 0x3000), bytes: [UInt8](repeating: 0xAA, count: 8), vr: "OW")
        let url = scratch.url.appendingPathComponent("s.dcm")
        try file.write(to: url)
        let objects = try ResultBuilder(identity: Built.identity, options: ResultOptions(kinds: [.presentation]))
            .build(
                SampleStudy.oneRegion.reading, sources: [SourceInstance(contentsOf: url)], instant: Built.instant,
                into: scratch.url)
        let state = try DICOMFile(contentsOf: objects[0].file).dataset
        let voi = try #require(state.items(.softcopyVOILUTSequence).first)
        #expect(voi.text(.windowCenter) == "1800")
        #expect(voi.text(.windowWidth) == "3000")
        #expect(state.text(.rescaleSlope) == "2")
        #expect(state.text(.rescaleIntercept) == "-5")
        #expect(state.text(.shutterShape) == "RECTANGULAR")
        #expect(state.int(Tag(0x0018, 0x1608)) == 630)
        let activation = try #require(state.text(Tag(0x6002, 0x1001)))
        let layers = state.items(.graphicLayerSequence)
        #expect(layers.compactMap { $0.text(.graphicLayer) } == [activation, "AI_BOXES"])
        #expect(layers.compactMap { $0.int(.graphicLayerOrder) } == [1, 2])
    }

    @Test func theDisplayedAreaIsTheWholeImageAtItsShape() throws {
        let area = try #require(Built(.oneRegion).dataset(.presentation).items(.displayedAreaSelectionSequence).first)
        #expect(area.text(.displayedAreaBottomRightHandCorner) == "512\\640")
        #expect(area.text(.presentationPixelSpacing) == "0.13\\0.13")
        let unspaced = try Built(.missingType2).dataset(.presentation)
        let shape = try #require(unspaced.items(.displayedAreaSelectionSequence).first)
        #expect(!shape.contains(.presentationPixelSpacing))
        #expect(shape.text(.presentationPixelAspectRatio) == "1\\1")
    }

    @Test func aSourceWithoutAWindowGetsTheOverlays() throws {
        let state = try Built(.missingType2).dataset(.presentation)
        let voi = try #require(state.items(.softcopyVOILUTSequence).first)
        let width = try #require(voi.double(.windowWidth))
        #expect(width > 100 && width < 4096)
    }
}
