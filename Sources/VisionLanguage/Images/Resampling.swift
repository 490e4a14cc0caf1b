import Foundation

/// The antialiasing filters of Pillow, by the numbers that `preprocessor_config.json` stores.
public enum ResamplingFilter: Int, Sendable, Codable {
    case lanczos = 1
    case bilinear = 2
    case bicubic = 3
    case box = 4

    /// Half the width of the filter in output samples.
    var support: Double {
        switch self {
        case .box: 0.5
        case .bilinear: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    func weight(_ position: Double) -> Double {
        let x = abs(position)
        switch self {
        case .box: return position > -0.5 && position <= 0.5 ? 1 : 0
        case .bilinear: return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        case .lanczos:
            func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
            return position >= -3 && position < 3 ? sinc(position) * sinc(position / 3) : 0
        }
    }
}

extension ImageBuffer {
    /// Resizes as Pillow's `Image.resize` does on 8-bit images, bit for bit: the filter widens when shrinking
    /// (antialiasing), weights are fixed-point with 22 bits, and the image between the two passes is 8-bit again.
    /// Rows come first, as in every Pillow up to version 12, with which the published models were trained; Pillow 13
    /// takes the cheaper order, which differs by a few levels. Source: Pillow, `src/libImaging/Resample.c`.
    func resized(width newWidth: Int, height newHeight: Int, filter: ResamplingFilter) -> ImageBuffer {
        if newWidth == width, newHeight == height { return self }
        var image = self
        if newWidth != width {
            let weights = FilterWeights(from: width, to: newWidth, filter: filter)
            image = image.resampledRows(weights)
        }
        if newHeight != height {
            let weights = FilterWeights(from: height, to: newHeight, filter: filter)
            image = image.resampledColumns(weights)
        }
        return image
    }

    private func resampledRows(_ weights: FilterWeights) -> ImageBuffer {
        let outputWidth = weights.starts.count
        let (width, height, channels) = (width, height, channels)
        let result = [UInt8](unsafeUninitializedCapacity: outputWidth * height * channels) { output, count in
            samples.withUnsafeBufferPointer { input in
                var position = 0
                for row in 0..<height {
                    let line = row * width * channels
                    for column in 0..<outputWidth {
                        let start = line + weights.starts[column] * channels
                        for channel in 0..<channels {
                            output[position] = weights.sum(column) { input[start + channel + $0 * channels] }
                            position += 1
                        }
                    }
                }
            }
            count = outputWidth * height * channels
        }
        return ImageBuffer(unchecked: outputWidth, height, channels, result)
    }

    private func resampledColumns(_ weights: FilterWeights) -> ImageBuffer {
        let outputHeight = weights.starts.count
        let line = width * channels
        let result = [UInt8](unsafeUninitializedCapacity: outputHeight * line) { output, count in
            samples.withUnsafeBufferPointer { input in
                for row in 0..<outputHeight {
                    let start = weights.starts[row] * line
                    for column in 0..<line {
                        output[row * line + column] = weights.sum(row) { input[start + column + $0 * line] }
                    }
                }
            }
            count = outputHeight * line
        }
        return ImageBuffer(unchecked: width, outputHeight, channels, result)
    }
}

/// For each output sample, the first input sample and the weights of the run that begins there.
struct FilterTaps {
    private(set) var starts: [Int] = []
    private(set) var weights: [[Double]] = []

    init(from inputSize: Int, to outputSize: Int, filter: ResamplingFilter) {
        let scale = Double(inputSize) / Double(outputSize)
        let filterScale = max(scale, 1)
        let support = filter.support * filterScale
        for output in 0..<outputSize {
            let center = (Double(output) + 0.5) * scale
            let first = max(Int(center - support + 0.5), 0)
            let count = min(Int(center + support + 0.5), inputSize) - first
            let raw = (0..<count).map { filter.weight((Double($0 + first) - center + 0.5) / filterScale) }
            let total = raw.reduce(0, +)
            starts.append(first)
            weights.append(total == 0 ? raw : raw.map { $0 / total })
        }
    }
}

/// The taps in fixed point, for 8-bit samples.
private struct FilterWeights {
    let starts: [Int]
    private var counts: [Int] = []
    private var values: [Int32]
    private let stride: Int
    private static let precisionBits: Int32 = 32 - 8 - 2

    init(from inputSize: Int, to outputSize: Int, filter: ResamplingFilter) {
        let taps = FilterTaps(from: inputSize, to: outputSize, filter: filter)
        starts = taps.starts
        stride = taps.weights.map(\.count).max() ?? 0
        values = [Int32](repeating: 0, count: stride * outputSize)
        for (output, weights) in taps.weights.enumerated() {
            for (index, weight) in weights.enumerated() {
                let scaled = weight * Double(1 << Self.precisionBits)
                values[output * stride + index] = Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
            }
            counts.append(weights.count)
        }
    }

    @inline(__always)
    func sum(_ output: Int, _ sample: (Int) -> UInt8) -> UInt8 {
        var sum: Int32 = 1 << (Self.precisionBits - 1)
        let base = output * stride
        for index in 0..<counts[output] { sum &+= values[base + index] &* Int32(sample(index)) }
        return UInt8(clamping: sum >> Self.precisionBits)
    }
}
