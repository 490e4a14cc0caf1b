import CPNG
import Foundation

/// Pictures in PNG files, by libpng: 8-bit gray or RGB.
public struct PNGFile: Sendable, Equatable {
    /// What a pixel consists of.
    public enum Channels: Int, Sendable {
        case gray = 1
        case rgb = 3
    }

    /// Rows of the picture.
    public let rows: Int
    /// Columns of the picture.
    public let columns: Int
    /// Gray, or red, green and blue.
    public let channels: Channels
    /// `[rows, columns, channels]`.
    public let pixels: [UInt8]

    /// A picture; `pixels` are `[rows, columns, channels]`.
    public init(rows: Int, columns: Int, channels: Channels = .gray, pixels: [UInt8]) {
        precondition(pixels.count == rows * columns * channels.rawValue, "pixels do not fit the size")
        self.rows = rows
        self.columns = columns
        self.channels = channels
        self.pixels = pixels
    }

    /// The picture of a radiograph.
    public init(_ radiograph: Radiograph) {
        self.init(rows: radiograph.rows, columns: radiograph.columns, pixels: radiograph.gray8)
    }

    /// Reads a PNG; 16-bit samples become 8-bit, transparency is put on black.
    ///
    /// - Throws: `PNGError`.
    public init(contentsOf url: URL, channels: Channels = .gray) throws {
        var image = Self.image()
        guard png_image_begin_read_from_file(&image, url.path) != 0 else { throw PNGError(url, image) }
        image.format = Self.format(channels)
        guard Int(image.width) * Int(image.height) <= PixelLimits.standard.maximumPixels else {
            png_image_free(&image)
            throw PNGError(file: url.lastPathComponent, reason: "\(image.width) x \(image.height) pixels are too many")
        }
        var pixels = [UInt8](repeating: 0, count: Int(image.width) * Int(image.height) * channels.rawValue)
        var black = png_color()
        guard png_image_finish_read(&image, &black, &pixels, 0, nil) != 0 else { throw PNGError(url, image) }
        self.init(rows: Int(image.height), columns: Int(image.width), channels: channels, pixels: pixels)
    }

    /// Writes the file.
    ///
    /// - Throws: `PNGError`.
    public func write(to url: URL) throws {
        var image = Self.image()
        image.width = UInt32(columns)
        image.height = UInt32(rows)
        image.format = Self.format(channels)
        guard png_image_write_to_file(&image, url.path, 0, pixels, 0, nil) != 0 else { throw PNGError(url, image) }
    }

    private static func image() -> png_image {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        return image
    }

    private static func format(_ channels: Channels) -> UInt32 {
        channels == .gray ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
    }
}

/// Why a PNG file cannot be read or written.
public struct PNGError: Error, Equatable, CustomStringConvertible {
    /// The file's name.
    public let file: String
    /// libpng's reason.
    public let reason: String

    /// A sentence for a person.
    public var description: String { "\(file): \(reason)" }

    init(file: String, reason: String) {
        self.file = file
        self.reason = reason
    }

    init(_ url: URL, _ image: png_image) {
        file = url.lastPathComponent
        reason = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
