/// An upright 8-bit image in memory, grayscale or RGB: what every preprocessor starts from.
///
/// Row-major from the top-left pixel, channels interleaved. A grayscale image stands for an RGB image with three equal
/// channels and gives the same tensors.
public struct ImageBuffer: Sendable, Equatable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// 1 (grayscale) or 3 (RGB).
    public let channels: Int
    /// `height * width * channels` samples.
    public let samples: [UInt8]
    /// A grayscale image's samples in 0...1 before they were rounded, for models that take them so.
    let exact: [Float]?

    /// Wraps samples.
    ///
    /// - Throws: ``ImageError`` when the extents are not positive, or the count does not fit them.
    public init(width: Int, height: Int, channels: Int, samples: [UInt8]) throws {
        guard width > 0, height > 0, width <= 65_536, height <= 65_536, channels == 1 || channels == 3 else {
            throw ImageError.impossibleExtents(width: width, height: height, channels: channels)
        }
        guard samples.count == width * height * channels else {
            throw ImageError.wrongSampleCount(expected: width * height * channels, found: samples.count)
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.samples = samples
        exact = nil
    }

    /// A grayscale image from samples in 0...1 (clamped; NaN is black), rounded to the 8 bits that the models were
    /// trained on.
    public init(width: Int, height: Int, grayscale: [Float]) throws {
        let clamped = grayscale.map { $0 > 0 ? min($0, 1) : 0 }
        let rounded = try ImageBuffer(
            width: width, height: height, channels: 1, samples: clamped.map { UInt8(($0 * 255).rounded()) })
        self.init(unchecked: width, height, 1, rounded.samples, exact: clamped)
    }

    /// An image that is known to be sound.
    init(unchecked width: Int, _ height: Int, _ channels: Int, _ samples: [UInt8], exact: [Float]? = nil) {
        self.width = width
        self.height = height
        self.channels = channels
        self.samples = samples
        self.exact = exact
    }

    /// The rectangle at (`left`, `top`); what lies outside the image is `background`.
    func cropped(left: Int, top: Int, width: Int, height: Int, background: [UInt8]) -> ImageBuffer {
        var result: [UInt8] = []
        result.reserveCapacity(width * height * channels)
        let inside = max(left, 0)..<max(min(left + width, self.width), max(left, 0))
        let fill = channels == 1 ? [background[0]] : background
        func pad(_ count: Int) {
            for _ in 0..<count { result.append(contentsOf: fill) }
        }
        for row in top..<top + height {
            guard row >= 0, row < self.height, !inside.isEmpty else {
                pad(width)
                continue
            }
            pad(inside.lowerBound - left)
            let start = (row * self.width + inside.lowerBound) * channels
            result.append(contentsOf: samples[start..<start + inside.count * channels])
            pad(left + width - inside.upperBound)
        }
        return ImageBuffer(unchecked: width, height, channels, result)
    }

    /// One channel by ITU-R 601 luma as Pillow computes it, `(R*19595 + G*38470 + B*7471 + 0x8000) >> 16`.
    func grayscale() -> ImageBuffer {
        guard channels == 3 else { return self }
        var result = [UInt8](repeating: 0, count: width * height)
        for pixel in result.indices {
            let red = UInt32(samples[pixel * 3]) * 19595
            let green = UInt32(samples[pixel * 3 + 1]) * 38470
            let blue = UInt32(samples[pixel * 3 + 2]) * 7471
            result[pixel] = UInt8((red + green + blue + 0x8000) >> 16)
        }
        return ImageBuffer(unchecked: width, height, 1, result)
    }
}

/// Why an image cannot be preprocessed.
public enum ImageError: Error, CustomStringConvertible, Equatable {
    /// Width and height must be 1...65536, channels 1 or 3.
    case impossibleExtents(width: Int, height: Int, channels: Int)
    /// The samples are more or fewer than the extents need.
    case wrongSampleCount(expected: Int, found: Int)
    /// The model takes fewer images at a time.
    case tooManyImages(given: Int, allowed: Int)

    public var description: String {
        switch self {
        case .impossibleExtents(let width, let height, let channels):
            "an image of \(width) x \(height) with \(channels) channels cannot be read by a model"
        case .wrongSampleCount(let expected, let found): "the image needs \(expected) samples and has \(found)"
        case .tooManyImages(let given, let allowed): "\(given) images were given, the model takes \(allowed)"
        }
    }
}
