import Foundation

/// What the vision encoder is given: one or more views of an image.
public struct PixelTensor: Sendable {
    /// `[views, channels, height, width]`, row-major, normalised.
    public var values: [Float]
    /// 3, or 1 for models of grayscale images.
    public var channels = 3
    /// Tiles: 1, or 1 + rows * columns for any-resolution models (the whole image first).
    public var viewCount: Int
    /// Rows of every view.
    public var height: Int
    /// Columns of every view.
    public var width: Int
    /// Where the views lie in the source image.
    public var geometry: ImageGeometry

    /// One view's planes, `[channels, height, width]`.
    func planes(_ view: Int) -> [Float] {
        let size = channels * height * width
        return Array(values[view * size..<(view + 1) * size])
    }
}

/// What a caller may choose about an image.
public struct ImageOptions: Sendable {
    /// The most tiles that an any-resolution model may cut the image into beside the whole image; 0 keeps the whole image
    /// only. Fewer tiles mean fewer tokens: a 7B model reads a 1024 x 1024 image as 7,400 of them with nine.
    public var maximumTiles: Int?

    public init(maximumTiles: Int? = nil) {
        self.maximumTiles = maximumTiles
    }
}

/// The steps from an 8-bit image to a model's pixel tensor, in the order and with the rounding of Hugging Face's
/// Pillow-based image processors.
public struct ImagePreprocessor: Sendable {
    /// How the image is brought to the model's size.
    public enum Resizing: Sendable, Equatable {
        case none
        /// Both edges, aspect ratio not kept.
        case exact(width: Int, height: Int)
        /// The shorter edge; the longer one follows, rounded down.
        case shortestEdge(Int)
    }

    /// Stretches the image's own range to 0...255 first (MAIRA-2).
    public var stretchesRange = false
    /// Pads to a square with the mean colour first (LLaVA's `pad`).
    public var padsToSquare = false
    public var resizing: Resizing
    public var filter: ResamplingFilter
    /// Centre crop, padded with black where the image is smaller.
    public var crop: (width: Int, height: Int)?
    public var rescaleFactor: Double
    /// Mean and standard deviation of the three channels; nil leaves the rescaled values.
    public var normalization: (mean: [Double], deviation: [Double])?
    /// The grids of an any-resolution model as (rows, columns) of pixels; nil for one view.
    public var gridPinpoints: [(height: Int, width: Int)]?

    /// Builds the steps that a configuration describes.
    ///
    /// - Parameter stretchesRange: MAIRA-2's min-max step, which its processor does in code.
    /// - Throws: ``CheckpointError/unsupported(what:file:)``.
    public init(_ configuration: PreprocessorConfiguration, stretchesRange: Bool = false) throws {
        let file = "preprocessor_config.json"
        let type = configuration.imageProcessorType ?? "CLIPImageProcessor"
        let isAnyResolution = type.hasPrefix("LlavaOnevision") || type.hasPrefix("LlavaNext")
        self.stretchesRange = stretchesRange
        if configuration.doPanAndScan == true {
            throw CheckpointError.unsupported(what: "do_pan_and_scan", file: file)
        }
        // In any-resolution processors do_pad pads the batch of tiles, elsewhere it pads the image.
        padsToSquare = !isAnyResolution && configuration.doPad == true
        let size = configuration.size
        if configuration.doResize ?? true, let width = size?.width, let height = size?.height {
            resizing = .exact(width: width, height: height)
        } else if configuration.doResize ?? true, let edge = size?.shortestEdge {
            resizing = isAnyResolution ? .exact(width: edge, height: edge) : .shortestEdge(edge)
        } else {
            resizing = .none
        }
        guard let filter = ResamplingFilter(rawValue: configuration.resample ?? ResamplingFilter.bicubic.rawValue)
        else {
            throw CheckpointError.unsupported(what: "resample \(configuration.resample ?? -1)", file: file)
        }
        self.filter = filter
        if configuration.doCenterCrop == true, let crop = configuration.cropSize {
            guard let width = crop.width ?? crop.shortestEdge, let height = crop.height ?? crop.shortestEdge else {
                throw CheckpointError.badConfiguration(file: file, reason: "crop_size lacks width and height")
            }
            self.crop = (width, height)
        }
        rescaleFactor = configuration.doRescale ?? true ? configuration.rescaleFactor ?? 1.0 / 255 : 1
        if configuration.doNormalize ?? true, let mean = configuration.imageMean, let std = configuration.imageStd {
            guard mean.count == 3, std.count == 3, std.allSatisfy({ $0 > 0 }) else {
                throw CheckpointError.badConfiguration(file: file, reason: "image_mean and image_std need 3 values")
            }
            normalization = (mean, std)
        }
        if isAnyResolution {
            guard let points = configuration.imageGridPinpoints, !points.isEmpty,
                points.allSatisfy({ $0.count == 2 && $0[0] > 0 && $0[1] > 0 })
            else { throw CheckpointError.badConfiguration(file: file, reason: "image_grid_pinpoints is missing") }
            gridPinpoints = points.map { ($0[0], $0[1]) }
        }
        guard resizing != .none || self.crop != nil else {
            throw CheckpointError.badConfiguration(file: file, reason: "neither size nor crop_size fixes the view")
        }
    }

    /// Makes the pixel tensor of one image.
    public func pixels(of source: ImageBuffer, options: ImageOptions = ImageOptions()) -> PixelTensor {
        var image = stretchesRange ? source.stretched() : source
        let whole = ImageGeometry.View(source: source.width, source.height)
        var tiles: [(ImageBuffer, ImageGeometry.View)]
        if let gridPinpoints, case .exact(let width, let height) = resizing {
            let grids = gridPinpoints.filter {
                $0.width * $0.height <= (options.maximumTiles ?? .max / width / height) * width * height
            }
            tiles = AnyResolution.tiles(
                of: image, in: grids, tileWidth: width, tileHeight: height, filter: filter)
        } else {
            var view = whole
            if padsToSquare { (image, view) = squared(image, view) }
            (image, view) = resized(image, view)
            if let crop { (image, view) = cropped(image, view, to: crop) }
            tiles = [(image, view)]
        }
        let (width, height) = (tiles[0].0.width, tiles[0].0.height)
        var values: [Float] = []
        values.reserveCapacity(tiles.count * 3 * width * height)
        let tables = (0..<3).map(lookupTable)
        for (tile, _) in tiles {
            for channel in 0..<3 {
                let (table, offset) = (tables[channel], tile.channels == 3 ? channel : 0)
                for index in 0..<width * height {
                    values.append(table[Int(tile.samples[index * tile.channels + offset])])
                }
            }
        }
        return PixelTensor(
            values: values, viewCount: tiles.count, height: height, width: width,
            geometry: ImageGeometry(
                sourceWidth: source.width, sourceHeight: source.height, views: tiles.map(\.1)))
    }

    /// The 256 results of `float32(level * factor)`, then `(x - mean) / deviation` in single precision, as NumPy does.
    private func lookupTable(channel: Int) -> [Float] {
        (0..<256).map { level in
            let value = Float(Double(level) * rescaleFactor)
            guard let normalization else { return value }
            return (value - Float(normalization.mean[channel])) / Float(normalization.deviation[channel])
        }
    }

    private func squared(
        _ image: ImageBuffer, _ view: ImageGeometry.View
    ) -> (ImageBuffer, ImageGeometry.View) {
        let edge = max(image.width, image.height)
        let (left, top) = ((edge - image.width) / 2, (edge - image.height) / 2)
        var color: [UInt8] = [0, 0, 0]
        if let normalization { color = normalization.mean.map { UInt8(clamping: Int($0 * 255)) } }
        // The mean colour is not gray, so a grayscale image must become RGB to be padded with it.
        let padded = (color[0] == color[1] && color[1] == color[2] ? image : image.rgb())
            .cropped(left: -left, top: -top, width: edge, height: edge, background: color)
        var view = view
        view.crop(left: -left, top: -top, width: edge, height: edge)
        return (padded, view)
    }

    private func resized(_ image: ImageBuffer, _ view: ImageGeometry.View) -> (ImageBuffer, ImageGeometry.View) {
        let width: Int
        let height: Int
        switch resizing {
        case .none: return (image, view)
        case .exact(let exactWidth, let exactHeight): (width, height) = (exactWidth, exactHeight)
        case .shortestEdge(let edge):
            let (short, long) = (min(image.width, image.height), max(image.width, image.height))
            let newLong = Int(Double(edge * long) / Double(short))
            (width, height) = image.width <= image.height ? (edge, newLong) : (newLong, edge)
        }
        var view = view
        view.resize(width: width, height: height)
        return (image.resized(width: width, height: height, filter: filter), view)
    }

    private func cropped(
        _ image: ImageBuffer, _ view: ImageGeometry.View, to crop: (width: Int, height: Int)
    ) -> (ImageBuffer, ImageGeometry.View) {
        let left = Self.cropOrigin(image.width, crop.width)
        let top = Self.cropOrigin(image.height, crop.height)
        var view = view
        view.crop(left: left, top: top, width: crop.width, height: crop.height)
        let cut = image.cropped(
            left: left, top: top, width: crop.width, height: crop.height, background: [0, 0, 0])
        return (cut, view)
    }

    /// `(extent - crop) // 2`, and where the image is smaller, Hugging Face's padding `ceil((crop - extent) / 2)`.
    private static func cropOrigin(_ extent: Int, _ crop: Int) -> Int {
        extent >= crop ? (extent - crop) / 2 : -((crop - extent + 1) / 2)
    }
}

extension ImageBuffer {
    /// Three equal channels.
    func rgb() -> ImageBuffer {
        channels == 3 ? self : ImageBuffer(unchecked: width, height, 3, samples.flatMap { [$0, $0, $0] })
    }

    /// The luminance stretched so that its least value is 0 and its greatest 255, rounded down; a flat image is black.
    /// Source: MAIRA-2's published processor.
    func stretched() -> ImageBuffer {
        let gray = grayscale()
        guard let low = gray.samples.min(), let high = gray.samples.max(), high > low else {
            return ImageBuffer(unchecked: width, height, 1, [UInt8](repeating: 0, count: width * height))
        }
        let table = (0..<256).map { level in
            UInt8(clamping: Int((Double(level) - Double(low)) / Double(high - low) * 255))
        }
        return ImageBuffer(unchecked: width, height, 1, gray.samples.map { table[Int($0)] })
    }
}
