import Foundation

/// The reference model's preprocessing: a grayscale image standardised by its own mean and deviation, padded to a square,
/// shrunk with Pillow's triangle filter on single-precision samples, clamped. Source: `Training/LAYOUT.md`.
struct StandardizingPreprocessor: Sendable {
    struct Configuration: Decodable, Sendable {
        struct Size: Decodable, Sendable {
            var width: Int
            var height: Int
        }
        var size: Size
        var resample: Int
        var padValue: Float
        var clipValue: Float

        enum CodingKeys: String, CodingKey {
            case size, resample
            case padValue = "pad_value"
            case clipValue = "clip_value"
        }
    }

    let configuration: Configuration
    let filter: ResamplingFilter

    init(_ configuration: Configuration, file: String) throws {
        guard let filter = ResamplingFilter(rawValue: configuration.resample), configuration.size.width > 0,
            configuration.size.width == configuration.size.height
        else { throw CheckpointError.badConfiguration(file: file, reason: "size or resample is not supported") }
        self.configuration = configuration
        self.filter = filter
    }

    func pixels(of source: ImageBuffer) -> PixelTensor {
        let samples = source.exact ?? source.grayscale().samples.map { Float(Double($0) / 255) }
        let mean = samples.reduce(0.0) { $0 + Double($1) } / Double(samples.count)
        let variance = samples.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(samples.count)
        let deviation = max(variance.squareRoot(), 0.001)
        let side = max(source.width, source.height)
        let (left, top) = ((side - source.width) / 2, (side - source.height) / 2)
        var square = [Float](repeating: configuration.padValue, count: side * side)
        for row in 0..<source.height {
            for column in 0..<source.width {
                let value = (Double(samples[row * source.width + column]) - mean) / deviation
                square[(row + top) * side + column + left] = Float(value)
            }
        }
        let edge = configuration.size.width
        var plane = square
        if edge != side {
            let taps = FilterTaps(from: side, to: edge, filter: filter)
            plane = Self.resampledColumns(Self.resampledRows(square, side, side, taps), edge, taps)
        }
        var view = ImageGeometry.View(source: source.width, source.height)
        view.crop(left: -left, top: -top, width: side, height: side)
        view.resize(width: edge, height: edge)
        return PixelTensor(
            values: plane.map { min(max($0, -configuration.clipValue), configuration.clipValue) }, channels: 1,
            viewCount: 1, height: edge, width: edge,
            geometry: ImageGeometry(sourceWidth: source.width, sourceHeight: source.height, views: [view]))
    }

    private static func resampledRows(_ input: [Float], _ width: Int, _ height: Int, _ taps: FilterTaps) -> [Float] {
        var output: [Float] = []
        output.reserveCapacity(taps.starts.count * height)
        for row in 0..<height {
            for (start, weights) in zip(taps.starts, taps.weights) {
                var sum = 0.0
                for (index, weight) in weights.enumerated() {
                    sum += Double(input[row * width + start + index]) * weight
                }
                output.append(Float(sum))
            }
        }
        return output
    }

    private static func resampledColumns(_ input: [Float], _ width: Int, _ taps: FilterTaps) -> [Float] {
        var output: [Float] = []
        output.reserveCapacity(taps.starts.count * width)
        for (start, weights) in zip(taps.starts, taps.weights) {
            for column in 0..<width {
                var sum = 0.0
                for (index, weight) in weights.enumerated() {
                    sum += Double(input[(start + index) * width + column]) * weight
                }
                output.append(Float(sum))
            }
        }
        return output
    }
}
