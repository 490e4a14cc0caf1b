import Foundation
import Testing

@testable import VisionLanguage

@Suite struct ImagePreprocessorTests {
    private func picture(_ tensor: StoredTensor) throws -> ImageBuffer {
        try ImageBuffer(
            width: tensor.shape[1], height: tensor.shape[0], channels: tensor.shape.count == 3 ? tensor.shape[2] : 1,
            samples: tensor.withBytes { Array($0) })
    }

    @Test func resizingIsPillowsBitForBit() throws {
        let tensors = try Fixture.tensors("images/images.safetensors")
        let filters: [String: ResamplingFilter] = [
            "bilinear": .bilinear, "bicubic": .bicubic, "lanczos": .lanczos, "box": .box,
        ]
        var compared = 0
        for (name, expected) in tensors where name.hasPrefix("resize.") {
            let parts = name.split(separator: ".").map(String.init)
            let source = try picture(#require(tensors["picture.\(parts[1])"]))
            let filter = try #require(filters[parts[2]])
            let resized = source.resized(width: expected.shape[1], height: expected.shape[0], filter: filter)
            #expect(resized == (try picture(expected)), "\(name)")
            compared += 1
        }
        #expect(compared == 48)
    }

    @Test(arguments: ["clip", "clip-large-crop", "llava-pad", "siglip", "gemma3", "onevision", "maira2"])
    func pixelTensorsAreHuggingFaces(_ name: String) throws {
        let tensors = try Fixture.tensors("images/images.safetensors")
        let configuration = try Fixture.decode(PreprocessorConfiguration.self, "images/\(name).json")
        let preprocessor = try ImagePreprocessor(configuration, stretchesRange: name == "maira2")
        for pictureName in ["square", "wide", "tall", "small"] {
            let source = try picture(#require(tensors["picture.\(pictureName)"]))
            let expected = try #require(tensors["pixels.\(name).\(pictureName)"])
            let found = preprocessor.pixels(of: source)
            #expect([found.viewCount, 3, found.height, found.width] == expected.shape, "\(pictureName)")
            #expect(try relativeError(found.values, expected.floats()) < 1e-6, "\(pictureName)")
        }
    }

    /// A white rectangle is drawn in the source, found again in the model's view, and mapped back.
    @Test(arguments: ["clip", "llava-pad", "siglip", "gemma3", "onevision", "maira2"])
    func boxesMapBackToSourcePixels(_ name: String) throws {
        let configuration = try Fixture.decode(PreprocessorConfiguration.self, "images/\(name).json")
        let preprocessor = try ImagePreprocessor(configuration, stretchesRange: name == "maira2")
        for (width, height) in [(280, 280), (420, 280), (224, 392)] {
            let box = (x1: width / 2 - 40, y1: height / 2 - 60, x2: width / 2 + 56, y2: height / 2 + 36)
            var samples = [UInt8](repeating: 0, count: width * height)
            for row in box.y1..<box.y2 {
                for column in box.x1..<box.x2 { samples[row * width + column] = 255 }
            }
            let source = try ImageBuffer(width: width, height: height, channels: 1, samples: samples)
            let pixels = preprocessor.pixels(of: source)
            for view in 0..<pixels.viewCount {
                let plane = Array(
                    pixels.values[
                        (view * 3) * pixels.width * pixels.height..<(view * 3 + 1) * pixels.width * pixels.height])
                let middle = ((plane.min() ?? 0) + (plane.max() ?? 0)) / 2
                let white = plane.indices.filter { plane[$0] > middle }
                guard let first = white.first, plane[first] > 0 else { continue }
                let columns = white.map { $0 % pixels.width }
                let rows = white.map { $0 / pixels.width }
                let geometry = pixels.geometry.views[view]
                let low = geometry.sourcePoint(x: Double(columns.min() ?? 0), y: Double(rows.min() ?? 0))
                let high = geometry.sourcePoint(x: Double(1 + (columns.max() ?? 0)), y: Double(1 + (rows.max() ?? 0)))
                // A tile shows a part of the rectangle; its inner edges are the tile's.
                let tolerance = max(geometry.scaleX, geometry.scaleY) * 0.75
                #expect(low.x >= Double(box.x1) - tolerance && high.x <= Double(box.x2) + tolerance)
                #expect(low.y >= Double(box.y1) - tolerance && high.y <= Double(box.y2) + tolerance)
                guard view == 0 else { continue }
                let found = try #require(
                    pixels.geometry.sourceBox(
                        normalizedX1: Double(columns.min() ?? 0) / Double(pixels.width),
                        y1: Double(rows.min() ?? 0) / Double(pixels.height),
                        x2: Double(1 + (columns.max() ?? 0)) / Double(pixels.width),
                        y2: Double(1 + (rows.max() ?? 0)) / Double(pixels.height)))
                #expect(abs(found.x1 - Double(box.x1)) <= tolerance && abs(found.x2 - Double(box.x2)) <= tolerance)
                #expect(abs(found.y1 - Double(box.y1)) <= tolerance && abs(found.y2 - Double(box.y2)) <= tolerance)
            }
        }
    }

    @Test func boxesSurviveTheRoundTripAndAreClamped() throws {
        let configuration = try Fixture.decode(PreprocessorConfiguration.self, "images/clip.json")
        let source = try ImageBuffer(width: 61, height: 37, channels: 1, samples: [UInt8](repeating: 9, count: 61 * 37))
        let geometry = try ImagePreprocessor(configuration).pixels(of: source).geometry
        let normalized = try #require(geometry.normalizedBox(sourceX1: 20, y1: 5, x2: 40, y2: 30))
        let back = try #require(
            geometry.sourceBox(normalizedX1: normalized.x1, y1: normalized.y1, x2: normalized.x2, y2: normalized.y2))
        #expect(abs(back.x1 - 20) < 1e-9 && abs(back.y1 - 5) < 1e-9)
        #expect(abs(back.x2 - 40) < 1e-9 && abs(back.y2 - 30) < 1e-9)
        let outside = geometry.sourceBox(normalizedX1: -3, y1: -3, x2: 4, y2: 4)
        #expect(outside?.x1 == 0 && outside?.y1 == 0 && outside?.x2 == 61 && outside?.y2 == 37)
        #expect(geometry.sourceBox(normalizedX1: .nan, y1: 0, x2: 1, y2: 1) == nil)
        #expect(geometry.sourceBox(normalizedX1: 5, y1: 5, x2: 6, y2: 6) == nil)
    }

    @Test func grayscaleAndItsThreeEqualChannelsGiveTheSameTensor() throws {
        var generator = SystemRandomNumberGenerator()
        let samples = (0..<50 * 30).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let gray = try ImageBuffer(width: 50, height: 30, channels: 1, samples: samples)
        for name in ["clip", "llava-pad", "siglip", "onevision", "maira2"] {
            let configuration = try Fixture.decode(PreprocessorConfiguration.self, "images/\(name).json")
            let preprocessor = try ImagePreprocessor(configuration, stretchesRange: name == "maira2")
            #expect(preprocessor.pixels(of: gray).values == preprocessor.pixels(of: gray.rgb()).values, "\(name)")
        }
    }

    /// A user's smaller grid gives what the published preprocessor gives with the larger grids taken out of its list.
    @Test(arguments: [1, 2, 3, 4]) func aSmallerGridIsAShorterListOfGrids(_ tiles: Int) throws {
        let configuration = try Fixture.decode(PreprocessorConfiguration.self, "images/onevision.json")
        var shortened = configuration
        shortened.imageGridPinpoints = configuration.imageGridPinpoints?.filter { $0[0] * $0[1] <= tiles * 32 * 32 }
        let tensors = try Fixture.tensors("images/images.safetensors")
        for name in ["square", "wide", "tall", "small"] {
            let source = try picture(#require(tensors["picture.\(name)"]))
            let options = ImageOptions(maximumTiles: tiles)
            let found = try ImagePreprocessor(configuration).pixels(of: source, options: options)
            let expected = try ImagePreprocessor(shortened).pixels(of: source)
            #expect(found.values == expected.values && found.viewCount == expected.viewCount, "\(name)")
            #expect(found.viewCount <= 1 + tiles, "\(name)")
        }
    }

    @Test func impossibleImagesAreRefused() {
        #expect(throws: ImageError.self) { try ImageBuffer(width: 0, height: 4, channels: 1, samples: []) }
        #expect(throws: ImageError.self) { try ImageBuffer(width: 2, height: 2, channels: 2, samples: [1, 2, 3, 4]) }
        #expect(throws: ImageError.self) { try ImageBuffer(width: 2, height: 2, channels: 1, samples: [1, 2, 3]) }
    }
}
