import CKernels

/// An image or a map of features: `[height * width, channels]`, pixels in row-major order from the top left, channels last.
public struct FeatureMap {
    public let height: Int
    public let width: Int
    /// One row a pixel.
    public let pixels: Matrix

    public var channels: Int { pixels.columns }

    public init(height: Int, width: Int, pixels: Matrix) {
        precondition(pixels.rows == height * width, "\(pixels.rows) pixels for a map of \(height) x \(width)")
        self.height = height
        self.width = width
        self.pixels = pixels
    }

    /// From planes `[channels, height, width]`, the order of PyTorch.
    public init(planes: [Float], channels: Int, height: Int, width: Int) {
        precondition(planes.count == channels * height * width, "planes of another size")
        let matrix = Matrix(unsetRows: height * width, columns: channels)
        for channel in 0..<channels {
            for pixel in 0..<(height * width) {
                matrix.base[pixel * channels + channel] = planes[channel * height * width + pixel]
            }
        }
        self.init(height: height, width: width, pixels: matrix)
    }

    /// Planes `[channels, height, width]`.
    public var planes: [Float] { pixels.transposed().values }

    /// Each pixel repeated `factor` times in both directions.
    public func upsampledNearest(by factor: Int) -> FeatureMap {
        let result = Matrix(unsetRows: height * factor * width * factor, columns: channels)
        for y in 0..<(height * factor) {
            for x in 0..<(width * factor) {
                let from = pixels.base + ((y / factor) * width + x / factor) * pixels.stride
                (result.base + (y * width * factor + x) * channels).update(from: from, count: channels)
            }
        }
        return FeatureMap(height: height * factor, width: width * factor, pixels: result)
    }

    /// Bilinear interpolation with pixel centres at halves (PyTorch's `align_corners=False`, without antialiasing).
    public func resizedBilinear(height newHeight: Int, width newWidth: Int) -> FeatureMap {
        let result = Matrix(unsetRows: newHeight * newWidth, columns: channels)
        let columns = Self.taps(from: width, to: newWidth)
        for (y, row) in Self.taps(from: height, to: newHeight).enumerated() {
            for (x, column) in columns.enumerated() {
                let out = result.base + (y * newWidth + x) * channels
                let corners = [
                    (row.low * width + column.low, (1 - row.weight) * (1 - column.weight)),
                    (row.low * width + column.high, (1 - row.weight) * column.weight),
                    (row.high * width + column.low, row.weight * (1 - column.weight)),
                    (row.high * width + column.high, row.weight * column.weight),
                ]
                for channel in 0..<channels {
                    out[channel] = corners.reduce(0) { $0 + $1.1 * pixels.base[$1.0 * pixels.stride + channel] }
                }
            }
        }
        return FeatureMap(height: newHeight, width: newWidth, pixels: result)
    }

    private static func taps(from: Int, to: Int) -> [(low: Int, high: Int, weight: Float)] {
        let ratio = Float(from) / Float(to)
        return (0..<to).map { i in
            let at = max(0, (Float(i) + 0.5) * ratio - 0.5)
            let low = min(Int(at), from - 1)
            return (low, min(low + 1, from - 1), at - Float(low))
        }
    }
}

/// Two-dimensional convolution as products of patches with a ``Linear`` layer, a strip of pixels at a time.
public struct Convolution: Sendable {
    /// `[outChannels, kernelHeight * kernelWidth * inChannels]`, channels last.
    public let linear: Linear
    public let kernelHeight: Int
    public let kernelWidth: Int
    public let stride: Int
    /// Zeros around the image: before and after, in both directions.
    public let padding: (before: Int, after: Int)

    public var inChannels: Int { linear.inFeatures / (kernelHeight * kernelWidth) }
    public var outChannels: Int { linear.outFeatures }

    /// - Parameters:
    ///   - weight: `[outChannels, inChannels, kernelHeight, kernelWidth]`, the order of PyTorch.
    ///   - padding: on all sides.
    public init(
        weight: [Float], bias: [Float]?, outChannels: Int, inChannels: Int, kernelHeight: Int, kernelWidth: Int,
        stride: Int,
        padding: Int, format: WeightFormat = .float32, activation: ActivationFormat = .float32
    ) {
        self.init(
            weight: weight, bias: bias, outChannels: outChannels, inChannels: inChannels, kernelHeight: kernelHeight,
            kernelWidth: kernelWidth, stride: stride, padding: (padding, padding), format: format,
            activation: activation)
    }

    /// The same with different padding before (top, left) and after (bottom, right), as some VQ encoders use.
    public init(
        weight: [Float], bias: [Float]?, outChannels: Int, inChannels: Int, kernelHeight: Int, kernelWidth: Int,
        stride: Int,
        padding: (before: Int, after: Int), format: WeightFormat = .float32, activation: ActivationFormat = .float32
    ) {
        let area = kernelHeight * kernelWidth
        precondition(
            weight.count == outChannels * inChannels * area, "\(weight.count) weights for a convolution of another size"
        )
        let matrix = WeightMatrix(rows: outChannels, columns: area * inChannels, format: format) { range, out in
            for (i, output) in range.enumerated() {
                for input in 0..<inChannels {
                    for at in 0..<area {
                        out[(i * area + at) * inChannels + input] = weight[(output * inChannels + input) * area + at]
                    }
                }
            }
        }
        linear = Linear(weight: matrix, bias: bias, activation: activation)
        self.kernelHeight = kernelHeight
        self.kernelWidth = kernelWidth
        self.stride = stride
        self.padding = padding
    }

    public func callAsFunction(_ x: FeatureMap) -> FeatureMap {
        precondition(
            x.channels == inChannels && x.pixels.stride == x.channels, "\(x.channels) channels for \(inChannels)")
        let height = (x.height + padding.before + padding.after - kernelHeight) / stride + 1
        let width = (x.width + padding.before + padding.after - kernelWidth) / stride + 1
        let result = Matrix(unsetRows: height * width, columns: outChannels)
        if kernelHeight == 1, kernelWidth == 1, stride == 1, padding == (0, 0) {
            linear.apply(x.pixels, into: result)
            return FeatureMap(height: height, width: width, pixels: result)
        }
        // Patches of one strip stay in cache until they are multiplied.
        let strip = min(height * width, max(64, (1 << 20) / linear.inFeatures / 64 * 64))
        let patches = Matrix(unsetRows: strip, columns: linear.inFeatures)
        for first in Swift.stride(from: 0, to: height * width, by: strip) {
            let count = min(strip, height * width - first)
            cxr_im2col(
                x.pixels.base, x.height, x.width, inChannels, kernelHeight, kernelWidth, stride, padding.before,
                padding.before, width, first, count, patches.base)
            linear.apply(patches.rows(0..<count), into: result.rows(first..<(first + count)))
        }
        return FeatureMap(height: height, width: width, pixels: result)
    }
}

/// Normalises groups of channels over all pixels.
public struct GroupNorm: Sendable {
    public let groups: Int
    public let weight: [Float]
    public let bias: [Float]
    public let epsilon: Float

    public init(groups: Int, weight: [Float], bias: [Float], epsilon: Float) {
        precondition(
            groups > 0 && weight.count % groups == 0 && bias.count == weight.count,
            "\(groups) groups of \(weight.count)")
        self.groups = groups
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: FeatureMap) -> FeatureMap {
        precondition(x.channels == weight.count, "\(x.channels) channels for \(weight.count)")
        let y = x.pixels.copy()
        cxr_group_norm(y.base, y.rows, y.columns, groups, weight, bias, epsilon)
        return FeatureMap(height: x.height, width: x.width, pixels: y)
    }
}
